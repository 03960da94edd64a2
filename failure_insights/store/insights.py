"""Insights: keeping what an audit found, and reading it back as the API's row."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from failure_insights.domain.breakdown import Breakdown
from failure_insights.domain.identity import PriorTheme
from failure_insights.domain.pools import NOT_ENOUGH_DATA, Window
from failure_insights.store.database import query

Row = dict[str, Any]

#: Identity looks back this far: a theme that was away longer comes back as a new one.
REMEMBERED_DAYS = 30


def prior_themes(connection: Connection, project_metric: str, day: date) -> list[PriorTheme]:
    """Return the pair's themes up to `day`; a backfilled day sees no later one."""
    rows = connection.execute(
        query("prior_themes"),
        {"project_metric": project_metric, "day": day, "days": REMEMBERED_DAYS},
    )
    return [
        PriorTheme(
            theme_id=row.theme_id,
            title=row.title,
            description=row.description,
            criterion=row.criterion,
            origin=row.origin,
            terms=row.terms,
            first_seen=row.first_seen,
            history={date.fromisoformat(day): count for day, count in row.history.items()},
            call_ids=frozenset(row.call_ids),
        )
        for row in rows
    ]


def succeed(connection: Connection, insight_id: int, day: date, breakdown: Breakdown) -> None:
    """Keep the breakdown of an open row and end the row as succeeded, all or nothing."""
    window = breakdown.pool.window
    connection.execute(
        query("save_breakdown"),
        {
            "id": insight_id,
            "date": day,
            "window_end": window.end,
            "window_days": window.days,
            "num_failing_calls": len(breakdown.pool.calls),
            "num_calls_analyzed": breakdown.num_calls_analyzed,
            "auditor": breakdown.auditor,
            "degraded": breakdown.degraded,
            "model": breakdown.model,
            "usage": Jsonb(asdict(breakdown.usage)),
            "provenance": Jsonb(dict(breakdown.provenance)),
            "message": breakdown.message,
            "themes": Jsonb(list(_themes(breakdown))),
            "calls": Jsonb(list(_calls(breakdown))),
            "evidence": Jsonb(list(_evidence(breakdown))),
        },
    )


@dataclass(frozen=True, slots=True)
class TooFew:
    """An audit whose pool is too small to say anything: its row, date, window and failing calls."""

    insight_id: int
    date: date
    window: Window
    failing: int


def skip(connection: Connection, audits: Sequence[TooFew]) -> None:
    """End the open rows of audits whose pools are too small, in one statement."""
    values = {
        "ids": [audit.insight_id for audit in audits],
        "dates": [audit.date for audit in audits],
        "ends": [audit.window.end for audit in audits],
        "days": [audit.window.days for audit in audits],
        "failing": [audit.failing for audit in audits],
        "message": NOT_ENOUGH_DATA,
    }
    connection.execute(query("skip_audits"), values)


def _themes(breakdown: Breakdown) -> Iterator[Row]:
    for position, mode in enumerate(breakdown.failure_modes, start=1):
        yield {
            "position": position,
            "theme_id": mode.theme_id,
            "title": mode.title,
            "description": mode.description,
            "criterion": mode.criterion,
            "origin": mode.origin,
            "terms": dict(mode.terms),
            "suggested_fix": mode.suggested_fix,
            "status": mode.status,
            "count": mode.count,
        }


def _calls(breakdown: Breakdown) -> Iterator[Row]:
    for position, mode in enumerate(breakdown.failure_modes, start=1):
        yield from ({"call_id": call, "position": position} for call in mode.call_ids)
    yield from ({"call_id": call} for call in breakdown.unassigned_call_ids)
    yield from (asdict(error) for error in breakdown.suspected_judge_errors)


def _evidence(breakdown: Breakdown) -> Iterator[Row]:
    for position, mode in enumerate(breakdown.failure_modes, start=1):
        for ordinal, item in enumerate(mode.evidence, start=1):
            yield {"position": position, "ordinal": ordinal, **asdict(item)}


