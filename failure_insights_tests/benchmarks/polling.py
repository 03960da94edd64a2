"""How fast a poll is answered: 50 requests a second at one worker of the API, over HTTP.

    python -m failure_insights_tests.benchmarks.polling [SECONDS]

The store holds 20,000 insights. Requests are sent by the clock, not one after another, so that a
slow answer does not make room for itself; times count from when a request was due.
"""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import httpx2
from sqlalchemy import text

from failure_insights.domain.breakdown import Breakdown, FailureMode
from failure_insights.domain.metrics import MetricCard
from failure_insights.domain.pools import FailingCall, Pool, Window
from failure_insights.store.database import engine_for
from failure_insights.store.embedded import start_embedded_postgres
from failure_insights.store.insights import succeed
from failure_insights.store.queue import NewAudit, open_audits, request_audit
from failure_insights.store.schema import migrate
from failure_insights_tests.web.api_site import INSIGHTS, NOW, site_of

RATE = 50
INSIGHTS_STORED = 20_000
CALLS = 100


def seed(url: str) -> tuple[str, dict[str, str]]:
    """Fill the store; return a key and the paths to poll."""
    engine = engine_for(url)
    migrate(engine)
    site = site_of(engine)
    metric_id = site.metric_id("clinic", "hallucination")

    def opened(days_ago: int) -> NewAudit:
        day = NOW.date() - timedelta(days=days_ago)
        return NewAudit("clinic/hallucination", metric_id, "Hallucination", day, "schedule")

    with engine.begin() as connection:
        open_audits(connection, [*map(opened, range(INSIGHTS_STORED))], "seed")
        done = open_audits(connection, [opened(0)], "run-1")[0]
        succeed(connection, done, NOW.date(), _breakdown())
        waiting, _ = request_audit(connection, "clinic/csat", None, "CSAT")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    base = INSIGHTS.format("clinic")
    paths = {
        "a pending row": f"{base}/{waiting}/",
        f"a done row of {CALLS} calls": f"{base}/{done}/",
        "the newest 5 of a metric": f"{base}/?metric_name=Hallucination&page_size=5",
        "the newest of a status": f"{base}/?status=succeeded&page_size=5",
    }
    return site.keys["clinic"], paths


def _breakdown() -> Breakdown:
    calls = [FailingCall(f"call-{i:03}", "front-desk", NOW, "It is open.") for i in range(CALLS)]
    ids = [call.call_id for call in calls]
    modes = [
        FailureMode(
            f"Theme {i}", "Words.", tuple(ids[i::5]), theme_id=f"th_{i:012x}", suggested_fix="Fix."
        )
        for i in range(5)
    ]
    pool = Pool("clinic", MetricCard("Hallucination"), Window(NOW, 1), tuple(calls))
    return Breakdown(pool=pool, failure_modes=tuple(modes), auditor="wording")


async def poll(address: str, key: str, seconds: int) -> list[float]:
    """Return the milliseconds of each request, from when it was due."""
    took: list[float] = []

    async def one(client: httpx2.AsyncClient, due: float) -> None:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        (await client.get(address)).raise_for_status()
        took.append((time.perf_counter() - due) * 1000)

    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as client:
        for _ in range(RATE):
            await client.get(address)
        start = time.perf_counter() + 0.1
        await asyncio.gather(*(one(client, start + i / RATE) for i in range(RATE * seconds)))
    return sorted(took)


def main(seconds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = start_embedded_postgres(Path(folder) / "postgres")
        key, paths = seed(url)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = [
            sys.executable,
            "-m",
            "uvicorn",
            "--factory",
            "failure_insights.web.app:create_app",
        ]
        options = ["--port", str(port), "--no-access-log", "--log-level", "warning"]
        environment = os.environ | {
            "FAILURE_INSIGHTS_DATABASE_URL": url,
            "FAILURE_INSIGHTS_HOME": folder,
        }
        with subprocess.Popen([*server, *options], env=environment) as process:
            try:
                base = f"http://127.0.0.1:{port}"
                _wait_for(f"{base}/healthz")
                print(f"{RATE} requests/s for {seconds} s each; milliseconds")
                print(f"{'what':32} {'p50':>7} {'p95':>7} {'p99':>7} {'max':>7}")
                for what, path in paths.items():
                    took = asyncio.run(poll(base + path, key, seconds))
                    marks = [took[int(len(took) * share)] for share in (0.5, 0.95, 0.99)]
                    figures = " ".join(f"{mark:7.1f}" for mark in [*marks, took[-1]])
                    print(f"{what:32} {figures}")
            finally:
                process.terminate()
        engine_for(url).dispose()


def _wait_for(address: str) -> None:
    for _ in range(300):
        try:
            httpx2.get(address).raise_for_status()
        except httpx2.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"{address} did not answer in 30 s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
