"""How long a request waits until its audit runs, and what the wait is made of.

    python -m failure_insights_tests.benchmarks.request_latency [--requests 40] [--burst 8]

The embedded set-up, as `failure-insights up` starts it: Postgres, Dagster's webserver, daemon and
code server. Requests come one at a time at random moments, then several at once. Times are of the
database: from the row's insert to its `running`.
"""

import argparse
import json
import os
import random
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
from sqlalchemy import text

from failure_insights.store.database import engine_for
from failure_insights.store.embedded import start_embedded_postgres
from failure_insights.store.queue import request_audit
from failure_insights.store.schema import migrate
from failure_insights_tests.benchmarks.bookkeeping import SEED
from failure_insights_tests.pipeline.dagster_site import DagsterSite, dagster_site, wait_until

PAIRS = 40
TARGET_P50_S, TARGET_P95_S = 3.0, 6.0

PARTS = {
    "PIPELINE_ENQUEUED": "sensor: until Dagster has a run",
    "PIPELINE_STARTING": "queue: until the run is let in",
    "ENGINE_EVENT": "process: start and imports",
    "PIPELINE_START": "run: its job is loaded",
    "running": "step: the row is running",
    "finished": "(the audit itself, of 20 failing calls)",
}

_EVENTS = """
SELECT event.dagster_event_type AS name, event.event,
       CAST(extract(epoch FROM event.timestamp AT TIME ZONE 'UTC' - row.created_at) AS float) AS at
  FROM insights AS row
  JOIN public.event_logs AS event ON event.run_id = row.dagster_run_id
 WHERE row.id = :id AND event.dagster_event_type = ANY(:names)
 ORDER BY event.id
"""
_ROW = """
SELECT CAST(extract(epoch FROM started_at - created_at) AS float) AS running,
       CAST(extract(epoch FROM finished_at - created_at) AS float) AS finished
  FROM insights WHERE id = :id
"""


def main() -> None:
    """Print the waits and their parts."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--requests", type=int, default=40)
    arguments.add_argument("--burst", type=int, default=8)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="failure-insights-") as folder:
        url = start_embedded_postgres(Path(folder) / "postgres")
        _seed(url)
        with dagster_site(url, Path(folder)) as site:
            time.sleep(20)  # `up` is not measured: the daemon's first rounds and the first fork
            print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; ", end="")
            print(f"at rest all of it takes {_cpu_at_rest():.0%} of a core\n", flush=True)
            _one_at_a_time(site, options.requests)
            _at_once(site, options.burst)


def _seed(url: str) -> None:
    engine = engine_for(url)
    migrate(engine)
    recent = SEED.replace("'2026-11-20 12:00Z'::timestamptz", "now() - interval '2 hours'")
    with engine.begin() as connection:
        connection.execute(text(recent), {"pairs": PAIRS, "failing": 20})


def _cpu_at_rest(seconds: float = 15) -> float:
    """Return the CPU that this process's children take together while nothing is asked."""

    def spent() -> float:
        processes = psutil.Process().children(recursive=True)
        return sum(sum(process.cpu_times()[:2]) for process in processes)

    before = spent()
    time.sleep(seconds)
    return (spent() - before) / seconds


def _one_at_a_time(site: DagsterSite, count: int) -> None:
    rng = random.Random(1)
    waits = []
    for number in range(count):
        time.sleep(rng.uniform(0, 5))
        waits.append(_waits(site, _ask(site, number)))
    print(
        f"{count} requests, one at a time (target: p50 {TARGET_P50_S:.0f}, p95 {TARGET_P95_S:.0f})"
    )
    _print_waits(waits)


def _at_once(site: DagsterSite, count: int) -> None:
    asked = [_ask(site, number) for number in range(count)]
    waits = [_waits(site, insight_id) for insight_id in asked]
    print(f"\n{count} requests at once")
    _print_waits(waits)


def _print_waits(waits: Sequence[Mapping[str, float]]) -> None:
    print(f"  {'seconds':42} {'p50':>6} {'p95':>6} {'max':>6}")
    _print_line("from insert to running", [wait["running"] for wait in waits])
    print("  of which")
    last = "created"
    for part, meaning in PARTS.items():
        _print_line(meaning, [wait[part] - wait.get(last, 0.0) for wait in waits])
        last = part


def _print_line(what: str, seconds: Sequence[float]) -> None:
    ordered = sorted(seconds)
    p50, p95 = (ordered[min(len(ordered) - 1, int(len(ordered) * q))] for q in (0.5, 0.95))
    print(f"  {what:42} {p50:6.2f} {p95:6.2f} {ordered[-1]:6.2f}", flush=True)


def _ask(site: DagsterSite, number: int) -> int:
    pair = number % PAIRS
    key = f"project-{1 + pair // 10}/metric-{1 + pair % 10}"
    with site.engine.begin() as connection:
        return request_audit(connection, key, None, key)[0]


def _waits(site: DagsterSite, insight_id: int) -> dict[str, float]:
    """Wait for a request's end; return the seconds from its insert to each part's end."""
    (row,) = wait_until(
        lambda: site.rows(f"{_ROW} AND finished_at IS NOT NULL", id=insight_id), "a request's end"
    )
    ends = {"running": row.running, "finished": row.finished}
    for event in site.rows(_EVENTS, id=insight_id, names=list(PARTS)):
        is_start = event.name != "ENGINE_EVENT" or re.search(
            "Started process", str(json.loads(event.event)["dagster_event"].get("message"))
        )
        if is_start:
            ends.setdefault(event.name, event.at)
    return ends


if __name__ == "__main__":
    main()