def insight_rows(
    connection: Connection, insight_ids: Sequence[int], history_days: int | None = None
) -> list[Row]:
    """Return the API's rows of these insights, in the order given; unknown IDs are left out.

    Args:
        history_days: days of each theme's history, up to the insight's own; None for all.
    """
    ids = {"ids": list(insight_ids)}
    rows = {row["id"]: dict(row) for row in connection.execute(query("insights"), ids).mappings()}
    for row in rows.values():
        row |= {"failure_modes": [], "unassigned_call_ids": [], "suspected_judge_errors": []}
    # Most polls ask for a row that is not done, and a done one alone has more to read.
    if done := [row["id"] for row in rows.values() if row["status"] == "succeeded"]:
        _add_findings(connection, rows, {"ids": done, "days": history_days})
    return [rows[key] for key in insight_ids if key in rows]


def _add_findings(
    connection: Connection, rows: Mapping[int, Row], values: Mapping[str, Any]
) -> None:
    history = history_by(connection, "insight_history", values)
    evidence = _grouped(connection, "insight_evidence", values)
    calls = _grouped(connection, "insight_calls", values)
    for insight_id in values["ids"]:
        members = calls.get((insight_id, 0), [])
        rows[insight_id] |= {
            "unassigned_call_ids": [m["call_id"] for m in members if m["reason"] is None],
            "suspected_judge_errors": [m for m in members if m["reason"] is not None],
        }
    for theme in connection.execute(query("insight_themes"), values).mappings():
        place = (theme["insight_id"], theme["position"])
        row = rows[theme["insight_id"]]
        call_ids = [member["call_id"] for member in calls[place]]
        mode = {key: theme[key] for key in _THEME_COLUMNS} | {
            "count": len(call_ids),
            "share": len(call_ids) / row["num_failing_calls"],
            "call_ids": call_ids,
            "evidence": evidence.get(place, []),
            "history": history.get(place, []),
        }
        row["failure_modes"].append(mode)


_THEME_COLUMNS = (
    "theme_id",
    "title",
    "description",
    "origin",
    "suggested_fix",
    "status",
    "first_seen",
)


def history_by(
    connection: Connection, name: str, values: Mapping[str, Any]
) -> dict[tuple[Any, Any], list[Row]]:
    """Return a query's theme histories by its first two columns: a row a theme, not a day."""
    return {
        (first, second): [{"date": d, "count": n} for d, n in zip(dates, counts, strict=True)]
        for first, second, dates, counts in connection.execute(query(name), values)
    }


def _grouped(
    connection: Connection, name: str, values: Mapping[str, Any]
) -> dict[tuple[int, int], list[Row]]:
    """Return a query's rows by their insight and position, its first two columns."""
    groups: dict[tuple[int, int], list[Row]] = defaultdict(list)
    result = connection.execute(query(name), values)
    names = tuple(result.keys())[2:]
    # Thousands of rows a page: plain tuples cost a third of mappings.
    for insight_id, position, *rest in result:
        groups[insight_id, position].append(dict(zip(names, rest, strict=True)))
    return groups


def done_by_runs(connection: Connection, run_ids: Sequence[str]) -> dict[str, str]:
    """Return the partitions (`DATE|PROJECT/METRIC`) that these runs have done, with the run."""
    statement = text(
        "SELECT date || '|' || project_metric, dagster_run_id FROM insights"
        " WHERE dagster_run_id = ANY(:ids) AND status IN ('succeeded', 'skipped_not_enough_data')"
    )
    rows = connection.execute(statement, {"ids": list(run_ids)})
    return dict(tuple(row) for row in rows)


def violations(connection: Connection, check: str, run_ids: Sequence[str]) -> list[int]:
    """Return the IDs of a run's insights that break a check (`sql/CHECK.sql`).

    Args:
        run_ids: the run, and after it the runs that it re-executes.
    """
    return list(connection.execute(query(check), {"run_ids": list(run_ids)}).scalars())
