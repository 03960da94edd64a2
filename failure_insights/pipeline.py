"""The flow: failing_calls -> failure_audit. The file to read first.

A run covers one partition, or a range of them: one or more dates x a contiguous part of the
pairs. `failing_calls` reads the pool of each partition as of its date and keeps it;
`failure_audit` audits each pool, many at once, and ends with three checks of what was stored.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import dagster as dg
import pandas as pd
from sqlalchemy import Connection, Engine

from failure_insights import reporting
from failure_insights.audit.running import AuditResult, AuditRunner, AuditTask, heartbeat
from failure_insights.dagster_events import add_partition_metadata, report_materializations
from failure_insights.domain.pools import FailingCall, Pool, Window
from failure_insights.partitions import GRID, end_of, partition_key, split_partition_key
from failure_insights.run_requests import INSIGHT_TAG, trigger_of
from failure_insights.settings import get_settings
from failure_insights.storage import (
    AuditorResource,
    StoreResource,
    failing_call_sets,
    failing_calls_frame,
)
from failure_insights.store import insights, queue
from failure_insights.store.pools import PoolRequest, read_pools
from failure_insights.store.projects import MetricRow, pairs_by_key

# Ours to know, not every user's to read at every command: the release is pinned.
warnings.filterwarnings("ignore", "Parameter `backfill_policy`", dg.BetaWarning)

#: Materializations are reported this many at a time: often enough to watch, few enough to be fast.
REPORT_EVERY = 50

IN_CHUNKS = dg.BackfillPolicy.multi_run(get_settings().pairs_per_run)


@dg.asset(
    partitions_def=GRID,
    backfill_policy=IN_CHUNKS,
    io_manager_key="failing_call_sets",
    kinds={"postgres", "pandas"},
)
def failing_calls(context: dg.AssetExecutionContext, store: StoreResource) -> pd.DataFrame:
    """The failing calls of each pair in its window, with the judge's words about each."""
    engine = store.engine()
    request = _take_request(context, engine)
    keys = [split_partition_key(key) for key in context.partition_keys]
    now = datetime.now(UTC)
    with engine.connect() as connection:
        pairs = pairs_by_key(connection, {pair for _, pair in keys})
        known = [(day, pairs[pair]) for day, pair in keys if pair in pairs]
        asked = [
            PoolRequest(metric.id, request.at or request.created_at, request.window_days)
            if request
            else PoolRequest(metric.id, min(end_of(day), now))
            for day, metric in known
        ]
        pools = read_pools(connection, asked, get_settings().pool_rule)
    found = dict(zip(((day, metric.key) for day, metric in known), pools, strict=True))
    gone: tuple[Window, tuple[FailingCall, ...]] = (Window(now, 1), ())
    sets = {key: found.get(split_partition_key(key), gone) for key in context.partition_keys}
    add_partition_metadata(context, {key: reporting.of_pool(*pool) for key, pool in sets.items()})
    return failing_calls_frame((key, *pool) for key, pool in sets.items())


CHECKS = {
    "cited_calls_are_in_the_pool": "Every call that an insight cites is in its pool.",
    "counts_add_up": "Themes, unassigned and suspected judge errors add up to the pool.",
    "one_to_six_themes": "An audit that succeeded shows one to six themes.",
}


@dg.asset(
    partitions_def=GRID,
    backfill_policy=IN_CHUNKS,
    output_required=False,
    kinds={"postgres"},
    check_specs=[
        dg.AssetCheckSpec(name, asset="failure_audit", description=description)
        for name, description in CHECKS.items()
    ],
)
def failure_audit(
    context: dg.AssetExecutionContext,
    failing_calls: pd.DataFrame,
    store: StoreResource,
    auditor: AuditorResource,
) -> Iterator[dg.AssetCheckResult]:
    """The themes of each pool: what broke, how often, shown by whose words."""
    engine = store.engine()
    settings = get_settings()
    runner = AuditRunner(
        engine, auditor.auditor(engine), settings.pool_rule, settings.concurrent_audits
    )
    tasks, failed, kept = _open_tasks(context, engine, failing_calls)
    report_materializations(context, {key: reporting.of_kept(run) for key, run in kept.items()})
    finished: dict[str, reporting.Metadata] = {}
    try:
        with heartbeat(engine, context.run_id):
            for result in runner.run(tasks):
                if result.error:
                    failed.append(f"{_key(result)}: {result.error}")
                else:
                    finished[_key(result)] = reporting.of_audit(result)
                if len(finished) >= REPORT_EVERY:
                    report_materializations(context, finished)
                    finished = {}
    except BaseException:
        with engine.begin() as connection:
            ids = [task.insight_id for task in tasks]
            queue.fail(connection, ids, f"Dagster run {context.run_id} ended before this audit.")
        raise
    finally:
        report_materializations(context, finished)
    yield from _checks(context, engine)
    if failed:
        # The partitions reported above stay materialized; the others of the run become failed.
        raise dg.Failure(
            f"{len(failed)} of {len(tasks) + len(kept)} audits failed; the others are kept.",
            metadata={"failed": dg.MetadataValue.md("\n".join(f"- {line}" for line in failed))},
            allow_retries=False,
        )


