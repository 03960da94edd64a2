"""Audits run in a loop of their own: the LLM client ends with it, and Postgres does not stop it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from threading import Event
from threading import enumerate as threads
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, text

from failure_insights.audit.run_audits import AuditRunner, AuditTask
from failure_insights.domain.auditing import Auditor
from failure_insights.domain.breakdown import AuditorName, Breakdown, FailureMode
from failure_insights.domain.pools import Pool, PoolRule
from failure_insights.errors import BadInput
from failure_insights.ingest.import_calls import import_calls
from failure_insights.llm import Budget, Endpoint
from failure_insights.store import queue
from failure_insights.store.pools import PoolRequest, read_pools
from failure_insights.store.projects import eligible_pairs
from failure_insights_tests.agent.audits import agent_site, planted_call
from failure_insights_tests.endpoint.asking import (
    GOOD,
    MESSAGE,
    Label,
    always,
    endpoint,
    knowing,
)
from failure_insights_tests.endpoint.server import EndpointServer, Reply, Sent, says

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)


@dataclass(frozen=True)
class AsksOnce:
    """An auditor that asks one question, and finds one theme whatever the answer."""

    endpoint: Endpoint
    name: AuditorName = "wording"

    async def audit(self, pool: Pool, *_: Any) -> Breakdown:
        await self.endpoint.ask("m", MESSAGE, Label, Budget(10**6, 20.0))
        return Breakdown(pool, (FailureMode("It failed", "", pool.call_ids),), "wording")


@asynccontextmanager
async def asking(url: str) -> AsyncIterator[Auditor]:
    async with endpoint(url, memory=knowing()) as opened:
        yield AsksOnce(opened)


def tasks_of(engine: Engine, projects: Sequence[str]) -> list[AuditTask]:
    """Import three failing calls for each project, and return an audit of each, with its row."""
    calls = [
        planted_call(number, project=project, call_id=f"{project}-{number}")
        for project in projects
        for number in range(3)
    ]
    assert import_calls(engine, map(orjson.dumps, calls)).rejected == 0
    with engine.begin() as connection:
        metrics = eligible_pairs(connection)
        pools = read_pools(connection, [PoolRequest(m.id, NOW) for m in metrics], PoolRule())
        rows = [
            queue.NewAudit(metric.key, metric.id, metric.card.name, window.date, "schedule")
            for metric, (window, _) in zip(metrics, pools, strict=True)
        ]
        ids = queue.open_audits(connection, rows, "a-run")
    return [
        AuditTask(id_, m.key, m.id, pool[0].date, Pool(m.project_slug, m.card, *pool))
        for id_, m, pool in zip(ids, metrics, pools, strict=True)
    ]


def statuses(engine: Engine) -> dict[int, str]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT id, status FROM insights"))
        return {row.id: row.status for row in rows}


def no_connection(server: EndpointServer) -> bool:
    return server.connections == 0


def test_an_audits_connections_end_with_its_run(engine: Engine) -> None:
    with agent_site(engine) as site:
        site.take_in([planted_call(number) for number in range(4)])
        site.audit()
        site.server.wait_until(no_connection)
        assert site.requests > 0


def test_a_caller_that_stops_early_leaves_no_request_and_no_thread(engine: Engine) -> None:
    def script(sent: Sent) -> Reply:
        asked.append(sent)
        return says(GOOD) if len(asked) == 1 else says(GOOD).when(was_stopped)

    asked: list[Sent] = []
    was_stopped = Event()
    tasks = tasks_of(engine, ["one", "two", "three"])
    with EndpointServer(script) as server:
        runner = AuditRunner(engine, partial(asking, server.url), PoolRule(), 3)
        results = runner.run(tasks)
        first = next(results)
        server.wait_until(lambda server: len(server.sent) == 3)
        results.close()
        was_stopped.set()  # The server notices a closed connection when it answers.
        server.wait_until(no_connection)
    assert first.breakdown
    assert "audits" not in {thread.name for thread in threads()}
    # The run that was stopped ends the other rows.
    assert sorted(statuses(engine).values()) == ["running", "running", "succeeded"]


def test_a_row_that_postgres_is_slow_to_write_holds_up_no_other_audit(engine: Engine) -> None:
    slow, fast = tasks_of(engine, ["one", "two"])
    with EndpointServer(always(says(GOOD))) as server:
        runner = AuditRunner(engine, partial(asking, server.url), PoolRule(), 2)
        with engine.connect() as other:
            other.execute(
                text("SELECT FROM insights WHERE id = :id FOR UPDATE"), {"id": slow.insight_id}
            )
            results = runner.run([slow, fast])
            assert next(results).task == fast
            assert statuses(engine)[slow.insight_id] == "pending"
            other.rollback()
        assert [result.task for result in results] == [slow]
    assert set(statuses(engine).values()) == {"succeeded"}


def test_an_auditor_that_cannot_be_opened_is_told_to_the_caller(engine: Engine) -> None:
    @asynccontextmanager
    async def broken() -> AsyncIterator[Auditor]:
        raise BadInput("No such file of prices.")
        yield

    runner = AuditRunner(engine, broken, PoolRule(), 2)
    with pytest.raises(BadInput):
        list(runner.run(tasks_of(engine, ["one"])))


def test_an_error_of_our_own_repeats_no_word_of_a_call(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        name: AuditorName = "wording"

        async def audit(self, pool: Pool, *_: Any) -> Breakdown:
            raise ValueError(pool.calls[0].explanation)

    @asynccontextmanager
    async def broken() -> AsyncIterator[Auditor]:
        yield Broken()

    (task,) = tasks_of(engine, ["one"])
    (result,) = AuditRunner(engine, broken, PoolRule(), 2).run([task])
    words = task.pool.calls[0].explanation
    assert "ValueError" in result.error
    assert words not in result.error
    assert words not in caplog.text
    assert "test_audit_loop.py" in caplog.text
    assert statuses(engine) == {task.insight_id: "failed"}
