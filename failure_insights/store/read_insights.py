"""Read insights: the rows of audits with their themes, causes and calls."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection

from failure_insights.domain.theme_life import state_of, trend_of
from failure_insights.store.applied_acts import (
    counts_of,
    settle_modes,
    split_calls_of,
)
from failure_insights.store.database import query
from failure_insights.store.insight_rows import (
    CauseRow,
    EvidenceRow,
    FailureModeRow,
    HistoryDay,
    InsightRow,
    MetricFindingRow,
    SuspectedJudgeErrorRow,
)
from failure_insights.store.result_marks import marks_of_insights


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
        "project_id": row.project_id,
        "metric_name": row.metric_name,
        "metric_id": row.metric_id,
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
        "num_confirmed_errors": row.num_confirmed_errors,
        "failure_modes": [],
        "other_causes": [],
        "unassigned_call_ids": [],
        "not_read_call_ids": [],
        "suspected_judge_errors": [],
        "metric_findings": [],
        "auditor": row.auditor,
        "degraded": row.degraded,
        "paused": row.paused,
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
    evidence = _evidence(connection, values)
    history = history_by(connection, "insight_history", values)
    found = connection.execute(query("insight_themes"), values).all()
    theme_ids = {key for theme in found for key in (theme.theme_id, theme.root_id)}
    splits = split_calls_of(connection, theme_ids)
    parts: dict[int, list[tuple[str, FailureModeRow]]] = defaultdict(list)
    for theme in found:
        place = (theme.insight_id, theme.position)
        days = history.get((theme.insight_id, theme.root_id), [])
        part: FailureModeRow = {
            "theme_id": theme.root_id,
            "title": theme.title,
            "description": theme.description,
            "count": len(calls[place]),
            "share": 0.0,
            "call_ids": calls[place],
            "evidence": evidence[place],
            "origin": theme.origin,
            "suggested_fix": theme.suggested_fix,
            "status": theme.status,
            "first_seen": theme.first_seen,
            "history": days,
            "causes": causes[place],
            "also_call_ids": theme.also_call_ids,
            "severity": theme.severity,
            "severity_reason": theme.severity_reason,
            "state": state_of(theme.state, theme.state_since, theme.last_call_at),
            "trend": trend_of(counts_of(days), theme.first_seen, theme.date),
            "dismissal_reason": theme.dismissal_reason,
            "owner": theme.owner,
            "link": theme.link,
            "merged_theme_ids": theme.merged_theme_ids,
        }
        parts[theme.insight_id].append((theme.theme_id, part))
    for insight_id, found_modes in parts.items():
        settle_modes(rows[insight_id], found_modes, splits)
    _add_marks(connection, [row for row in rows.values() if _doubts(row)])


def _doubts(row: InsightRow) -> list[SuspectedJudgeErrorRow | MetricFindingRow]:
    return [*row["suspected_judge_errors"], *row["metric_findings"]]


def _add_marks(connection: Connection, rows: Sequence[InsightRow]) -> None:
    """Add what people said of the results that insights doubt; most insights doubt none."""
    if rows:
        marks = marks_of_insights(connection, [row["id"] for row in rows])
        for row in rows:
            for doubt in _doubts(row):
                doubt["mark"] = marks.get((row["id"], doubt["call_id"]))


def _add_calls(
    connection: Connection, rows: Mapping[int, InsightRow], values: Mapping[str, Any]
) -> Mapping[tuple[int, int], list[str]]:
    """Add the calls of no theme to their rows; return those of each theme by its position."""
    of_themes: dict[tuple[int, int], list[str]] = defaultdict(list)
    result = connection.execute(query("insight_calls"), values)
    for insight_id, bucket, position, call_id, turn, quote, reason, finding in result:
        row = rows[insight_id]
        match bucket:
            case "theme":
                of_themes[insight_id, position].append(call_id)
            case "unassigned":
                row["unassigned_call_ids"].append(call_id)
            case "not_read":
                row["not_read_call_ids"].append(call_id)
            case "judge_error":
                row["suspected_judge_errors"].append(
                    {
                        "call_id": call_id,
                        "turn": turn,
                        "quote": quote,
                        "reason": reason,
                        "mark": None,
                    }
                )
            case "metric_finding":
                row["metric_findings"].append(
                    {
                        "kind": finding,
                        "call_id": call_id,
                        "turn": turn,
                        "quote": quote,
                        "reason": reason,
                        "mark": None,
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
    """Return a query's theme histories by its first two columns, the insight and the theme.

    A row is a theme, not a day; a day that several merged themes have is summed.
    """
    histories: dict[tuple[Any, Any], list[HistoryDay]] = {}
    for insight_id, theme_id, dates, counts in connection.execute(
        query(name, shown="shown_themes"), values
    ):
        sums: dict[date, int] = defaultdict(int)
        for day, count in zip(dates, counts, strict=True):
            sums[day] += count
        histories[insight_id, theme_id] = [{"date": d, "count": n} for d, n in sums.items()]
    return histories
