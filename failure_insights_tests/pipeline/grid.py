"""The grid for tests: real Dagster, in this process, on a real Postgres, with calls to audit."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import dagster as dg
from dagster._core.storage.partition_status_cache import AssetPartitionStatus
from sqlalchemy import Engine, text

from failure_insights.audit.run_audits import OpenAuditor
from failure_insights.definitions import defs
from failure_insights.domain.auditing import Auditor
from failure_insights.domain.breakdown import Breakdown, FailureMode
from failure_insights.domain.pools import Pool, date_of
from failure_insights.errors import FailureInsightsError
from failure_insights.ingest.import_calls import import_calls
from failure_insights.orchestration.grid import GRID, end_of, partition_key
from failure_insights.orchestration.resources import (
    AuditorResource,
    StoreResource,
    process_settings,
)
from failure_insights.orchestration.runs import JOB, range_tags, request_run
from failure_insights.orchestration.sync_grid import sync_pairs
from failure_insights.store.insight_rows import InsightRow
from failure_insights.store.queue import request_audit
from failure_insights.store.read_insights import insight_rows

TODAY = date_of(datetime.now(UTC))
#: The newest date whose 24 hours are over.
YESTERDAY = TODAY - timedelta(days=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

FAILING_CALLS, FAILURE_AUDIT = dg.AssetKey("failing_calls"), dg.AssetKey("failure_audit")
_numbers = count(1)


@dataclass
class OneTheme:
    """An auditor that finds one theme at once, remembers the pools it saw, and fails at will.

    `meanwhile` is called in each audit, `at_start` before the first: what others do to the store.
    """

    name = "wording"
    broken: set[str] = field(default_factory=set)
    terms: Mapping[str, float] = field(default_factory=lambda: {"wrong": 1.0})
    meanwhile: Callable[[], object] | None = None
    at_start: Callable[[], object] | None = None
    pools: list[Pool] = field(default_factory=list)

    @property
    def audited(self) -> list[str]:
        return sorted(pool.metric.name for pool in self.pools)

    async def audit(self, pool: Pool, *_: Any) -> Breakdown:
        self.pools.append(pool)
        if self.meanwhile:
            self.meanwhile()
        if pool.metric.name in self.broken:
            raise FailureInsightsError(f"The endpoint refused {pool.metric.name}.")
        title = f"{pool.metric.name} went wrong"
        mode = FailureMode(title, "They did.", pool.call_ids, terms=self.terms)
        return Breakdown(pool, (mode,), "wording", message="One of one.")


def failing_call(
    pair: str, at: datetime, explanation: str = "It went wrong.", **fields: Any
) -> dict[str, Any]:
    """Return a call that fails the metric of `PROJECT/METRIC`, both as names."""
    project, _, metric = pair.partition("/")
    return {
        "call_id": f"call-{next(_numbers):05}",
        "project": project,
        "agent": "front-desk",
        "started_at": at.isoformat(),
        "transcript": [{"role": "agent", "content": "We are closed."}],
        "metrics": [{"name": metric, "passed": False, "explanation": explanation}],
    } | fields


def take_calls(engine: Engine, calls: Sequence[Mapping[str, Any]]) -> list[str]:
    """Import calls as a team would; return their IDs."""
    report = import_calls(engine, [json.dumps(call).encode() for call in calls])
    assert report.rejected == 0, report
    return [call["call_id"] for call in calls]


@dataclass
class Grid:
    """A store and a Dagster instance on one database."""

    engine: Engine
    instance: dg.DagsterInstance

    def fail(self, pair: str, calls: int, before: datetime | None = None, **fields: Any) -> None:
        """Let calls of the pair fail, a minute apart, the last of them an hour before a time."""
        last = (before or end_of(YESTERDAY)) - HOUR
        times = [last - timedelta(minutes=number) for number in range(calls)]
        take_calls(self.engine, [failing_call(pair, at, **fields) for at in times])

    def sync(self) -> list[str]:
        return sync_pairs(self.instance, self.engine)

    def run(
        self,
        *pairs: str,
        days: Sequence[date] = (YESTERDAY,),
        auditor: Auditor | None = None,
        tags: Mapping[str, str] | None = None,
        **options: Any,
    ) -> dg.ExecuteInProcessResult:
        """Run the job over these pairs (all, if none is named) on these days."""
        ranges = range_tags(days[0], days[-1], pairs or self.sync())
        return self.execute(auditor, tags={**ranges, **(tags or {})}, **options)

    def execute(self, auditor: Auditor | None = None, **options: Any) -> dg.ExecuteInProcessResult:
        job = job_with(lambda: auditor or OneTheme())
        return job.execute_in_process(instance=self.instance, raise_on_error=False, **options)

    def tick(self, sensor: dg.SensorDefinition) -> Any:
        """Evaluate a sensor as the daemon does; return what it asks of Dagster."""
        with dg.build_sensor_context(
            instance_ref=self.instance.get_ref(),
            definitions=defs,
            resources={"store": StoreResource(), "settings": process_settings},
        ) as context:
            return sensor.evaluate_tick(context)

    def request(self, pair: str, **asked: Any) -> int:
        with self.engine.begin() as connection:
            return request_audit(connection, pair, None, pair.partition("/")[2], **asked)[0]

    def run_request(
        self, insight_id: int, pair: str, auditor: Auditor | None = None, **options: Any
    ) -> dg.ExecuteInProcessResult:
        """Run what the sensor asks Dagster to run for a request."""
        self.sync()
        asked = request_run(insight_id, TODAY, pair)
        return self.execute(
            auditor, tags=dict(asked.tags), partition_key=asked.partition_key, **options
        )

    def sql(self, statement: str, **values: Any) -> list[Any]:
        with self.engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return list(result) if result.returns_rows else []

    def rows(self, *insight_ids: int) -> list[InsightRow]:
        """Return the API's rows of these insights, or of all, the oldest first."""
        ids = insight_ids or [row.id for row in self.sql("SELECT id FROM insights ORDER BY id")]
        with self.engine.connect() as connection:
            return insight_rows(connection, list(ids))

    def row(self, *insight_ids: int) -> InsightRow:
        """Return the one insight that there is, or the one of this ID."""
        (row,) = self.rows(*insight_ids)
        return row

    def statuses(
        self, asset: dg.AssetKey, *pairs: str, day: date = YESTERDAY
    ) -> dict[str, AssetPartitionStatus | None]:
        """Return what Dagster shows of the pairs' partitions."""
        keys = {str(partition_key(day, pair)): pair for pair in pairs}
        found = self.instance.get_status_by_partition(asset, list(keys), GRID) or {}
        return {pair: found.get(key) for key, pair in keys.items()}

    def metadata(self, asset: dg.AssetKey, pair: str, day: date = YESTERDAY) -> dict[str, Any]:
        """Return the metadata of a partition's newest materialization."""
        records = self.instance.fetch_materializations(
            dg.AssetRecordsFilter(asset, asset_partitions=[partition_key(day, pair)]), limit=1
        ).records
        materialization = records[0].asset_materialization
        assert materialization
        return dict(materialization.metadata)


