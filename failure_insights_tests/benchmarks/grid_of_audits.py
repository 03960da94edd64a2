"""Measure how long a grid of 200 pairs takes, against what its LLM needs at that concurrency.

    python -m failure_insights_tests.benchmarks.grid_of_audits

The whole way of a run but Dagster's: calls imported into a real Postgres, pools read, audits run by
`AuditRunner`, rows stored. An oracle answers over HTTP after a fixed latency.
"""

import argparse
import json
import time
from collections.abc import Iterator
from datetime import date

from rich.console import Console
from sqlalchemy import Engine

from failure_insights.audit.run_audits import AuditRunner, AuditTask
from failure_insights.domain.pools import Pool
from failure_insights.ingest.import_calls import import_calls
from failure_insights.settings import Settings
from failure_insights.store import queue
from failure_insights.store.pools import PoolRequest, read_pools
from failure_insights.store.projects import eligible_pairs, find_project, put_metric
from failure_insights_tests.benchmarks.slow_endpoint import slow_endpoint
from failure_insights_tests.quality.agents import agent, store
from failure_insights_tests.quality.domains import NAMES
from failure_insights_tests.quality.planted import END, plant

#: Of each pair.
CALLS = 10
CAUSES = 2


def main() -> None:
    """Print the wall time of the grid, the LLM's share of it, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--latency", type=float, default=0.5, help="seconds of a request")
    parser.add_argument("--concurrency", type=int, default=16, help="requests at once")
    asked = parser.parse_args()
    with store() as engine, slow_endpoint(asked.latency) as endpoint:
        settings = Settings(_env_file=None)
        opened = agent(engine, endpoint.url, "planted", llm_concurrency=asked.concurrency)
        runner = AuditRunner(engine, opened, settings.pool_rule, settings.concurrent_audits)
        import_calls(engine, _lines(asked.pairs))
        _put_cards(engine, asked.pairs)
        tasks = _tasks(engine, settings)
        cpu, began = time.process_time(), time.perf_counter()
        failed = [result.error for result in runner.run(tasks) if result.error]
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        requests = len(endpoint.sent())
    floor = requests * asked.latency / asked.concurrency
    print = Console().print
    print(f"{len(tasks)} pairs of {CALLS} calls, {len(failed)} failed; {requests} requests of")
    print(f"{asked.latency} s, {asked.concurrency} at once; {settings.concurrent_audits} audits")
    print(f"LLM time / concurrency {floor:.1f} s; wall {wall:.1f} s; ratio {wall / floor:.2f}")
    print(f"CPU of this process {cpu:.1f} s, {1000 * cpu / requests:.1f} ms a request")


def _lines(pairs: int) -> Iterator[bytes]:
    """Yield the calls of one planted pool for each project, in the native format."""
    for number in range(pairs):
        planted = plant(NAMES[number % len(NAMES)], CALLS, CAUSES, number)
        for call in planted.pool.calls:
            turns = [
                {"role": turn.role, "content": turn.content}
                for turn in planted.transcripts[call.call_id]
            ]
            result = {
                "name": planted.pool.metric.name,
                "passed": False,
                "explanation": call.explanation,
            }
            line = {
                "call_id": call.call_id,
                "project": f"grid {number}",
                "agent": call.agent,
                "started_at": call.started_at.isoformat(),
                "transcript": turns,
                "metrics": [result],
            }
            yield json.dumps(line).encode()


def _put_cards(engine: Engine, pairs: int) -> None:
    """Put each metric's card; by its prompt the oracle knows what the calls are about."""
    with engine.begin() as connection:
        for number in range(pairs):
            planted = plant(NAMES[number % len(NAMES)], CALLS, CAUSES, number)
            put_metric(
                connection, find_project(connection, f"grid {number}").id, planted.pool.metric
            )


def _tasks(engine: Engine, settings: Settings) -> list[AuditTask]:
    with engine.begin() as connection:
        metrics = eligible_pairs(connection)
        asked = [PoolRequest(metric.id, END) for metric in metrics]
        pools = read_pools(connection, asked, settings.pool_rule)
        day: date = pools[0][0].date
        rows = [
            queue.NewAudit(metric.key, metric.id, metric.card.name, day, "schedule")
            for metric in metrics
        ]
        ids = queue.open_audits(connection, rows, "benchmark")
    return [
        AuditTask(
            insight_id, metric.key, metric.id, day, Pool(metric.project_slug, metric.card, *pool)
        )
        for insight_id, metric, pool in zip(ids, metrics, pools, strict=True)
    ]


if __name__ == "__main__":
    main()
