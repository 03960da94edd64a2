"""The calls of the sources that are pulled: an asset, its job, and the schedule that brings them.

One asset with a partition a source, and not an asset a source: sources are rows that people add
and remove, and what Dagster loads must not need a database. One run brings all sources, each in a
thread of its own, because starting a run costs seconds; a source that fails costs no other.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from sqlalchemy import Engine

from failure_insights.orchestration.resources import StoreResource
from failure_insights.orchestration.runs import (
    RANGE_END_TAG,
    RANGE_START_TAG,
    TRIGGER_TAG,
    UNFINISHED,
)
from failure_insights.pull.api import SourceFailed
from failure_insights.pull.pulling import Busy, PullReport, pull
from failure_insights.settings import get_settings, secret_named
from failure_insights.store.sources import SourceRow, list_sources
from failure_insights.text.markdown import plain

PULL_JOB = "pull_calls"
SOURCES_NAME = "source"
SOURCES = dg.DynamicPartitionsDefinition(name=SOURCES_NAME)

#: A source is pulled for this long in one run; the next goes on where it was.
PULL_S = 600.0
#: Sources that are pulled at once.
SOURCES_AT_ONCE = 4
#: Just before the daily audit, whatever the schedule is: what it reads is as new as can be.
BEFORE_THE_AUDIT = "50 5 * * *"


@dg.asset(
    partitions_def=SOURCES,
    backfill_policy=dg.BackfillPolicy.single_run(),
    output_required=False,
    kinds={"postgres"},
)
def calls(context: dg.AssetExecutionContext, store: StoreResource) -> Iterator[None]:
    """The new calls of each source, with their scores, as far as its provider has them."""
    engine = store.engine()
    with engine.connect() as connection:
        sources = {source.name: source for source in list_sources(connection, "pull")}
    asked = [sources[name] for name in context.partition_keys if name in sources]
    failed = []
    with ThreadPoolExecutor(SOURCES_AT_ONCE) as pool:
        pulls = {pool.submit(_pull, engine, source): source for source in asked}
        for done in as_completed(pulls):
            name = pulls[done].name
            try:
                report = done.result()
            except SourceFailed as error:
                failed.append(f"{name}: {plain(str(error))}")
                continue
            except Exception as error:
                # A fault of ours with one source, which costs no other.
                context.log.exception(f"Source {name} could not be pulled.")
                failed.append(f"{name}: {type(error).__name__}")
                continue
            failed += [f"{name}: {plain(reason)}" for reason in report.failures]
            if not report.failures:
                context.log_event(
                    dg.AssetMaterialization(
                        context.asset_key, partition=name, metadata=_metadata(report)
                    )
                )
    if failed:
        raise dg.Failure(
            f"{len(failed)} pulls or calls failed; what was brought is kept, and the next run "
            "tries again.",
            metadata={"failed": dg.MetadataValue.md("\n".join(f"- {line}" for line in failed))},
            allow_retries=False,
        )
    yield from ()


def _pull(engine: Engine, source: SourceRow) -> PullReport:
    try:
        return pull(engine, source, now=datetime.now(UTC), secrets=secret_named, seconds=PULL_S)
    except Busy:
        # Somebody pulls it in a terminal, which is as good.
        return PullReport()


def _metadata(report: PullReport) -> dict[str, Any]:
    brought = report.calls
    lines = [f"- {plain(reason)}" for reason in brought.rejections]
    counts = (*brought.passed_over.items(), *brought.left_out.items())
    lines += [f"- {count} {plain(kind)}" for kind, count in counts]
    return {
        "new": brought.new,
        "updated": brought.updated,
        "unchanged": brought.unchanged,
        "rejected": brought.rejected,
        "listed": report.listed,
        "is complete": report.is_complete,
        "not taken": dg.MetadataValue.md("\n".join(lines) or "Everything was taken."),
    }


@dg.schedule(
    cron_schedule=[get_settings().pull_schedule, BEFORE_THE_AUDIT],
    execution_timezone="UTC",
    job_name=PULL_JOB,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def new_calls(
    context: dg.ScheduleEvaluationContext, store: StoreResource
) -> dg.RunRequest | dg.SkipReason:
    """Bring what is new of every pulled source, unless the run before is still at it."""
    names = sync_sources(context.instance, store.engine())
    if not names:
        return dg.SkipReason("No source is pulled; failure-insights sources add makes one.")
    if context.instance.get_runs_count(dg.RunsFilter(job_name=PULL_JOB, statuses=UNFINISHED)):
        return dg.SkipReason("The run before is still bringing calls.")
    at = context.scheduled_execution_time
    return dg.RunRequest(run_key=at.isoformat(timespec="minutes"), tags=pull_tags(names))


def sync_sources(instance: dg.DagsterInstance, engine: Engine) -> list[str]:
    """Make the dynamic partitions equal to the pulled sources; return them in Dagster's order."""
    with engine.connect() as connection:
        names = {source.name for source in list_sources(connection, "pull")}
    known = set(instance.get_dynamic_partitions(SOURCES_NAME))
    for gone in known - names:
        instance.delete_dynamic_partition(SOURCES_NAME, gone)
    if new := sorted(names - known):
        instance.add_dynamic_partitions(SOURCES_NAME, new)
    return list(instance.get_dynamic_partitions(SOURCES_NAME))


def pull_tags(names: list[str]) -> dict[str, str]:
    """Return the tags of a run over all of these partitions, which are in Dagster's order."""
    return {RANGE_START_TAG: names[0], RANGE_END_TAG: names[-1], TRIGGER_TAG: "pull"}
