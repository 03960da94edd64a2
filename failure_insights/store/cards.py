"""Read the cards of the Insights page: what each metric shows, and which audit is under way."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection

from failure_insights.store.database import query
from failure_insights.store.insight_lists import as_view
from failure_insights.store.insight_rows import FailureModeRow, InsightRow
from failure_insights.store.projects import ProjectRow, ViewRow, metrics_of_view
from failure_insights.store.queue import Status
from failure_insights.store.read_insights import insight_rows
from failure_insights.store.sorted_calls import SinceThenRow, since_then

#: Days that a history line spans.
HISTORY_DAYS = 14
#: A request that no run has taken for this long waits for a daemon that is not there.
PATIENCE_S = 60.0
#: A card counts as many scores without a verdict; of more it says "1,000 and more".
MOST_UNJUDGED = 1_000

Phase = Literal["pending", "stuck", "running", "done"]


@dataclass(frozen=True, slots=True)
class AuditUnderWay:
    """An audit that is not done, as a card tells of it."""

    id: int
    status: Status
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
class CardRow:
    """One metric of the Insights page. `insight` is the API's row; None: never audited."""

    slug: str
    name: str
    description: str
    insight: InsightRow | None = None
    open: AuditUnderWay | None = None
    failed: FailedAudit | None = None
    pass_rule: str | None = None
    #: Scores without a verdict, counted up to `MOST_UNJUDGED`.
    unjudged: int = 0
    #: Failing calls that came after the audit, sorted into its themes; None: none were.
    since: SinceThenRow | None = None

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
    def new_themes(self) -> list[FailureModeRow]:
        modes = self.insight["failure_modes"] if self.insight else []
        return [mode for mode in modes if mode["status"] == "new"]


def read_cards(
    connection: Connection, project: ProjectRow, view: ViewRow | None, slug: str | None = None
) -> list[CardRow]:
    """Return a project's cards in the order of the page, or only the one with that slug.

    With a view: only metrics and calls of its agents. What failed most comes first, then what
    has too little data, then what was never audited.
    """
    values = {"project_id": project.id, "slug": slug, "most_unjudged": MOST_UNJUDGED}
    rows = connection.execute(query("cards"), values).all()
    if view:
        metric_ids = set(metrics_of_view(connection, project, view.id))
        rows = [row for row in rows if row.id in metric_ids]
    ids = [row.done_id for row in rows if row.done_id]
    insights = insight_rows(connection, ids, history_days=HISTORY_DAYS)
    if view:
        insights = as_view(connection, project, view.id, insights, HISTORY_DAYS)
    by_id = {insight["id"]: insight for insight in insights}
    # Of all agents together, so that a view does not show it.
    since = {} if view else since_then(connection, ids)
    cards = [
        replace(_card(row, by_id.get(row.done_id)), since=since.get(row.done_id)) for row in rows
    ]
    return sorted(cards, key=lambda card: (card.insight is None, -card.failing, not card.open))


def _card(row: Any, insight: InsightRow | None) -> CardRow:
    under_way = row.open_id and AuditUnderWay(
        row.open_id, row.open_status, row.open_since, row.open_age, row.open_run_id
    )
    failed = row.failed_id and FailedAudit(
        row.failed_id, row.failed_reason, row.failed_at, row.failed_run_id
    )
    return CardRow(
        row.slug,
        row.name,
        row.description,
        insight,
        under_way,
        failed,
        row.pass_rule,
        row.unjudged,
    )
