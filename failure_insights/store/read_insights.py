"""Read insights: the rows of audits with their themes, causes and calls."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from failure_insights.store.database import query
from failure_insights.store.insight_rows import CauseRow, EvidenceRow, HistoryDay, InsightRow


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
                "also_call_ids": theme.also_call_ids,
                "severity": theme.severity,
                "severity_reason": theme.severity_reason,
            }
        )


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
                    {"call_id": call_id, "turn": turn, "quote": quote, "reason": reason}
                )
            case "metric_finding":
                row["metric_findings"].append(
                    {
                        "kind": finding,
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
