"""Read what a metric's page lists: its past audits, and its themes over time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection
from typing_extensions import TypedDict

from failure_insights.domain.breakdown import AuditorName, ThemeStatus
from failure_insights.store.database import query
from failure_insights.store.insight_rows import HistoryDay
from failure_insights.store.paging import Listed, Page
from failure_insights.store.project_lists import listed
from failure_insights.store.queue import Status


class PastThemeRow(TypedDict):
    """A theme as a past audit counted it."""

    theme_id: str
    title: str
    status: ThemeStatus
    count: int


@dataclass(frozen=True, slots=True)
class PastAuditRow:
    """An audit in brief; `looked_back_from` is the end of its window, or when it was asked for."""

    id: int
    status: Status
    date: date | None
    looked_back_from: datetime
    window_days: int | None
    num_failing_calls: int | None
    auditor: AuditorName | None
    degraded: bool
    error_message: str
    themes: list[PastThemeRow]


@dataclass(frozen=True, slots=True)
class ThemeDaysRow:
    """A theme with its counts per day; `insight_id` is the newest audit that shows it."""

    theme_id: str
    title: str
    first_seen: date
    last_seen: date
    insight_id: int
    history: list[HistoryDay]


def past_audits(connection: Connection, metric_id: int, page: Page) -> Listed[PastAuditRow]:
    """Return one page of a metric's audits, the latest window first."""
    return listed(connection, query("past_audits"), PastAuditRow, {"metric_id": metric_id}, page)


def themes_over_time(
    connection: Connection, project_metric: str, day: date, days: int
) -> list[ThemeDaysRow]:
    """Return the pair's themes of the `days` up to `day`, with their counts per day."""
    values = {"project_metric": project_metric, "day": day, "days": days}
    return [
        ThemeDaysRow(
            row.theme_id,
            row.title,
            row.first_seen,
            row.last_seen,
            row.insight_id,
            _history(row.history),
        )
        for row in connection.execute(query("theme_days"), values)
    ]


def _history(counts: Mapping[str, int]) -> list[HistoryDay]:
    return [{"date": date.fromisoformat(day), "count": count} for day, count in counts.items()]
