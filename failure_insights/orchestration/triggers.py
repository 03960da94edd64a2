"""What starts audits, and what ends those whose run died: the schedule and the three sensors."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date

import dagster as dg
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES
from sqlalchemy import Engine

from failure_insights.domain.pools import date_of
from failure_insights.orchestration.failing_call_sets import StoreResource
from failure_insights.orchestration.grid import PAIRS, PAIRS_NAME
from failure_insights.orchestration.runs import INSIGHT_TAG, RANGE_START_TAG, grid_runs, request_run
from failure_insights.settings import get_settings
from failure_insights.store import queue
from failure_insights.store.llm_answers import forget
from failure_insights.store.projects import MetricRow, eligible_pairs, pairs_by_key

JOB = "audit"
#: Requests handed to Dagster in one tick; the rest wait for the next, a second later.
REQUESTS_PER_TICK = 25
#: A run without a heartbeat for this long is dead: nine beats missed.
SILENCE_S = 90.0
#: A row whose run Dagster does not know after this long never will be run.
NEVER_STARTED_S = 60.0


@dg.schedule(
    cron_schedule="0 6 * * *",
    execution_timezone="UTC",
    job_name=JOB,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def daily_audit(
    context: dg.ScheduleEvaluationContext, store: StoreResource
) -> list[dg.RunRequest] | dg.SkipReason:
    """Audit the whole grid for the 24 hours that end at 06:00 UTC; forget answers that are old."""
    day = date_of(context.scheduled_execution_time)
    engine = store.engine()
    with engine.begin() as connection:
        forget(connection, get_settings().llm_cache_days)
    pairs = sync_pairs(context.instance, engine)
    if not pairs:
        return dg.SkipReason("No project has an eligible metric yet.")
    grid = context.instance.get_dynamic_partitions(PAIRS_NAME)
    return list(grid_runs(day, pairs, grid, get_settings().pairs_per_run))


@dg.sensor(job_name=JOB, minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
def regeneration_requests(
    context: dg.SensorEvaluationContext, store: StoreResource
) -> dg.SensorResult | dg.SkipReason:
    """Hand the queue's pending requests to Dagster. One that cannot be run is failed, and told."""
    engine = store.engine()
    with engine.begin() as connection:
        requests = queue.pending_requests(connection, REQUESTS_PER_TICK)
        if not requests:
            return dg.SkipReason("No request is pending.")
        pairs = pairs_by_key(connection, {request.project_metric for request in requests})
        runs, asked = [], set()
        for request in requests:
            day = date_of(request.at or request.created_at)
            if reason := _why_not(request.project_metric, pairs, day):
                queue.fail(connection, [request.id], reason)
            else:
                runs.append(request_run(request.id, day, request.project_metric))
                asked.add(request.project_metric)
    new = sorted(asked - set(context.instance.get_dynamic_partitions(PAIRS_NAME)))
    return dg.SensorResult(
        run_requests=runs,
        dynamic_partitions_requests=[PAIRS.build_add_request(new)] if new else [],
    )


def _why_not(key: str, pairs: Mapping[str, MetricRow], day: date) -> str | None:
    """Return why a request cannot be run; Dagster would give up the whole tick for it."""
    if key not in pairs:
        return f"The pair {key!r} is not in the store."
    if day < (first := get_settings().first_date):
        return f"Its date {day} is before the grid's first, {first} (FAILURE_INSIGHTS_FIRST_DATE)."
    return pairs[key].card.why_not_eligible


