"""What a run has to do: its partitions less those that are done, for whom, and in which rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

import dagster as dg
from sqlalchemy import Connection

from failure_insights.orchestration.grid import split_partition_key
from failure_insights.orchestration.runs import INSIGHT_TAG, trigger_of
from failure_insights.store import insights, queue
from failure_insights.store.projects import MetricRow, pairs_by_key


@dataclass(frozen=True, slots=True)
class RunWork:
    """The partitions that a run is to audit, and what it must know of them.

    `kept` are partitions that an earlier run of the same work has done already, each with that
    run's ID; `request` is what the run's request asked for, where it has one.
    """

    keys: Sequence[str]
    kept: dict[str, str]
    pairs: dict[str, MetricRow]
    request: queue.OpenAudit | None

    def metric(self, key: str) -> MetricRow | None:
        """Return the metric of a partition; None: it is gone from the store."""
        return self.pairs.get(split_partition_key(key)[1])


def find_work(context: dg.AssetExecutionContext, connection: Connection) -> RunWork:
    """Return the run's work; the row of its request is running from now on.

    A run that failed and is re-executed does what is missing; one that succeeded, all again.

    Raises:
        dg.Failure: another run has the request, or it has ended.
    """
    request = _take_request(context.run, connection)
    # Dagster resolves the run's range anew each time it is asked.
    keys = context.partition_keys
    earlier = takewhile(lambda run: not run.is_success, lineage(context.instance, context.run))
    done = insights.done_by_runs(connection, [run.run_id for run in earlier])
    kept = {key: done[key] for key in keys if key in done}
    missing = [key for key in keys if key not in kept]
    pairs = pairs_by_key(connection, {split_partition_key(key)[1] for key in missing})
    return RunWork(missing, kept, pairs, request)


def open_rows(
    context: dg.AssetExecutionContext, connection: Connection, work: RunWork
) -> dict[str, int]:
    """Return the open row of each partition of the work; those that are not there are made."""
    request = work.request
    if request and request.dagster_run_id == context.run.run_id:
        return dict.fromkeys(work.keys, request.id)
    new = []
    for key in work.keys:
        day, pair = split_partition_key(key)
        metric = work.metric(key)
        new.append(
            queue.NewAudit(
                pair,
                metric.id if metric else None,
                metric.card.name if metric else "",
                day,
                trigger_of(context.run.tags),
                request.window_days if request else None,
                request.max_calls if request else None,
            )
        )
    ids = queue.open_audits(connection, new, context.run.run_id)
    return dict(zip(work.keys, ids, strict=True))


def lineage(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterator[dg.DagsterRun]:
    """Yield the run, the run that it re-executes, the run that that one re-executed, and so on."""
    current: dg.DagsterRun | None = run
    while current:
        yield current
        parent = current.parent_run_id
        current = instance.get_run_by_id(parent) if parent else None


def _take_request(run: dg.DagsterRun, connection: Connection) -> queue.OpenAudit | None:
    if not (insight_id := run.tags.get(INSIGHT_TAG)):
        return None
    if taken := queue.take(connection, int(insight_id), run.run_id):
        return taken
    request = queue.asked_for(connection, int(insight_id))
    if run.parent_run_id:
        return request  # its row has ended with the run before; this one gets a row of its own
    owner = f"run {request.dagster_run_id} has it" if request else "it is gone"
    raise dg.Failure(
        f"Request {insight_id} is not this run's to audit: {owner}, or it has ended.",
        allow_retries=False,
    )
