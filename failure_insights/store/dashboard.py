"""What the pages read: cards, past audits, a theme's days, and what insights say of one call."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, text

from failure_insights.store.database import query
from failure_insights.store.insight_lists import as_view
from failure_insights.store.insights import Row, insight_rows
from failure_insights.store.keys import ApiKey
from failure_insights.store.projects import ProjectRow

#: Days that a history line spans.
HISTORY_DAYS = 14
#: A request that no run has taken for this long waits for a daemon that is not there.
PATIENCE_S = 60.0

Phase = Literal["pending", "stuck", "running", "done"]


@dataclass(frozen=True, slots=True)
class OpenAudit:
    """An audit under way, as a card tells of it."""

    id: int
    status: str
    trigger: str
    since: datetime
    age_s: float
    run_id: str | None

    @property
    def phase(self) -> Phase:
        if self.status == "running":
            return "running"
        return "stuck" if self.age_s > PATIENCE_S else "pending"


@dataclass(frozen=True, slots=True)
class FailedAudit:
    """An audit that failed after the one whose themes the card shows."""

    id: int
    reason: str
    at: datetime
    run_id: str | None


@dataclass(frozen=True, slots=True)
class Card:
    """One metric of the Insights page. `insight` is the API's row; None: never audited."""

    slug: str
    name: str
    description: str
    insight: Row | None = None
    open: OpenAudit | None = None
    failed: FailedAudit | None = None

    @property
    def phase(self) -> Phase:
        """What polling waits to see change."""
        return self.open.phase if self.open else "done"

    @property
    def has_themes(self) -> bool:
        return self.insight is not None and self.insight["status"] == "succeeded"

    @property
    def failing(self) -> int:
        return self.insight["num_failing_calls"] or 0 if self.insight else 0

    @property
    def new_themes(self) -> list[Row]:
        modes = self.insight["failure_modes"] if self.insight else []
        return [mode for mode in modes if mode["status"] == "new"]


@dataclass(frozen=True, slots=True)
class View:
    """A view as the dropdown shows it."""

    id: int
    slug: str
    name: str


def read_cards(
    connection: Connection, project: ProjectRow, view: View | None, slug: str | None = None
) -> list[Card]:
    """Return a project's cards in the order of the page, or only the one with that slug.

    With a view: only metrics and calls of its agents. What failed most comes first, then what
    has too little data, then what was never audited.
    """
    rows = connection.execute(
        query("dashboard_cards"), {"project_id": project.id, "slug": slug}
    ).all()
    if view:
        seen = _metrics_of(connection, project, view)
        rows = [row for row in rows if row.id in seen]
    ids = [row.done_id for row in rows if row.done_id]
    insights = insight_rows(connection, ids, history_days=HISTORY_DAYS)
    if view:
        insights = as_view(connection, project, view.id, insights, HISTORY_DAYS)
    by_id = {insight["id"]: insight for insight in insights}
    cards = [_card(row, by_id.get(row.done_id)) for row in rows]
    return sorted(cards, key=lambda card: (card.insight is None, -card.failing, not card.open))


def _card(row: Any, insight: Row | None) -> Card:
    return Card(
        slug=row.slug,
        name=row.name,
        description=row.description,
        insight=insight,
        open=OpenAudit(
            row.open_id,
            row.open_status,
            row.open_trigger,
            row.open_since,
            row.open_age,
            row.open_run_id,
        )
        if row.open_id
        else None,
        failed=FailedAudit(row.failed_id, row.failed_reason, row.failed_at, row.failed_run_id)
        if row.failed_id
        else None,
    )


def _metrics_of(connection: Connection, project: ProjectRow, view: View) -> set[int]:
    values = {"project_id": project.id, "view_id": view.id}
    return set(connection.execute(query("list_view_metrics"), values).scalars())


def visible_projects(connection: Connection, key: ApiKey) -> list[ProjectRow]:
    """Return the projects that the key may see, by name."""
    values = {"all_projects": key.all_projects, "key_id": key.id}
    rows = connection.execute(query("dashboard_projects"), values)
    return [ProjectRow(row.id, row.slug, row.name) for row in rows]


def key_by_id(connection: Connection, key_id: int) -> ApiKey | None:
    """Return the key that a session was opened with, or None if it was revoked since."""
    statement = text(
        "SELECT id, name, all_projects FROM api_keys WHERE id = :id AND revoked_at IS NULL"
    )
    row = connection.execute(statement, {"id": key_id}).first()
    return ApiKey(*row) if row else None


def views_of(connection: Connection, project: ProjectRow) -> list[View]:
    """Return a project's views by name."""
    statement = text("SELECT id, slug, name FROM views WHERE project_id = :id ORDER BY name, id")
    return [View(*row) for row in connection.execute(statement, {"id": project.id})]


def metric_slug_of(connection: Connection, insight_id: int) -> str:
    """Return the slug of an insight's metric, which may be gone."""
    statement = text("SELECT split_part(project_metric, '/', 2) FROM insights WHERE id = :id")
    return str(connection.execute(statement, {"id": insight_id}).scalar_one())


def past_audits(
    connection: Connection, metric_id: int, page: int, size: int
) -> tuple[Sequence[Any], int]:
    """Return one page (from 1) of a metric's audits, latest first, and how many there are."""
    values = {"metric_id": metric_id, "limit": size, "offset": (page - 1) * size}
    rows = connection.execute(query("dashboard_past_audits"), values).all()
    return rows, rows[0].total if rows else 0


def themes_over_time(
    connection: Connection, project_metric: str, day: date, days: int
) -> Sequence[Any]:
    """Return the pair's themes of the `days` up to `day`, with their counts per day."""
    values = {"project_metric": project_metric, "day": day, "days": days}
    return connection.execute(query("dashboard_theme_days"), values).all()


def said_of_call(
    connection: Connection, project: ProjectRow, call_id: str, insight_id: int | None
) -> Sequence[Any]:
    """Return what insights say of a call: a row a quote, or one without where none is."""
    values = {"project_id": project.id, "call_id": call_id, "insight_id": insight_id}
    return connection.execute(query("dashboard_quotes"), values).all()
