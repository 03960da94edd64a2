"""Insights as they are written: what an audit found, and what it knows of earlier days."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import count
from typing import Any, Literal

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from failure_insights.domain.breakdown import Breakdown, Cause
from failure_insights.domain.identity import PriorCause, PriorTheme
from failure_insights.domain.pools import NOT_ENOUGH_DATA, Window
from failure_insights.domain.theme_life import DISMISSAL_REASONS
from failure_insights.store.database import query

#: Identity looks back this far: a theme that was away longer comes back as a new one,
REMEMBERED_DAYS = 30
#: unless people resolved, dismissed, watched or merged it.
REMEMBERED_DAYS_OF_ACTS = 365

#: The group that a call of an insight is in.
CallBucket = Literal[
    "theme", "other_cause", "unassigned", "not_read", "judge_error", "metric_finding"
]


def prior_themes(connection: Connection, project_metric: str, day: date) -> list[PriorTheme]:
    """Return the pair's themes up to `day`: those that an auditor may know of."""
    return _themes_by_day(connection, project_metric, day, with_later=False)


def known_themes(connection: Connection, project_metric: str, day: date) -> list[PriorTheme]:
    """Return the pair's themes up to `day`, and those of later days only; lock the pair's themes.

    A day may be audited after later ones, as a backfill's days come in any order: with these its
    themes are the same as theirs. The lock lasts as long as the transaction, so that two days
    that are audited at once know each other's.
    """
    lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:pair, 0))")
    connection.execute(lock, {"pair": project_metric})
    return _themes_by_day(connection, project_metric, day, with_later=True)


def _themes_by_day(
    connection: Connection, project_metric: str, day: date, *, with_later: bool
) -> list[PriorTheme]:
    values = {
        "project_metric": project_metric,
        "day": day,
        "days": REMEMBERED_DAYS,
        "days_of_acts": REMEMBERED_DAYS_OF_ACTS,
        "with_later": with_later,
    }
    rows = connection.execute(query("known_themes"), values)
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
            dismissal=_dismissal(row),
        )
        for row in rows
    ]


def _dismissal(row: Any) -> str:
    """Return why people dismissed a theme, in their words; "" for one that they did not."""
    if not row.dismissal_reason:
        return ""
    reason = DISMISSAL_REASONS.get(row.dismissal_reason, row.dismissal_reason)
    return f"{reason}: {row.note}" if row.note else reason


def prior_causes(connection: Connection, metric_id: int, day: date) -> list[PriorCause]:
    """Return the metric's causes up to `day`, with the words and calls of their newest day."""
    values = {"metric_id": metric_id, "day": day, "days": REMEMBERED_DAYS}
    return [
        PriorCause(
            cause_id=row.cause_id,
            title=row.title,
            criterion=row.criterion,
            terms=row.terms,
            first_seen=row.first_seen,
            theme_id=row.theme_id,
            call_ids=frozenset(row.call_ids),
        )
        for row in connection.execute(query("prior_causes"), values)
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
            "paused": breakdown.paused,
            "model": breakdown.model,
            "usage": Jsonb(asdict(breakdown.usage)),
            "cost": breakdown.cost,
            "provenance": Jsonb(dict(breakdown.provenance)),
            "message": breakdown.message,
            "themes": Jsonb(list(_themes(breakdown))),
            "causes": Jsonb(list(_causes(breakdown))),
            "calls": Jsonb(list(_calls(breakdown))),
            "also": Jsonb(list(_also(breakdown))),
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
    began = {call.call_id: call.started_at for call in breakdown.pool.calls}
    for position, mode in enumerate(breakdown.failure_modes, start=1):
        yield {
            "position": position,
            "last_call_at": max(began[call] for call in mode.call_ids).isoformat(),
            "theme_id": mode.theme_id,
            "title": mode.title,
            "description": mode.description,
            "criterion": mode.criterion,
            "origin": mode.origin,
            "terms": dict(mode.terms),
            "suggested_fix": mode.suggested_fix,
            "status": mode.status,
            "count": mode.count,
            "severity": mode.severity,
            "severity_reason": mode.severity_reason,
        }


def _placed_causes(breakdown: Breakdown) -> Iterator[tuple[int, int | None, Cause]]:
    """Yield each cause with its ordinal from 1 and its theme's position; None: of no theme."""
    ordinals = count(1)
    for position, mode in enumerate(breakdown.failure_modes, start=1):
        yield from ((next(ordinals), position, cause) for cause in mode.causes)
    yield from ((next(ordinals), None, cause) for cause in breakdown.other_causes)


def _causes(breakdown: Breakdown) -> Iterator[Mapping[str, object]]:
    for ordinal, position, cause in _placed_causes(breakdown):
        yield {
            "ordinal": ordinal,
            "position": position,
            "cause_id": cause.cause_id,
            "title": cause.title,
            "criterion": cause.criterion,
            "terms": dict(cause.terms),
            "status": cause.status,
        }


def _calls(breakdown: Breakdown) -> Iterator[Mapping[str, object]]:
    cause_of = {
        call: ordinal for ordinal, _, cause in _placed_causes(breakdown) for call in cause.call_ids
    }
    for position, mode in enumerate(breakdown.failure_modes, start=1):
        for call in mode.call_ids:
            yield _call("theme", call, position=position, cause=cause_of.get(call))
    for cause in breakdown.other_causes:
        for call in cause.call_ids:
            yield _call("other_cause", call, cause=cause_of[call])
    yield from (_call("unassigned", call) for call in breakdown.unassigned_call_ids)
    yield from (_call("not_read", call) for call in breakdown.not_read_call_ids)
    for error in breakdown.suspected_judge_errors:
        yield _call("judge_error", **asdict(error))
    for finding in breakdown.metric_findings:
        said = asdict(finding)
        yield _call("metric_finding", finding=said.pop("kind"), **said)


def _call(bucket: CallBucket, call_id: str, **more: object) -> Mapping[str, object]:
    return {"bucket": bucket, "call_id": call_id, **more}


def _also(breakdown: Breakdown) -> Iterator[Mapping[str, object]]:
    for position, mode in enumerate(breakdown.failure_modes, start=1):
        yield from ({"position": position, "call_id": call} for call in mode.also_call_ids)


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