@dg.sensor(
    name="eligible_pairs",
    job_name=JOB,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def eligible_pairs_sensor(
    context: dg.SensorEvaluationContext, store: StoreResource
) -> dg.SkipReason:
    """Keep the dynamic partitions equal to the eligible pairs."""
    pairs = sync_pairs(context.instance, store.engine())
    return dg.SkipReason(f"The grid has {len(pairs)} pairs.")


def sync_pairs(instance: dg.DagsterInstance, engine: Engine) -> list[str]:
    """Make the dynamic partitions equal to the eligible pairs; return these in the grid's order.

    A pair that is gone stays in the grid while a run or a backfill is under way: Dagster cannot
    read a range without its ends, and gives up a backfill that misses one of its pairs.
    """
    with engine.connect() as connection:
        eligible = {pair.key: pair for pair in eligible_pairs(connection)}
    known = set(instance.get_dynamic_partitions(PAIRS_NAME))
    if (gone := known - eligible.keys()) and not _is_grid_in_use(instance):
        for key in gone:
            instance.delete_dynamic_partition(PAIRS_NAME, key)
    if new := [key for key in eligible if key not in known]:
        instance.add_dynamic_partitions(PAIRS_NAME, new)
    return [key for key in instance.get_dynamic_partitions(PAIRS_NAME) if key in eligible]


def _is_grid_in_use(instance: dg.DagsterInstance) -> bool:
    unfinished = instance.get_runs(dg.RunsFilter(statuses=NOT_FINISHED_STATUSES))
    if any(RANGE_START_TAG in run.tags for run in unfinished):
        return True
    under_way = BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING])
    return bool(instance.get_backfills(under_way, limit=1))


@dg.sensor(job_name=JOB, minimum_interval_seconds=5, default_status=dg.DefaultSensorStatus.RUNNING)
def run_failures(context: dg.SensorEvaluationContext, store: StoreResource) -> dg.SkipReason:
    """End the audits whose run died: killed, cancelled, or never started."""
    engine = store.engine()
    with engine.connect() as connection:
        rows = queue.open_rows(connection)
    dead = dead_audits(context.instance, rows)
    with engine.begin() as connection:
        ended = sum(queue.fail(connection, ids, reason) for reason, ids in dead.items())
    return dg.SkipReason(f"{len(rows)} audits are open; {ended} of them had no run any more.")


def dead_audits(
    instance: dg.DagsterInstance, rows: Iterable[queue.OpenRow]
) -> dict[str, list[int]]:
    """Return the open rows whose run is dead, by the reason to tell."""
    dead: dict[str, list[int]] = defaultdict(list)
    runs: dict[str | None, dg.DagsterRun | None] = {}
    for row in rows:
        if row.dagster_run_id not in runs:
            runs[row.dagster_run_id] = (
                instance.get_run_by_id(row.dagster_run_id) if row.dagster_run_id else None
            )
        run = runs[row.dagster_run_id] or _run_of_request(instance, row)
        if reason := _why_dead(instance, row, run):
            dead[reason].append(row.id)
    return dead


def _run_of_request(instance: dg.DagsterInstance, row: queue.OpenRow) -> dg.DagsterRun | None:
    """Return the run that a request was handed to, though it has not taken it."""
    newest = instance.get_runs(dg.RunsFilter(tags={INSIGHT_TAG: str(row.id)}), limit=1)
    return newest[0] if newest else None


def _why_dead(
    instance: dg.DagsterInstance, row: queue.OpenRow, run: dg.DagsterRun | None
) -> str | None:
    if run is None:
        if row.dagster_run_id and row.age > NEVER_STARTED_S:
            return f"Dagster run {row.dagster_run_id} never started, or was deleted."
        return None
    if run.is_finished:
        how = {
            dg.DagsterRunStatus.CANCELED: "was cancelled",
            dg.DagsterRunStatus.FAILURE: "failed",
        }.get(run.status, "ended")
        return f"Dagster run {run.run_id} {how} before this audit was done; its log says why."
    if run.status == dg.DagsterRunStatus.STARTED and row.silence > SILENCE_S:
        message = f"No sign of life for {SILENCE_S:.0f} seconds: the process is gone."
        instance.report_run_failed(run, message)
        return f"Dagster run {run.run_id} was lost. {message}"
    return None
