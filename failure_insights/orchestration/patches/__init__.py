"""What reaches below Dagster's public names: each patch is optional, and off by one setting
(`dagster_patches`).

A patch that finds a name missing warns once and leaves Dagster as it is. Nothing here is installed
by an import: `dagster.yaml` names the storage, and `definitions.py` and the storage's constructor
call `install()` of the others.
"""

import warnings
from dataclasses import dataclass

from failure_insights.settings import get_settings


@dataclass(frozen=True, slots=True)
class Patch:
    """Why a patch is there. Figures: `docs/decisions.md`, by `benchmarks.bookkeeping` and
    `benchmarks.request_latency`."""

    name: str
    purpose: str
    gain: str
    upstream: str
    without: str


PATCHES = {
    patch.name: patch
    for patch in (
        Patch(
            "storage",
            "One pool of connections for Dagster's three storages, instead of one connection a"
            " statement.",
            "45 to 6 ms a pair of the grid, with `event_batches`.",
            "https://github.com/dagster-io/dagster/pull/33936",
            "dagster-postgres opens a connection for each statement.",
        ),
        Patch(
            "event_batches",
            "A run's events of its partitions are written by one statement.",
            "45 to 3 ms a pair of the grid.",
            "https://github.com/dagster-io/dagster/pull/33832",
            "Planned events are written one by one.",
        ),
        Patch(
            "partition_metadata",
            "Metadata of all partitions of a run is attached without resolving the run's range"
            " once for each.",
            "18 ms a pair at 300 pairs, growing with their number.",
            "https://github.com/dagster-io/dagster/pull/26562",
            "The public call does it, one partition at a time.",
        ),
        Patch(
            "materializations",
            "Materializations of many partitions are reported in one write.",
            "several statements a pair.",
            "https://github.com/dagster-io/dagster/issues/33035",
            "The public call does it, one partition at a time.",
        ),
        Patch(
            "sensor_interval",
            "The daemon looks three times a second which sensors are due.",
            "2.5 s of the time until a request is taken, on average.",
            "https://github.com/dagster-io/dagster/issues/32836",
            "Sensors are looked at every 5 seconds.",
        ),
        Patch(
            "forked_runs",
            "Runs are forks of a process that has everything imported; only where the setting"
            " `fork_runs` is on, as under `up`.",
            "1.2 to 2 s of a run's start.",
            "none",
            "Each run imports for itself.",
        ),
    )
}

_warned: set[str] = set()


def enabled() -> bool:
    """Return whether patches are installed in this process."""
    return get_settings().dagster_patches


def missing(name: str, what: str) -> None:
    """Warn, once a process, that a patch is left out because something it needs is missing."""
    if name not in _warned:
        _warned.add(name)
        warnings.warn(
            f"This release of Dagster lacks {what}: {PATCHES[name].without} Everything works, only"
            " slower.",
            RuntimeWarning,
            stacklevel=3,
        )