def reexecuted(
    grid: Grid, run_id: str, auditor: Auditor, steps: Sequence[str] = (), from_failure: bool = False
) -> dg.JobExecutionResult:
    """Re-execute a run, as the UI does: all of it, from its failure on, or these steps."""
    _auditors.append(auditor)
    if from_failure:
        options = dg.ReexecutionOptions.from_failure(run_id, grid.instance)
    else:
        options = dg.ReexecutionOptions(run_id, list(steps))
    parent = grid.instance.get_run_by_id(run_id)
    assert parent
    return dg.execute_job(
        dg.reconstructable(newest_job),
        grid.instance,
        tags=parent.tags,
        reexecution_options=options,
        raise_on_error=False,
    )


_auditors: list[Auditor] = []


def newest_job() -> dg.JobDefinition:
    """Return the job with the auditor named last; Dagster wants a function of a module."""
    return job_with(lambda: _auditors[-1])


def job_with(auditor: Callable[[], Auditor]) -> dg.JobDefinition:
    """Return the project's job, all of it but for its auditor."""

    class Given(AuditorResource):
        def auditor(self, engine: Engine) -> OpenAuditor:
            given = auditor()
            if isinstance(given, OneTheme) and given.at_start:
                given.at_start()
            return partial(nullcontext, given)

    resources = {**(defs.resources or {}), "auditor": Given()}
    return dg.Definitions(
        assets=defs.assets,
        jobs=defs.jobs,
        resources=resources,
        executor=defs.executor,
        loggers=defs.loggers,
    ).resolve_job_def(JOB)
