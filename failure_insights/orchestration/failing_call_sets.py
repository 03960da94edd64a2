"""The value of `failing_calls`: a DataFrame, kept in Postgres as one set a partition."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import dagster as dg
import pandas as pd
from psycopg.types.json import Jsonb

from failure_insights.domain.pools import FailingCall, Window
from failure_insights.orchestration.grid import partition_key, split_partition_key
from failure_insights.orchestration.resources import StoreResource
from failure_insights.orchestration.run_work import lineage
from failure_insights.store.database import query

#: The columns of the frame, one row a failing call, with their pandas types.
COLUMN_TYPES = {
    "date": "datetime64[us]",
    "project_metric": "str",
    "call_id": "str",
    "agent": "str",
    "started_at": "datetime64[us, UTC]",
    "explanation": "str",
    "score": "object",
}
#: In `frame.attrs`: the window of each partition, of those without a failing call too.
WINDOWS = "windows"

#: A partition's window and its failing calls, in order of time.
FailingCallSet = tuple[Window, Sequence[FailingCall]]


class FailingCallSets(dg.ConfigurableIOManager):
    """Keeps each partition's failing calls in Postgres, so that an audit can be replayed.

    Each run keeps its own, for two may be at the same partition: a request of 30 days, and the
    grid. What is loaded is the set of this run, or of the run that it re-executes, or the newest.
    """

    store: dg.ResourceDependency[StoreResource]

    def handle_output(self, context: dg.OutputContext, obj: pd.DataFrame) -> None:
        rows = []
        for key, (window, calls) in sets_of(obj).items():
            day, pair = split_partition_key(key)
            rows.append(
                {
                    "date": day,
                    "project_metric": pair,
                    "window_end": window.end,
                    "window_days": window.days,
                    "calls": Jsonb([_as_json(call) for call in calls]),
                    "run_id": context.run_id,
                }
            )
        if rows:
            with self.store.engine().begin() as connection:
                connection.execute(query("store_failing_calls"), rows)

    def load_input(self, context: dg.InputContext) -> pd.DataFrame:
        keys = [split_partition_key(key) for key in context.asset_partition_keys]
        values = {
            "dates": [day for day, _ in keys],
            "pairs": [pair for _, pair in keys],
            "run_ids": _lineage_ids(context),
        }
        with self.store.engine().connect() as connection:
            kept = connection.execute(query("load_failing_calls"), values).all()
        return frame_of(
            {
                partition_key(row.date, row.project_metric): (
                    Window(row.window_end, row.window_days),
                    [_from_json(call) for call in row.calls],
                )
                for row in kept
            }
        )


def _lineage_ids(context: dg.InputContext) -> list[str]:
    try:
        step = context.step_context
    except dg.DagsterInvariantViolationError:
        return []  # loaded outside of a run, by `defs.load_asset_value`
    return [run.run_id for run in lineage(step.instance, step.dagster_run)]


def frame_of(sets: Mapping[str, FailingCallSet]) -> pd.DataFrame:
    """Return the frame of failing calls by partition key, in the columns of `COLUMN_TYPES`.

    A partition without a failing call has no row; its window is in `attrs` all the same.
    """
    rows = [
        (*split_partition_key(key), *_values(call))
        for key, (_, calls) in sets.items()
        for call in calls
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMN_TYPES)).astype(COLUMN_TYPES)
    frame.attrs[WINDOWS] = {key: window for key, (window, _) in sets.items()}
    return frame


def sets_of(frame: pd.DataFrame) -> dict[str, FailingCallSet]:
    """Return the window and the failing calls of each partition of such a frame."""
    calls: dict[str, list[FailingCall]] = defaultdict(list)
    # One pass over plain values: a pandas group a partition costs 2 ms each.
    for day, pair, call_id, agent, at, explanation, score in zip(*_columns(frame), strict=True):
        calls[partition_key(day.date(), pair)].append(
            FailingCall(call_id, agent, at, explanation, score)
        )
    return {key: (window, calls[key]) for key, window in frame.attrs[WINDOWS].items()}


def _columns(frame: pd.DataFrame) -> Iterable[list[Any]]:
    for name, type_ in COLUMN_TYPES.items():
        column = frame[name]
        is_time = type_.startswith("datetime64")
        yield list(pd.DatetimeIndex(column).to_pydatetime()) if is_time else column.tolist()


def _values(call: FailingCall) -> tuple[Any, ...]:
    return call.call_id, call.agent, call.started_at, call.explanation, call.score


def _as_json(call: FailingCall) -> dict[str, Any]:
    return {**asdict(call), "started_at": call.started_at.isoformat()}


def _from_json(call: dict[str, Any]) -> FailingCall:
    return FailingCall(**{**call, "started_at": datetime.fromisoformat(call["started_at"])})
