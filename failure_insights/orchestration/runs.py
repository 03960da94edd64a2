"""The words on a run: its tags, and the runs that the grid is cut into."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby

import dagster as dg

from failure_insights.orchestration.grid import partition_key
from failure_insights.store.queue import Trigger

#: The job that audits: `failing_calls`, then `failure_audit`.
JOB = "audit"
#: The insight that a run was asked for, by its ID.
INSIGHT_TAG = "failure_insights/insight_id"
TRIGGER_TAG = "failure_insights/trigger"
PRIORITY_TAG = "dagster/priority"
BACKFILL_TAG = "dagster/backfill"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
UNFINISHED = [status for status in dg.DagsterRunStatus if status not in ENDED]


def trigger_of(tags: Mapping[str, str]) -> Trigger:
    """Return what made the run with these tags."""
    match tags.get(TRIGGER_TAG):
        case "schedule":
            return "schedule"
        case "backfill":
            return "backfill"
        case _:
            return "backfill" if BACKFILL_TAG in tags else "manual"


def range_tags(first_day: date, last_day: date, pairs: Sequence[str]) -> dict[str, str]:
    """Return the tags of a run over these days x these pairs, which must be contiguous."""
    return {
        RANGE_START_TAG: partition_key(first_day, pairs[0]),
        RANGE_END_TAG: partition_key(last_day, pairs[-1]),
    }


def grid_runs(
    day: date, pairs: Sequence[str], grid: Sequence[str], pairs_per_run: int
) -> Iterator[dg.RunRequest]:
    """Yield the runs of one day over these pairs of the grid, in chunks that are contiguous."""
    for chunk in chunks(pairs, grid, pairs_per_run):
        tags = range_tags(day, day, chunk) | {TRIGGER_TAG: "schedule"}
        yield dg.RunRequest(run_key=f"{day}|{chunk[0]}..{chunk[-1]}", tags=tags)


def chunks(pairs: Sequence[str], grid: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """Yield the pairs in chunks of at most `size`, none of which spans another pair of the grid."""
    wanted = set(pairs)
    for is_wanted, stretch in groupby(grid, wanted.__contains__):
        keys = list(stretch) if is_wanted else []
        for start in range(0, len(keys), size):
            yield keys[start : start + size]


def request_run(insight_id: int, day: date, project_metric: str) -> dg.RunRequest:
    """Return the run of a request. Its key is the request's, so asking twice runs once."""
    return dg.RunRequest(
        run_key=f"request-{insight_id}",
        partition_key=partition_key(day, project_metric),
        tags={INSIGHT_TAG: str(insight_id), TRIGGER_TAG: "request", PRIORITY_TAG: "10"},
    )


def executes(run: dg.DagsterRun, asset: dg.AssetsDefinition) -> bool:
    """Return whether the run executes this asset."""
    if run.step_keys_to_execute is not None:
        return asset.op.name in run.step_keys_to_execute
    return run.asset_selection is None or asset.key in run.asset_selection
