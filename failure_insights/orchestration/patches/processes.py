"""What Dagster's processes do later, or in another order, than people want: three settings.

They reach below Dagster's public names, which is why `pyproject.toml` pins its release; without
them everything works, only later and with themes that are not known again. `docs/decisions.md`
has the figures.
"""

import multiprocessing
import sys
from collections.abc import Sequence
from multiprocessing import forkserver

import dagster as dg
from dagster._core.definitions.partitions.subset.default import DefaultPartitionsSubset

#: Seconds between two looks at which sensors are due; Dagster's own are 5, whatever a sensor asks
#: for. A third of the shortest interval: at one second a sensor is just not due at every other.
SENSOR_LOOP_S = 0.35
#: What a run needs, imported once in the process that its process is a fork of.
WARM = "failure_insights.orchestration.patches.warm"


def look_at_sensors_often() -> None:
    """In Dagster's daemon: let `minimum_interval_seconds=1` mean what it says."""
    if daemon := sys.modules.get("dagster._daemon.sensor"):
        vars(daemon)["MIN_INTERVAL_LOOP_TIME"] = SENSOR_LOOP_S


def backfill_day_by_day() -> None:
    """In Dagster's daemon: let the runs of a backfill start with its first day.

    Dagster takes the days from a set, in an order of chance; a day knows the themes of the days
    before it only if these were audited before it.
    """

    def in_order(
        subset: DefaultPartitionsSubset, partitions_def: dg.PartitionsDefinition[str]
    ) -> Sequence[dg.PartitionKeyRange]:
        return sorted(by_chance(subset, partitions_def), key=lambda keys: keys.start)

    by_chance = DefaultPartitionsSubset.get_partition_key_ranges
    setattr(DefaultPartitionsSubset, by_chance.__name__, in_order)


def fork_runs() -> None:
    """In a code server: start each run as a fork of a process that has everything imported.

    Dagster spawns a new Python for each run, which imports for 2 seconds. A fork server is the
    standard library's other way to start a process: signals, exit codes and queues are the same.

    Only in a code server that a Dagster on this machine has started, as it is that which is told
    its instance; in a cluster a run is a pod, and nobody would use the warm process.
    """
    starts_runs = sys.argv[1:3] == ["api", "grpc"] and "--instance-ref" in sys.argv
    if not starts_runs or "forkserver" not in multiprocessing.get_all_start_methods():
        return
    warm = multiprocessing.get_context("forkserver")
    warm.set_forkserver_preload([WARM])
    vars(multiprocessing.get_context("spawn"))["Process"] = warm.Process
    # Now, so that the first run finds it ready.
    forkserver.ensure_running()
