"""The flow: failing_calls -> failure_audit. The file to read first.

A run covers one partition, or a range of them: one or more dates x a contiguous part of the
pairs. `failing_calls` reads the pool of each partition as of its date and keeps it;
`failure_audit` audits each pool, many at once, and ends with three checks of what was stored.
"""

import warnings
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
import pandas as pd
from sqlalchemy import Engine

from failure_insights.audit.caps import MonthlyCaps
from failure_insights.audit.heartbeat import heartbeat
from failure_insights.audit.run_audits import AuditResult, AuditRunner, AuditTask
from failure_insights.domain.pools import Pool, end_of
from failure_insights.orchestration import metadata
from failure_insights.orchestration.failing_call_sets import frame_of, sets_of
from failure_insights.orchestration.grid import GRID, partition_key, split_partition_key
from failure_insights.orchestration.patches.events import (
    add_partition_metadata,
    report_materializations,
)
from failure_insights.orchestration.resources import AuditorResource, StoreResource
from failure_insights.orchestration.run_work import RunWork, find_work, lineage, open_rows
from failure_insights.orchestration.runs import executes
from failure_insights.settings import Settings, get_settings
from failure_insights.store import insights, queue
from failure_insights.store.pools import PoolRequest, read_pools
from failure_insights.store.projects import MetricRow
from failure_insights.text.markdown import plain

# Ours to know, not every user's to read at every command: CI tries the range's releases.
warnings.filterwarnings("ignore", "Parameter `backfill_policy`", dg.BetaWarning)

#: Materializations are reported this many at a time: often enough to watch, few enough to be fast.
REPORT_EVERY = 100
#: Failed audits that Dagster's error lists with their reasons; the store has them all.
FAILURES_SHOWN = 50

GROUP = "failure_insights"
OWNERS = ["team:voice-agents"]
#: The audits of 06:00 UTC are late at 07:00: the UI shows it.
DAILY = dg.FreshnessPolicy.cron(
    deadline_cron="0 7 * * *", lower_bound_delta=timedelta(hours=1), timezone="UTC"
)

IN_CHUNKS = dg.BackfillPolicy.multi_run(get_settings().pairs_per_run)


@dg.asset(
    partitions_def=GRID,
    backfill_policy=IN_CHUNKS,
    io_manager_key="failing_call_sets",
    # For the picture: calls also come by import and webhook, and no run waits for them.
    deps=[dg.AssetDep("calls", partition_mapping=dg.AllPartitionMapping())],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres", "pandas"},
)
def failing_calls(
    context: dg.AssetExecutionContext,
    store: StoreResource,
    settings: dg.ResourceParam[Settings],
) -> pd.DataFrame:
    """The failing calls of each pair in its window, with the judge's words about each."""
    engine = store.engine()
    with engine.begin() as connection:
        work = find_work(context, connection)
        if executes(context.run, failure_audit):
            # From here on a run that dies leaves rows that say so.
            open_rows(context, connection, work)
    now = datetime.now(UTC)
    requests = {
        key: PoolRequest(metric.id, *_looks_back_from(key, work, now))
        for key in work.keys
        if (metric := work.metric(key))
    }
    with heartbeat(engine, context.run.run_id), engine.connect() as connection:
        pools = read_pools(connection, list(requests.values()), settings.pool_rule)
    sets = dict(zip(requests, pools, strict=True))
    add_partition_metadata(
        context,
        {key: metadata.of_pool(*pool) for key, pool in sets.items()}
        | {key: metadata.of_kept(run_id) for key, run_id in work.kept.items()},
    )
    return frame_of(sets)


def _looks_back_from(key: str, work: RunWork, now: datetime) -> tuple[datetime, int | None]:
    """Return the time from which a partition's audit looks back, and the window it asked for."""
    if request := work.request:
        return request.at or request.created_at, request.window_days
    return min(end_of(split_partition_key(key)[0]), now), None


CHECKS = {
    "cited_calls_are_in_the_pool": "Every call that an insight cites is in its pool.",
    "counts_add_up": "Calls in themes and other causes, of no clear cause, not read, and where the"
    " judge or the metric is in question add up to the pool.",
    "one_to_six_themes": "An audit that succeeded shows one to six themes, or no theme but another"
    " cause, a suspected judge error or a metric finding.",
}


