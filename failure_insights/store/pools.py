"""Reading pools: the failing calls of many pairs at once, and the transcripts of one pool."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Engine, text

from failure_insights.domain.auditing import CallContext, Earlier
from failure_insights.domain.calls import Turn
from failure_insights.domain.pools import FailingCall, PoolRule, Window
from failure_insights.store.database import query
from failure_insights.store.insights import prior_causes


@dataclass(frozen=True, slots=True)
class PoolRequest:
    """One pair to be audited at a time; `window_days` only where a request named it."""

    metric_id: int
    at: datetime
    window_days: int | None = None


def read_pools(
    connection: Connection, requests: Sequence[PoolRequest], rule: PoolRule
) -> list[tuple[Window, tuple[FailingCall, ...]]]:
    """Return each request's window and failing calls, in two queries however many they are."""
    windows = _windows(connection, requests, rule)
    rows = connection.execute(query("failing_calls"), _bounds(requests, windows))
    calls = {
        ordinal: tuple(_failing_call(row) for row in group)
        for ordinal, group in groupby(rows, lambda row: row.ordinal)
    }
    return [(window, calls.get(number, ())) for number, window in enumerate(windows, start=1)]


def count_pools(
    connection: Connection, requests: Sequence[PoolRequest], rule: PoolRule
) -> list[tuple[Window, int]]:
    """Return each request's window and the number of its failing calls, without reading them."""
    windows = _windows(connection, requests, rule)
    counts = connection.execute(query("count_failing_calls"), _bounds(requests, windows))
    return list(zip(windows, (count for _, count in counts), strict=True))


def _windows(
    connection: Connection, requests: Sequence[PoolRequest], rule: PoolRule
) -> list[Window]:
    recent = connection.execute(
        query("failing_in_last_day"),
        {
            "metric_ids": [request.metric_id for request in requests],
            "ats": [request.at for request in requests],
            "enough": rule.small_pool,
        },
    )
    return [
        rule.window(request.at, failing, request.window_days)
        for request, (_, failing) in zip(requests, recent, strict=True)
    ]


def _bounds(requests: Sequence[PoolRequest], windows: Sequence[Window]) -> dict[str, Any]:
    return {
        "metric_ids": [request.metric_id for request in requests],
        "starts": [window.start for window in windows],
        "ends": [window.end for window in windows],
    }


def transcripts_of(
    connection: Connection, project_id: int, call_ids: Sequence[str]
) -> dict[str, list[Turn]]:
    """Return the transcripts of a project's calls; a call that is gone is missing."""
    statement = text(
        "SELECT call.call_id, transcript.turns FROM calls AS call"
        " JOIN transcripts AS transcript ON transcript.call_pk = call.id"
        " WHERE call.project_id = :project_id AND call.call_id = ANY(:call_ids)"
    )
    rows = connection.execute(statement, {"project_id": project_id, "call_ids": list(call_ids)})
    return {row.call_id: [Turn(**turn) for turn in row.turns] for row in rows}


@dataclass(frozen=True, slots=True)
class StoredCalls:
    """A `CallReader` of one pair's window, over the store."""

    engine: Engine
    metric_id: int
    window: Window

    def transcripts(self, call_ids: Sequence[str]) -> Mapping[str, Sequence[Turn]]:
        statement = text(
            "SELECT call.call_id, transcript.turns FROM metrics AS metric"
            " JOIN calls AS call USING (project_id)"
            " JOIN transcripts AS transcript ON transcript.call_pk = call.id"
            " WHERE metric.id = :metric_id AND call.call_id = ANY(:call_ids)"
        )
        with self.engine.connect() as connection:
            rows = connection.execute(
                statement, {"metric_id": self.metric_id, "call_ids": list(call_ids)}
            )
            return {row.call_id: [Turn(**turn) for turn in row.turns] for row in rows}

    def contexts(self, call_ids: Sequence[str]) -> Mapping[str, CallContext]:
        statement = text(
            "SELECT call.call_id, call.ended_reason, call.duration_s, call.metadata"
            " FROM metrics AS metric JOIN calls AS call USING (project_id)"
            " WHERE metric.id = :metric_id AND call.call_id = ANY(:call_ids)"
        )
        with self.engine.connect() as connection:
            rows = connection.execute(
                statement, {"metric_id": self.metric_id, "call_ids": list(call_ids)}
            )
            return {
                row.call_id: CallContext(row.ended_reason, row.duration_s, row.metadata)
                for row in rows
            }

    def about_project(self) -> str:
        statement = text(
            "SELECT project.about FROM metrics AS metric"
            " JOIN projects AS project ON project.id = metric.project_id"
            " WHERE metric.id = :metric_id"
        )
        with self.engine.connect() as connection:
            return connection.execute(statement, {"metric_id": self.metric_id}).scalar() or ""

    def earlier(self) -> Earlier:
        values = {"metric_id": self.metric_id, "window_end": self.window.end}
        with self.engine.connect() as connection:
            row = connection.execute(query("earlier_audit"), values).first()
            causes = prior_causes(connection, self.metric_id, self.window.date)
        if row is None:
            return Earlier(causes=causes)
        return Earlier(frozenset(row.pool), frozenset(row.read), causes)

    def passing(self, limit: int) -> Sequence[FailingCall]:
        values = {
            "metric_id": self.metric_id,
            "window_start": self.window.start,
            "window_end": self.window.end,
            "limit": limit,
        }
        with self.engine.connect() as connection:
            return [
                _failing_call(row) for row in connection.execute(query("passing_calls"), values)
            ]


def _failing_call(row: Any) -> FailingCall:
    return FailingCall(row.call_id, row.agent, row.started_at, row.explanation, row.score)