def _take_request(context: dg.AssetExecutionContext, engine: Engine) -> queue.OpenAudit | None:
    """Return what the run's request asked for, its row now running; None: the run has none."""
    if not (insight_id := context.run.tags.get(INSIGHT_TAG)):
        return None
    with engine.begin() as connection:
        return queue.take(connection, int(insight_id), context.run_id) or queue.asked_for(
            connection, int(insight_id)
        )


def _open_tasks(
    context: dg.AssetExecutionContext, engine: Engine, frame: pd.DataFrame
) -> tuple[list[AuditTask], list[str], dict[str, str]]:
    """Open a row for each pair of the run that still needs an audit.

    Returns:
        The audits to run; why other pairs cannot be audited; and the partitions that an earlier
        run of this one has done already, each with that run's ID.
    """
    with engine.begin() as connection:
        done = insights.done_by_runs(connection, _ancestors(context))
        kept = {key: done[key] for key in context.partition_keys if key in done}
        keys = [key for key in context.partition_keys if key not in kept]
        pairs = pairs_by_key(connection, {split_partition_key(key)[1] for key in keys})
        rows, max_calls = _rows_of_run(connection, context, keys, pairs)
        pools = dict(_pools(frame, pairs))
        tasks, failed = [], []
        for key, insight_id in rows.items():
            day, pair = split_partition_key(key)
            reason = _why_not(pair, pairs.get(pair), pools.get(key))
            if reason:
                queue.fail(connection, [insight_id], reason)
                failed.append(f"{key}: {reason}")
            else:
                task = AuditTask(insight_id, pair, pairs[pair].id, day, pools[key], max_calls)
                tasks.append(task)
    return tasks, failed, kept


def _why_not(pair: str, metric: MetricRow | None, pool: Pool | None) -> str | None:
    if metric is None:
        return f"The pair {pair} is gone: its project or metric is no longer in the store."
    if pool is None:
        return "No failing calls are kept for this partition; materialize failing_calls first."
    return metric.card.why_not_eligible


def _rows_of_run(
    connection: Connection,
    context: dg.AssetExecutionContext,
    keys: Sequence[str],
    pairs: Mapping[str, MetricRow],
) -> tuple[dict[str, int], int | None]:
    """Return the row of each partition, and how many calls the run's request wants read."""
    insight_id = context.run.tags.get(INSIGHT_TAG)
    request = queue.asked_for(connection, int(insight_id)) if insight_id else None
    max_calls = request.max_calls if request else None
    if request and queue.take(connection, request.id, context.run_id):
        return dict.fromkeys(keys, request.id), max_calls
    new = []
    for key in keys:
        day, pair = split_partition_key(key)
        metric = pairs.get(pair)
        new.append(
            queue.NewAudit(
                pair,
                metric.id if metric else None,
                metric.card.name if metric else "",
                day,
                trigger_of(context.run.tags),
                request.window_days if request else None,
                max_calls,
            )
        )
    ids = queue.open_audits(connection, new, context.run_id)
    return dict(zip(keys, ids, strict=True)), max_calls


def _ancestors(context: dg.AssetExecutionContext) -> list[str]:
    """Return the runs that this one re-executes, and this one, which may be resumed."""
    ids = [context.run_id]
    run: dg.DagsterRun | None = context.run
    while run and run.parent_run_id:
        ids.append(run.parent_run_id)
        run = context.instance.get_run_by_id(run.parent_run_id)
    return ids


def _pools(frame: pd.DataFrame, pairs: Mapping[str, MetricRow]) -> Iterator[tuple[str, Pool]]:
    for (day, pair), window, calls in failing_call_sets(frame):
        if metric := pairs.get(pair):
            pool = Pool(metric.project_slug, metric.card, window, tuple(calls))
            yield partition_key(day, pair), pool


def _checks(context: dg.AssetExecutionContext, engine: Engine) -> Iterator[dg.AssetCheckResult]:
    """Check what this run stored, as it is stored: one result a check for all its partitions."""
    with engine.connect() as connection:
        for name in CHECKS:
            offending = insights.violations(connection, f"check_{name}", context.run_id)
            yield dg.AssetCheckResult(
                check_name=name,
                passed=not offending,
                metadata={"insights": offending, "partitions": len(context.partition_keys)},
            )


def _key(result: AuditResult) -> str:
    return partition_key(result.task.date, result.task.project_metric)
