"""Dagster's own tables in our Postgres, without a new connection for every event.

dagster-postgres opens a connection for each statement (NullPool) and writes the planned events
of a run one by one; for a grid of pairs that, and not the audits, was the cost: 45 ms a pair.
Here the storages of a process share one pool, and planned events are written in batches.
`docs/decisions.md` has the figures; `benchmarks/bookkeeping.py` prints them.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
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
from sqlalchemy import Engine, create_engine, event

from failure_insights.errors import BadInput
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
#: Where each of Dagster's storages keeps its connections.
ENGINE = "_engine"


@dataclass(frozen=True, slots=True)
class PoolSizes:
    """Size of the pool of connections that Dagster's storages in one process share."""

    #: Connections that stay open.
    pool_size: int = 4
    #: Connections beyond these at a peak; they close when they come back.
    max_overflow: int = 16
    #: Seconds after which a connection is replaced.
    pool_recycle: int = 3600

    def __post_init__(self) -> None:
        for name, least in (("pool_size", 1), ("max_overflow", 0), ("pool_recycle", 1)):
            if (value := getattr(self, name)) < least:
                raise BadInput(
                    f"{name} of the storage in dagster.yaml is {value}; give {least} or more.",
                    code="bad_pool_size",
                )


@cache
def _pool(url: str, sizes: PoolSizes) -> Engine:
    """Return the pool that all of Dagster's storages in this process share."""
    return create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_size=sizes.pool_size,
        max_overflow=sizes.max_overflow,
        pool_recycle=sizes.pool_recycle,
        pool_pre_ping=True,
    )


@cache
def _limit_statements(pool: Engine, milliseconds: int) -> None:
    """End statements on this pool that take longer; once, whatever number of storages ask."""

    @event.listens_for(pool, "connect")
    def set_timeout(connection: Any, _record: Any) -> None:
        with connection, connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = %s", (milliseconds,))

    pool.dispose()  # connections that were made before


class _OnSharedPool:
    """Keeps the shared pool in the webserver, where Dagster gives each storage a pool of one."""

    _engine: Engine

    def optimize_for_webserver(
        self,
        statement_timeout: int,
        pool_recycle: int,  # noqa: ARG002
        max_overflow: int,  # noqa: ARG002
    ) -> None:
        """Take over Dagster's limit for a page's statements (milliseconds), and no sizes: those
        are in `dagster.yaml`, for all processes."""
        _limit_statements(self._engine, statement_timeout)


class _RunStorage(_OnSharedPool, PostgresRunStorage):
    pass


class _ScheduleStorage(_OnSharedPool, PostgresScheduleStorage):
    pass


#: The two events that a run has of each of its partitions.
_OF_PARTITIONS = (
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    dg.DagsterEventType.ASSET_MATERIALIZATION,
)


class _EventLogStorage(_OnSharedPool, PostgresEventLogStorage):
    """Writes a run's events of its partitions together, by one statement whatever their number.

    dagster-postgres writes planned ones one by one, and puts a new statement together for each
    batch of materializations.
    """

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        if not _can_batch(self):
            super().store_event_batch(events)
            return
        kinds = {e.get_dagster_event().event_type for e in events}
        for kind in kinds & set(_OF_PARTITIONS):
            self._store([e for e in events if e.get_dagster_event().event_type == kind])
        if rest := [e for e in events if e.get_dagster_event().event_type not in _OF_PARTITIONS]:
            super().store_event_batch(rest)

    def _store(self, events: Sequence[dg.EventLogEntry]) -> None:
        from dagster._core.storage.event_log.schema import SqlEventLogStorageTable

        table = SqlEventLogStorageTable

        insert = table.insert().returning(table.c.id, sort_by_parameter_order=True)
        with self.index_transaction() as connection:
            rows = connection.execute(insert, [self._event_to_row(entry) for entry in events])
            ids = list(rows.scalars())
            self._store_asset_event_tags(connection, events, ids)
            # The asset's row tells of its newest event only; the batch is sorted by asset.
            stored = zip(events, ids, strict=True)
            for _, of_asset in groupby(stored, lambda pair: pair[0].get_dagster_event().asset_key):
                newest, newest_id = list(of_asset)[-1]
                self._store_asset_event(connection, newest, newest_id)


def _can_batch(storage: PostgresEventLogStorage) -> bool:
    """Return whether this release has what `_store` needs; warn once if it has not."""
    try:
        from dagster._core.storage.event_log.schema import SqlEventLogStorageTable  # noqa: F401
    except ImportError as error:
        missing("event_batches", str(error))
        return False
    for name in ("_event_to_row", "_store_asset_event_tags", "_store_asset_event"):
        if not hasattr(storage, name):
            missing("event_batches", f"PostgresEventLogStorage.{name}")
            return False
    return True


class PooledPostgresStorage(DagsterPostgresStorage):
    """The `storage` of `dagster.yaml`, on the store's database; its configuration is `PoolSizes`.

    With patches switched off it is dagster-postgres' own storage.
    """

    def __init__(
        self, inst_data: "ConfigurableClassData | None" = None, sizes: PoolSizes | None = None
    ) -> None:
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
        own = (self._run_storage, self._event_log_storage, self._schedule_storage)
        if lacking := next((storage for storage in own if not hasattr(storage, ENGINE)), None):
            missing("storage", f"{type(lacking).__name__}.{ENGINE}")
            return
        pool = _pool(url, sizes or PoolSizes())
        self._run_storage = _on(pool, _RunStorage(url))
        self._event_log_storage = _on(pool, _EventLogStorage(url))
        self._schedule_storage = _on(pool, _ScheduleStorage(url))

    @classmethod
    def config_type(cls) -> "UserConfigSchema":
        return {
            field.name: dg.Field(dg.IntSource, default_value=field.default)
            for field in fields(PoolSizes)
        }

    @classmethod
    def from_config_value(
        cls, inst_data: "ConfigurableClassData | None", config_value: Mapping[str, Any]
    ) -> "PooledPostgresStorage":
        return cls(inst_data, PoolSizes(**config_value))


_S = TypeVar("_S", _RunStorage, _EventLogStorage, _ScheduleStorage)


def _on(pool: Engine, storage: _S) -> _S:
    setattr(storage, ENGINE, pool)
    return storage
