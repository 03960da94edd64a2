"""A code server starts each run as a fork of a process that has everything imported."""

import multiprocessing
import sys
from multiprocessing import forkserver

from failure_insights.orchestration.patches import missing

#: What a run needs, imported once in the process that its process is a fork of.
WARM = "failure_insights.orchestration.patches.warm"


def install() -> None:
    """In a code server, start runs as forks.

    Dagster spawns a new Python for each run, which imports for 2 seconds. A fork server is the
    standard library's other way to start a process: signals, exit codes and queues are the same.

    Only in a code server that listens to this machine alone, on a socket; in a cluster a run is a
    pod, and nobody would use the warm process.
    """
    starts_runs = sys.argv[1:3] == ["api", "grpc"] and "--socket" in sys.argv
    if not starts_runs:
        return
    if "forkserver" not in multiprocessing.get_all_start_methods():
        missing("forked_runs", "a fork server on this system")
        return
    warm = multiprocessing.get_context("forkserver")
    warm.set_forkserver_preload([WARM])
    vars(multiprocessing.get_context("spawn"))["Process"] = warm.Process
    # Now, so that the first run finds it ready.
    forkserver.ensure_running()
