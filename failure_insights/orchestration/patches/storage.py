"""Dagster's own tables in our Postgres, without a new connection for every event.

dagster-postgres opens a connection for each statement (NullPool) and writes the planned events
of a run one by one; for a grid of pairs that, and not the audits, was the cost: 45 ms a pair.
Here the storages of a process share one pool, and planned events are written in batches.
`docs/decisions.md` has the figures; `benchmarks/bookkeeping.py` prints them.
"""

import os
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar

import dagster as dg
from dagster_postgres import (
    DagsterPostgresStorage,
    PostgresEventLogStorage,
    PostgresRunStorage,
    PostgresScheduleStorage,
)
from sqlalchemy import Engine, create_engine

from failure_insights.orchestration.patches import enabled, missing, sensor_interval
from failure_insights.settings import get_settings
from failure_insights.store.database import engine_for, reachable, url_for_driver
from failure_insights.store.opening import store_url

if TYPE_CHECKING:
    from dagster._config.config_schema import UserConfigSchema
    from dagster._serdes import ConfigurableClassData

#: Dagster reads it from the environment alone; unset, it writes one event at a time.
EVENT_BATCH_SIZE = "DAGSTER_EVENT_BATCH_SIZE"
EVENTS_IN_A_BATCH = 1000


@cache
def _pool(url: str) -> Engine:
    """Return the pool that all of Dagster's storages in this process share.

    A connection goes back with a rollback: index_transaction() of dagster-postgres would else
    leave some of them "idle in transaction", until none is left.
    """
    return create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_size=4,
        max_overflow=16,
        pool_pre_ping=True,
        pool_recycle=3600,
        pool_reset_on_return="rollback",
    )


#: The two events that a run has of each of its partitions.
_OF_PARTITIONS = (
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    dg.DagsterEventType.ASSET_MATERIALIZATION,
)


class _EventLogStorage(PostgresEventLogStorage):
    """Writes a run's events of its partitions together, by one statement whatever their number.

    dagster-postgres writes planned ones one by one, and puts a new statement together for each
    batch of materializations.
    """

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        if not _can_batch(self):
            super().store_event_batch(events)
            return
        kinds = {event.get_dagster_event().event_type for event in events}
        for kind in kinds & set(_OF_PARTITIONS):
            self._store([e for e in events if e.get_dagster_event().event_type == kind])
        if rest := [e for e in events if e.get_dagster_event().event_type not in _OF_PARTITIONS]:
            super().store_event_batch(rest)

    def _store(self, events: Sequence[dg.EventLogEntry]) -> None:
        from dagster._core.storage.event_log.schema import SqlEventLogStorageTable

        table = SqlEventLogStorageTable

        insert = table.insert().returning(table.c.id, sort_by_parameter_order=True)
        with self.index_transaction() as connection:
            rows = connection.execute(insert, [self._event_to_row(event) for event in events])
            ids = list(rows.scalars())
            self._store_asset_event_tags(connection, events, ids)
            # The asset's row tells of its newest event only; the batch is sorted by asset.
            stored = zip(events, ids, strict=True)
            for _, of_asset in groupby(stored, lambda pair: pair[0].get_dagster_event().asset_key):
                event, event_id = list(of_asset)[-1]
                self._store_asset_event(connection, event, event_id)


def _can_batch(storage: PostgresEventLogStorage) -> bool:
    """Return whether this release has what `_store` needs; warn once if it has not."""
    try:
        from dagster._core.storage.event_log.schema import SqlEventLogStorageTable  # noqa: F401
    except ImportError as error:
        missing("event_batches", str(error))
        return False
    for name in ("_event_to_row", "_store_asset_event_tags", "_store_asset_event"):
        if not hasattr(storage, name):
            missing("event_batches", f"{type(storage).__mro__[1].__name__}.{name}")
            return False
    return True


class PooledPostgresStorage(DagsterPostgresStorage):
    """The `storage` of `dagster.yaml`; it takes no configuration but our settings.

    With patches switched off it is dagster-postgres' own storage, on the store's database.
    """

    def __init__(self, inst_data: "ConfigurableClassData | None" = None) -> None:
        settings = get_settings()
        ours = store_url(settings.database_url, settings.home)
        url = url_for_driver(ours, "psycopg2")
        with reachable(engine_for(ours)):
            pass  # says plainly that Postgres does not answer, before Dagster's retries say less
        super().__init__(url, inst_data=inst_data)
        if not enabled():
            return
        os.environ.setdefault(EVENT_BATCH_SIZE, str(EVENTS_IN_A_BATCH))
        # Every process of Dagster makes its storage before it does anything else.
        sensor_interval.install()
        self._run_storage = _on_pool(PostgresRunStorage(url), url)
        self._event_log_storage = _on_pool(_EventLogStorage(url), url)
        self._schedule_storage = _on_pool(PostgresScheduleStorage(url), url)

    @classmethod
    def config_type(cls) -> "UserConfigSchema":
        return {}

    @classmethod
    def from_config_value(
        cls,
        inst_data: "ConfigurableClassData | None",
        config_value: Mapping[str, Any],  # noqa: ARG003
    ) -> "PooledPostgresStorage":
        return cls(inst_data)


_S = TypeVar("_S", PostgresRunStorage, PostgresEventLogStorage, PostgresScheduleStorage)


def _on_pool(storage: _S, url: str) -> _S:
    if hasattr(storage, "_engine"):
        storage._engine = _pool(url)
    else:
        missing("storage", f"{type(storage).__name__}._engine")
    return storage
