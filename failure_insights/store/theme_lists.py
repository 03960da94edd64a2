"""Read themes by themselves: as people left them, over all their days."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text
from typing_extensions import TypedDict

from failure_insights.domain.breakdown import Severity
from failure_insights.domain.origins import Origin
from failure_insights.domain.theme_life import (
    DismissalReason,
    ThemeState,
    Trend,
    state_of,
    trend_of,
)
from failure_insights.errors import UnknownName
from failure_insights.store.database import query
from failure_insights.store.documented import documented
from failure_insights.store.insight_rows import HistoryDay
from failure_insights.store.paging import Listed, Page
from failure_insights.store.projects import ProjectRow, find_metric, find_project

#: A list holds the themes of so many days before the newest, and those with a state of their own.
LISTED_DAYS = 30


@documented
class ThemeRow(TypedDict):
    """A theme over all its days, as people left it."""

    theme_id: str
    project: str
    metric_name: str | None
    """Null: the metric is gone."""
    title: str
    description: str
    criterion: str
    """By which a call is told to be of it."""
    origin: Origin
    suggested_fix: str
    """Of the newest audit that shows it, as are severity and severity_reason."""
    severity: Severity | None
    severity_reason: str
    state: ThemeState
    state_since: datetime | None
    """From when on people say that the state holds."""
    dismissal_reason: DismissalReason | None
    note: str
    owner: str
    link: str
    """Of the ticket."""
    merged_into: str | None
    """The theme that this one counts with."""
    merged_theme_ids: list[str]
    trend: Trend
    """By its counts up to the metric's newest audit."""
    first_seen: date | None
    last_seen: date | None
    insight_id: int | None
    """The newest audit that shows it."""
    history: list[HistoryDay]


def find_theme(connection: Connection, project: ProjectRow, theme_id: str) -> ThemeRow:
    """Return a theme of the project.

    Raises:
        UnknownName: the project has no such theme.
    """
    rows = _read(connection, project, theme_ids=[theme_id])
    if not rows:
        raise UnknownName(f"there is no theme {theme_id[:80]!r} in project {project.slug!r}")
    return rows[0]


def project_of_theme(connection: Connection, theme_id: str) -> ProjectRow:
    """Return the project of a theme, for those who may see all.

    Raises:
        UnknownName: there is no such theme.
    """
    statement = text("SELECT split_part(project_metric, '/', 1) FROM themes WHERE theme_id = :id")
    slug = connection.execute(statement, {"id": theme_id}).scalar()
    if slug is None:
        raise UnknownName(f"there is no theme {theme_id[:80]!r}; 'themes list' names them")
    return find_project(connection, slug)


def list_themes(
    connection: Connection,
    project: ProjectRow,
    page: Page,
    *,
    metric_name: str | None = None,
    state: ThemeState | None = None,
    trend: Trend | None = None,
) -> Listed[ThemeRow]:
    """Return one page of a project's themes, the latest seen first; merged ones are one.

    Without a filter: those of the last `LISTED_DAYS` days, and those that people watch, resolved
    or dismissed.

    Raises:
        UnknownName: the project has no such metric.
    """
    pair = find_metric(connection, project.id, metric_name).key if metric_name else None
    rows = _read(connection, project, pair=pair)
    seen = [row["last_seen"] for row in rows if row["last_seen"]]
    since = max(seen, default=date.min + timedelta(days=LISTED_DAYS)) - timedelta(days=LISTED_DAYS)
    rows = [
        row
        for row in rows
        if (state is None or row["state"] == state)
        and (trend is None or row["trend"] == trend)
        and (state or trend or row["state"] != "active" or _seen_after(row, since))
    ]
    first = page.limits["offset"]
    return Listed(rows[first : first + page.size], len(rows))


def _seen_after(row: ThemeRow, day: date) -> bool:
    return row["last_seen"] is not None and row["last_seen"] > day


def _read(
    connection: Connection,
    project: ProjectRow,
    *,
    pair: str | None = None,
    theme_ids: Sequence[str] | None = None,
) -> list[ThemeRow]:
    values = {"project_id": project.id, "pair": pair, "theme_ids": theme_ids}
    return [_row(project, row) for row in connection.execute(query("themes"), values)]


def _row(project: ProjectRow, row: Any) -> ThemeRow:
    counts = {date.fromisoformat(day): count for day, count in row.history.items()}
    last_day = row.last_audited or row.last_seen or date.min
    return {
        "theme_id": row.theme_id,
        "project": project.slug,
        "metric_name": row.metric_name,
        "title": row.title,
        "description": row.description,
        "criterion": row.criterion,
        "origin": row.origin,
        "suggested_fix": row.suggested_fix or "",
        "severity": row.severity,
        "severity_reason": row.severity_reason or "",
        "state": state_of(row.state, row.state_since, row.last_call_at),
        "state_since": row.state_since,
        "dismissal_reason": row.dismissal_reason,
        "note": row.note,
        "owner": row.owner,
        "link": row.link,
        "merged_into": row.merged_into,
        "merged_theme_ids": row.merged_theme_ids,
        "trend": trend_of(counts, row.first_seen or last_day, last_day),
        "first_seen": row.first_seen,
        "last_seen": row.last_seen,
        "insight_id": row.insight_id,
        "history": [{"date": day, "count": counts[day]} for day in sorted(counts)],
    }
