"""Measure how long one audit takes, against the time of the requests that follow one another.

    python -m failure_insights_tests.benchmarks.one_audit

Pools are planted, an oracle answers over HTTP after a fixed latency. The critical path is what no
client can be faster than: requests of one round trip go together, as many at once as the limit
allows, and each round trip waits for the one before it.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from failure_insights_tests.benchmarks.slow_endpoint import slow_endpoint
from failure_insights_tests.endpoint.server import Sent
from failure_insights_tests.quality.agents import agent, store
from failure_insights_tests.quality.planted import plant

#: Seconds of a request.
LATENCY_S = 1.0
#: Requests at once.
CONCURRENCY = 16
#: Stages in the order in which they follow one another; those of one step go together. The oracle
#: names every call for a cause, so that labels come from second readers alone, beside the critics.
STEPS = (("note",), ("agent", "draft", "vote"), ("assignment", "critique"))


def main() -> None:
    """Print the wall time of audits of several sizes beside their critical path."""
    table = Table(title=f"One audit, {LATENCY_S} s a request, {CONCURRENCY} at once")
    for heading in ("calls", "requests", "critical path s", "wall s", "ratio"):
        table.add_column(heading, justify="right")
    with store() as engine, slow_endpoint(LATENCY_S) as endpoint:
        open_auditor = agent(engine, endpoint.url, "planted", llm_concurrency=CONCURRENCY)

        async def all_sizes() -> None:
            # One client for all: the first audit learns what the endpoint can.
            async with open_auditor() as auditor:
                for size in (8, 20, 50, 100, 200):
                    planted = plant("clinic", size, 3, 1)
                    began = time.perf_counter()
                    await auditor.audit(planted.pool, planted.reader, (), None)
                    if size > 8:
                        _add_row(table, size, time.perf_counter() - began, endpoint.sent())
                    else:
                        endpoint.sent()

        asyncio.run(all_sizes())
    Console().print(table)


def _add_row(table: Table, size: int, wall: float, sent: Sequence[Sent]) -> None:
    path = critical_path(sent)
    table.add_row(str(size), str(len(sent)), f"{path:.1f}", f"{wall:.2f}", f"{wall / path:.2f}")


def critical_path(sent: Sequence[Sent]) -> float:
    """Return the seconds that an audit's requests take if nothing but their latency costs time."""
    stages = Counter(one.schema_name or "agent" for one in sent)
    waves = [-(-sum(stages[stage] for stage in step) // CONCURRENCY) for step in STEPS]
    return sum(waves) * LATENCY_S


if __name__ == "__main__":
    main()
