"""Insights as they are read: one row an audit, for the API, the pages and exports alike.

A new field is added to the type, to its SQL file, and where mypy then says that it is missing.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection
from typing_extensions import TypedDict

from failure_insights.domain.breakdown import (
    AuditorName,
    MetricFindingKind,
    Severity,
    ThemeStatus,
)
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
class CauseRow(TypedDict):
    """One root cause: the finer of the two levels that calls are grouped on."""

    cause_id: str
    """The same from day to day."""
    title: str
    count: int
    call_ids: list[str]
    status: ThemeStatus


@documented
class FailureModeRow(TypedDict):
    """One theme: calls whose causes one fix would end."""

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
    causes: list[CauseRow]
    """All of its calls by cause, largest first; empty where the auditor groups by wording."""
    also_call_ids: list[str]
    """Calls that count elsewhere, and where the theme is at work too."""
    severity: Severity | None
    """How bad it is for callers; null where nobody read a transcript."""
    severity_reason: str


@documented
class SuspectedJudgeErrorRow(TypedDict):
    """A failing call that looks like a pass."""

    call_id: str
    turn: int | None
    quote: str | None
    reason: str


@documented
class MetricFindingRow(TypedDict):
    """A failing call where the metric, not the agent, is in question."""

    kind: MetricFindingKind
    """`reason_not_in_call`: the judge's reason does not occur in the call;
    `nothing_called_for_it`: nothing that the agent could see called for what the judge expected."""
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
    """Transcripts read."""
    num_evaluated_calls: int | None
    """Calls of the window that have a result for the metric, failing or not."""
    failure_modes: list[FailureModeRow]
    other_causes: list[CauseRow]
    """Causes of no theme that is shown."""
    unassigned_call_ids: list[str]
    """Calls that were read, and of which no cause is clear."""
    not_read_call_ids: list[str]
    """Calls whose transcript was not read, and whose explanation does not say why they failed."""
    suspected_judge_errors: list[SuspectedJudgeErrorRow]
    metric_findings: list[MetricFindingRow]
    auditor: AuditorName | None
    degraded: bool
    model: str | None
    usage: dict[str, int]
    cost: float | None
    """US dollars, by the list price of the model; null where that is not known."""
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
        "num_evaluated_calls": row.num_evaluated_calls,
        "failure_modes": [],
        "other_causes": [],
        "unassigned_call_ids": [],
        "not_read_call_ids": [],
        "suspected_judge_errors": [],
        "metric_findings": [],
        "auditor": row.auditor,
        "degraded": row.degraded,
        "model": row.model,
        "usage": row.usage,
        "cost": row.cost,
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
    causes = _add_causes(connection, rows, values)
    also = {
        (row.insight_id, row.position): row.call_ids
        for row in connection.execute(query("insight_also_calls"), values)
    }
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
                "causes": causes[place],
                "also_call_ids": also.get(place, []),
                "severity": theme.severity,
                "severity_reason": theme.severity_reason,
            }
        )


def _add_calls(
    connection: Connection, rows: Mapping[int, InsightRow], values: Mapping[str, Any]
) -> Mapping[tuple[int, int], list[str]]:
    """Add the calls of no theme to their rows; return those of each theme by its position."""
    of_themes: dict[tuple[int, int], list[str]] = defaultdict(list)
    for member in connection.execute(query("insight_calls"), values):
        row, call_id = rows[member.insight_id], member.call_id
        turn, quote, reason = member.turn, member.quote, member.reason
        match member.bucket:
            case "theme":
                of_themes[member.insight_id, member.position].append(call_id)
            case "unassigned":
                row["unassigned_call_ids"].append(call_id)
            case "not_read":
                row["not_read_call_ids"].append(call_id)
            case "judge_error":
                row["suspected_judge_errors"].append(
                    {"call_id": call_id, "turn": turn, "quote": quote, "reason": reason}
                )
            case "metric_finding":
                row["metric_findings"].append(
                    {
                        "kind": member.finding,
                        "call_id": call_id,
                        "turn": turn,
                        "quote": quote,
                        "reason": reason,
                    }
                )
    return of_themes


def _add_causes(
    connection: Connection, rows: Mapping[int, InsightRow], values: Mapping[str, Any]
) -> Mapping[tuple[int, int], list[CauseRow]]:
    """Add the causes of no theme to their rows; return those of each theme by its position."""
    of_themes: dict[tuple[int, int], list[CauseRow]] = defaultdict(list)
    for cause in connection.execute(query("insight_causes"), values):
        row: CauseRow = {
            "cause_id": cause.cause_id,
            "title": cause.title,
            "count": len(cause.call_ids),
            "call_ids": cause.call_ids,
            "status": cause.status,
        }
        if cause.position is None:
            rows[cause.insight_id]["other_causes"].append(row)
        else:
            of_themes[cause.insight_id, cause.position].append(row)
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
