"""What starts audits, and what ends those whose run died: the schedule and the three sensors."""

from collections.abc import Mapping
from datetime import date

import dagster as dg

from failure_insights.domain.pools import date_of
from failure_insights.orchestration.dead_runs import dead_audits
from failure_insights.orchestration.grid import PAIRS, PAIRS_NAME
from failure_insights.orchestration.resources import StoreResource
from failure_insights.orchestration.runs import JOB, grid_runs, request_run
from failure_insights.orchestration.sync_grid import sync_pairs
from failure_insights.settings import Settings
from failure_insights.store import queue
from failure_insights.store.llm_answers import forget
from failure_insights.store.projects import MetricRow, pairs_by_key

#: Requests handed to Dagster in one tick; the rest wait for the next, a second later.
REQUESTS_PER_TICK = 25


@dg.schedule(
    cron_schedule="0 6 * * *",
    execution_timezone="UTC",
    job_name=JOB,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def daily_audit(
    context: dg.ScheduleEvaluationContext,
    store: StoreResource,
    settings: dg.ResourceParam[Settings],
) -> list[dg.RunRequest] | dg.SkipReason:
    """Audit the whole grid for the 24 hours that end at 06:00 UTC; forget answers that are old."""
    day = date_of(context.scheduled_execution_time)
    engine = store.engine()
    with engine.begin() as connection:
        forget(connection, settings.llm_cache_days)
    pairs = sync_pairs(context.instance, engine)
    if not pairs:
        return dg.SkipReason("No project has an eligible metric yet.")
    grid = context.instance.get_dynamic_partitions(PAIRS_NAME)
    return list(grid_runs(day, pairs, grid, settings.pairs_per_run))


@dg.sensor(job_name=JOB, minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
def regeneration_requests(
    context: dg.SensorEvaluationContext,
    store: StoreResource,
    settings: dg.ResourceParam[Settings],
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
            if reason := _why_not(request.project_metric, pairs, day, settings.first_date):
                queue.fail(connection, [request.id], reason)
            else:
                runs.append(request_run(request.id, day, request.project_metric))
                asked.add(request.project_metric)
    new = sorted(asked - set(context.instance.get_dynamic_partitions(PAIRS_NAME)))
    return dg.SensorResult(
        run_requests=runs,
        dynamic_partitions_requests=[PAIRS.build_add_request(new)] if new else [],
    )


def _why_not(key: str, pairs: Mapping[str, MetricRow], day: date, first_date: date) -> str | None:
    """Return why a request cannot be run; Dagster would give up the whole tick for it."""
    if key not in pairs:
        return f"The pair {key!r} is not in the store."
    if day < first_date:
        return (
            f"Its date {day} is before the grid's first, {first_date} "
            "(FAILURE_INSIGHTS_FIRST_DATE)."
        )
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
