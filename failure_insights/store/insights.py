"""Insights as they are written: what an audit found, and what it knows of earlier days."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from failure_insights.domain.breakdown import Breakdown
from failure_insights.domain.identity import PriorTheme
from failure_insights.domain.pools import NOT_ENOUGH_DATA, Window
from failure_insights.store.database import query

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


def _themes(breakdown: Breakdown) -> Iterator[Mapping[str, object]]:
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


def _calls(breakdown: Breakdown) -> Iterator[Mapping[str, object]]:
    for position, mode in enumerate(breakdown.failure_modes, start=1):
        yield from ({"call_id": call, "position": position} for call in mode.call_ids)
    yield from ({"call_id": call} for call in breakdown.unassigned_call_ids)
    yield from (asdict(error) for error in breakdown.suspected_judge_errors)


def _evidence(breakdown: Breakdown) -> Iterator[Mapping[str, object]]:
    for position, mode in enumerate(breakdown.failure_modes, start=1):
        for ordinal, item in enumerate(mode.evidence, start=1):
            yield {"position": position, "ordinal": ordinal, **asdict(item)}


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
