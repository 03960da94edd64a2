"""What the assets are given: the store, the auditor, and the IO manager of failing-call sets."""

from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import date, datetime
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any

import dagster as dg
import pandas as pd
from psycopg.types.json import Jsonb
from sqlalchemy import Engine

from failure_insights.audit.compose import open_auditor
from failure_insights.audit.run_audits import OpenAuditor
from failure_insights.domain.pools import FailingCall, Window
from failure_insights.orchestration.grid import partition_key, split_partition_key
from failure_insights.orchestration.run_work import lineage
from failure_insights.settings import get_settings
from failure_insights.store.database import engine_for, query
from failure_insights.store.opening import store_url
from failure_insights.store.schema import migrate

_CALL_COLUMNS = [field.name for field in fields(FailingCall)]
FRAME_COLUMNS = ["partition", "window_end", "window_days", *_CALL_COLUMNS]
_NO_CALL = (None,) * len(_CALL_COLUMNS)
#: `dataclasses.astuple` would copy every value.
_values = attrgetter(*_CALL_COLUMNS)

_migrated: set[str] = set()


class StoreResource(dg.ConfigurableResource[Engine]):
    """The store; its URL is the settings' unless a test names one."""

    url: str | None = None

    def engine(self) -> Engine:
        """Return the engine of the store, its schema up to date."""
        settings = get_settings()
        url = self.url or store_url(settings.database_url, settings.home)
        engine = engine_for(url)
        if url not in _migrated:
            migrate(engine)
            _migrated.add(url)
        return engine


class AuditorResource(dg.ConfigurableResource[OpenAuditor]):
    """The auditor that the settings name."""

    def auditor(self, engine: Engine) -> OpenAuditor:
        """Return what opens the auditor, in the event loop of the audits."""
        return partial(open_auditor, get_settings(), engine)


class FailingCallSets(dg.ConfigurableIOManager):
    """Keeps each partition's failing calls in Postgres, so that an audit can be replayed.

    Each run keeps its own, for two may be at the same partition: a request of 30 days, and the
    grid. What is loaded is the set of this run, or of the run that it re-executes, or the newest.
    """

    store: dg.ResourceDependency[StoreResource]

    def handle_output(self, context: dg.OutputContext, obj: pd.DataFrame) -> None:
        rows = [
            {
                "date": key[0],
                "project_metric": key[1],
                "window_end": window.end,
                "window_days": window.days,
                "calls": Jsonb([_as_json(call) for call in calls]),
                "run_id": context.run_id,
            }
            for key, window, calls in failing_call_sets(obj)
        ]
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
            sets = connection.execute(query("load_failing_calls"), values).all()
        return failing_calls_frame(
            (
                partition_key(kept.date, kept.project_metric),
                Window(kept.window_end, kept.window_days),
                map(_from_json, kept.calls),
            )
            for kept in sets
        )


def _lineage_ids(context: dg.InputContext) -> list[str]:
    try:
        step = context.step_context
    except dg.DagsterInvariantViolationError:
        return []  # loaded outside of a run, by `defs.load_asset_value`
    return [run.run_id for run in lineage(step.instance, step.dagster_run)]


def failing_calls_frame(
    sets: Iterable[tuple[str, Window, Iterable[FailingCall]]],
) -> pd.DataFrame:
    """Return failing calls by partition as the frame that the assets hand on.

    One row a failing call, in the columns of `FRAME_COLUMNS`; a partition without any has one
    row, whose call is missing.
    """
    rows = [
        (key, window.end, window.days, *(_values(call) if call else _NO_CALL))
        for key, window, calls in sets
        for call in (tuple(calls) or (None,))
    ]
    return pd.DataFrame(rows, columns=FRAME_COLUMNS, dtype=object)


def failing_call_sets(
    frame: pd.DataFrame,
) -> Iterator[tuple[tuple[date, str], Window, list[FailingCall]]]:
    """Yield each partition of such a frame: its date and pair, its window, its calls."""
    # One pass over the rows: a pandas group a partition costs 2 ms each.
    rows = frame.itertuples(index=False, name=None)
    for (key, end, days), group in groupby(rows, lambda row: row[:3]):
        calls = [FailingCall(*row[3:]) for row in group if row[3] is not None]
        yield split_partition_key(key), Window(end, days), calls


def _as_json(call: FailingCall) -> dict[str, Any]:
    values = dict(zip(_CALL_COLUMNS, _values(call), strict=True))
    return {**values, "started_at": call.started_at.isoformat()}


def _from_json(call: dict[str, Any]) -> FailingCall:
    return FailingCall(**{**call, "started_at": datetime.fromisoformat(call["started_at"])})