@dg.asset(
    partitions_def=GRID,
    backfill_policy=IN_CHUNKS,
    output_required=False,
    group_name=GROUP,
    owners=OWNERS,
    freshness_policy=DAILY,
    kinds={"postgres", "llm"},
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
    settings: dg.ResourceParam[Settings],
) -> Iterator[dg.AssetCheckResult]:
    """The themes of each pool: what broke, how often, shown by whose words."""
    engine = store.engine()
    runner = AuditRunner(
        engine,
        auditor.auditor(engine),
        settings.pool_rule,
        settings.concurrent_audits,
        MonthlyCaps(engine, settings),
    )
    with engine.begin() as connection:
        work = find_work(context, connection)
        rows = open_rows(context, connection, work)
    report_materializations(
        context, {key: metadata.of_kept(run_id) for key, run_id in work.kept.items()}
    )
    tasks, failed = _tasks(engine, work, rows, failing_calls)
    finished: dict[str, metadata.Metadata] = {}
    try:
        with heartbeat(engine, context.run.run_id):
            for result in runner.run(tasks):
                if result.error:
                    failed.append(f"{_key(result)}: {result.error}")
                else:
                    finished[_key(result)] = metadata.of_audit(result)
                if len(finished) >= REPORT_EVERY:
                    report_materializations(context, finished)
                    finished = {}
    except BaseException:
        with engine.begin() as connection:
            reason = f"Dagster run {context.run.run_id} ended before this audit."
            queue.fail(connection, list(rows.values()), reason)
        raise
    finally:
        report_materializations(context, finished)
    yield from _checks(context, engine, len(work.keys) + len(work.kept))
    if failed:
        # The partitions reported above stay materialized; the others of the run become failed.
        raise _failure(failed, len(rows) + len(work.kept))


def _tasks(
    engine: Engine, work: RunWork, rows: dict[str, int], frame: pd.DataFrame
) -> tuple[list[AuditTask], list[str]]:
    """Return the audits to run, and why other partitions cannot be audited: their rows end."""
    sets = sets_of(frame)
    max_calls = work.request.max_calls if work.request else None
    tasks, failed = [], []
    for key, insight_id in rows.items():
        day, pair = split_partition_key(key)
        metric = work.metric(key)
        if metric and key in sets and metric.card.is_eligible:
            window, calls = sets[key]
            pool = Pool(metric.project_slug, metric.card, window, tuple(calls))
            tasks.append(AuditTask(insight_id, pair, metric.id, day, pool, max_calls))
        else:
            reason = _why_not(pair, metric)
            failed.append(f"{key}: {reason}")
            with engine.begin() as connection:
                queue.fail(connection, [insight_id], reason)
    return tasks, failed


def _why_not(pair: str, metric: MetricRow | None) -> str:
    if metric is None:
        return f"The pair {pair} is gone: its project or metric is no longer in the store."
    return metric.card.why_not_eligible or (
        "No failing calls are kept for this partition; materialize failing_calls first."
    )


def _checks(
    context: dg.AssetExecutionContext, engine: Engine, partitions: int
) -> Iterator[dg.AssetCheckResult]:
    """Check what this run stored, as it is stored: one result a check for all its partitions."""
    runs = [run.run_id for run in lineage(context.instance, context.run)]
    with engine.connect() as connection:
        for name in CHECKS:
            offending = insights.violations(connection, f"check_{name}", runs)
            yield dg.AssetCheckResult(
                check_name=name,
                passed=not offending,
                metadata={"insights": offending, "partitions": partitions},
            )


def _failure(failed: Sequence[str], audits: int) -> dg.Failure:
    lines = [f"- {plain(line)}" for line in failed[:FAILURES_SHOWN]]
    if more := len(failed) - len(lines):
        lines.append(f"- and {more} more, each with its reason in the store")
    return dg.Failure(
        f"{len(failed)} of {audits} audits failed; the others are kept.",
        metadata={"failed": dg.MetadataValue.md("\n".join(lines))},
        allow_retries=False,
    )


def _key(result: AuditResult) -> str:
    return partition_key(result.task.date, result.task.project_metric)
