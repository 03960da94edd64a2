"""Insights as they are read: one row an audit, for the API, the pages and exports alike.

A new field is added to the type, to its SQL file, and where mypy then says that it is missing.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection
from typing_extensions import TypedDict

from failure_insights.domain.breakdown import AuditorName, ThemeStatus
from failure_insights.domain.origins import Origin
from failure_insights.store.database import query
from failure_insights.store.documented import documented
from failure_insights.store.queue import Status, Trigger


@documented
class EvidenceRow(TypedDict):
    """A quote that stands word for word in a call."""

    call_id: str
    turn: int | None
    """0-based turn; null: the judge's own words."""
    quote: str


@documented
class HistoryDay(TypedDict):
    """How many calls a theme had on a day."""

    date: date
    count: int


@documented
class FailureModeRow(TypedDict):
    """One theme: calls that failed for the same reason."""

    theme_id: str
    """The same from day to day."""
    title: str
    description: str
    count: int
    share: float
    """Part of num_failing_calls, 0 to 1."""
    call_ids: list[str]
    evidence: list[EvidenceRow]
    origin: Origin
    suggested_fix: str
    status: ThemeStatus
    first_seen: date
    history: list[HistoryDay]


@documented
class SuspectedJudgeErrorRow(TypedDict):
    """A failing call that looks like a pass."""

    call_id: str
    turn: int | None
    quote: str | None
    reason: str


@documented
class InsightRow(TypedDict):
    """One audit's row. Poll it until `status` is none of `pending` and `running`."""

    id: int
    project: str
    metric_name: str
    status: Status
    trigger: Trigger
    date: date | None
    window_start: datetime | None
    window_end: datetime | None
    window_days: int | None
    max_calls: int | None
    num_failing_calls: int | None
    num_calls_analyzed: int | None
    failure_modes: list[FailureModeRow]
    unassigned_call_ids: list[str]
    suspected_judge_errors: list[SuspectedJudgeErrorRow]
    auditor: AuditorName | None
    degraded: bool
    model: str | None
    usage: dict[str, int]
    message: str
    error_message: str
    duration_seconds: float | None
    dagster_run_id: str | None
    created_at: datetime
    updated_at: datetime


def insight_rows(
    connection: Connection, insight_ids: Sequence[int], history_days: int | None = None
) -> list[InsightRow]:
    """Return these insights in the order given; unknown IDs are left out.

    Args:
        history_days: days of each theme's history, up to the insight's own; None for all.
    """
    values = {"ids": list(insight_ids)}
    rows = {row.id: _insight_row(row) for row in connection.execute(query("insights"), values)}
    # Most polls ask for a row that is not done, and a done one alone has more to read.
    if done := [row["id"] for row in rows.values() if row["status"] == "succeeded"]:
        _add_findings(connection, rows, {"ids": done, "days": history_days})
    return [rows[key] for key in insight_ids if key in rows]


def _insight_row(row: Any) -> InsightRow:
    """Return a row of `insights.sql`, without findings yet."""
    return {
        "id": row.id,
        "project": row.project,
        "metric_name": row.metric_name,
        "status": row.status,
        "trigger": row.trigger,
        "date": row.date,
        "window_start": row.window_start,
        "window_end": row.window_end,
        "window_days": row.window_days,
        "max_calls": row.max_calls,
        "num_failing_calls": row.num_failing_calls,
        "num_calls_analyzed": row.num_calls_analyzed,
        "failure_modes": [],
        "unassigned_call_ids": [],
        "suspected_judge_errors": [],
        "auditor": row.auditor,
        "degraded": row.degraded,
        "model": row.model,
        "usage": row.usage,
        "message": row.message,
        "error_message": row.error_message,
        "duration_seconds": row.duration_seconds,
        "dagster_run_id": row.dagster_run_id,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def _add_findings(
    connection: Connection, rows: Mapping[int, InsightRow], values: Mapping[str, Any]
) -> None:
    """Add the themes, the unassigned calls and the suspected judge errors of done insights."""
    calls = _add_calls(connection, rows, values)
    evidence = _evidence(connection, values)
    history = history_by(connection, "insight_history", values)
    for theme in connection.execute(query("insight_themes"), values):
        place = (theme.insight_id, theme.position)
        row = rows[theme.insight_id]
        row["failure_modes"].append(
            {
                "theme_id": theme.theme_id,
                "title": theme.title,
                "description": theme.description,
                "count": len(calls[place]),
                "share": len(calls[place]) / (row["num_failing_calls"] or 1),
                "call_ids": calls[place],
                "evidence": evidence[place],
                "origin": theme.origin,
                "suggested_fix": theme.suggested_fix,
                "status": theme.status,
                "first_seen": theme.first_seen,
                "history": history.get(place, []),
            }
        )


def _add_calls(
    connection: Connection, rows: Mapping[int, InsightRow], values: Mapping[str, Any]
) -> Mapping[tuple[int, int], list[str]]:
    """Add the calls of no theme to their rows; return those of each theme by its position."""
    of_themes: dict[tuple[int, int], list[str]] = defaultdict(list)
    for insight_id, position, call_id, turn, quote, reason in connection.execute(
        query("insight_calls"), values
    ):
        if position is not None:
            of_themes[insight_id, position].append(call_id)
        elif reason is None:
            rows[insight_id]["unassigned_call_ids"].append(call_id)
        else:
            rows[insight_id]["suspected_judge_errors"].append(
                {"call_id": call_id, "turn": turn, "quote": quote, "reason": reason}
            )
    return of_themes


def _evidence(
    connection: Connection, values: Mapping[str, Any]
) -> Mapping[tuple[int, int], list[EvidenceRow]]:
    """Return the quotes of each theme by its insight and position."""
    of_themes: dict[tuple[int, int], list[EvidenceRow]] = defaultdict(list)
    for insight_id, position, call_id, turn, quote in connection.execute(
        query("insight_evidence"), values
    ):
        of_themes[insight_id, position].append({"call_id": call_id, "turn": turn, "quote": quote})
    return of_themes


def history_by(
    connection: Connection, name: str, values: Mapping[str, Any]
) -> Mapping[tuple[Any, Any], list[HistoryDay]]:
    """Return a query's theme histories by its first two columns: a row a theme, not a day."""
    return {
        (first, second): [{"date": d, "count": n} for d, n in zip(dates, counts, strict=True)]
        for first, second, dates, counts in connection.execute(query(name), values)
    }
