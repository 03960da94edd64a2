"""Keeping the grid's dynamic partitions equal to the pairs that the store can audit."""

import dagster as dg
from sqlalchemy import Engine

from failure_insights.orchestration.grid import PAIRS_NAME
from failure_insights.orchestration.runs import RANGE_START_TAG, UNFINISHED
from failure_insights.store.projects import eligible_pairs

#: The newest backfills that are asked whether they are under way: Dagster filters them by a name
#: of its own only, and an older one has long ended.
BACKFILLS_LOOKED_AT = 25


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
    unfinished = instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
    if any(RANGE_START_TAG in run.tags for run in unfinished):
        return True
    newest = instance.get_backfills(limit=BACKFILLS_LOOKED_AT)
    return any(backfill.status.name in ("REQUESTED", "CANCELING") for backfill in newest)
