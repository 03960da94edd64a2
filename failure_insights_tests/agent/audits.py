"""Audits by the agent, from imported calls to the row, on Postgres and a scripted endpoint."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import orjson
from sqlalchemy import Engine

from failure_insights.audit.caps import MonthlyCaps
from failure_insights.audit.compose import open_auditor
from failure_insights.audit.run_audits import AuditRunner, AuditTask
from failure_insights.domain.pools import Pool, PoolRule
from failure_insights.ingest.import_calls import import_calls
from failure_insights.settings import Settings
from failure_insights.store import queue
from failure_insights.store.insight_rows import InsightRow
from failure_insights.store.pools import PoolRequest, read_pools
from failure_insights.store.projects import find_metric, find_project
from failure_insights.store.read_insights import insight_rows
from failure_insights_tests.agent.plain_reader import CAUSES, Cause, PlainReader
from failure_insights_tests.endpoint.server import EndpointServer, Script

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
METRIC = "Expected Outcome"


def planted_call(number: int, cause: Cause | None = None, /, **changes: Any) -> dict[str, Any]:
    """Return a failing call in the native format; its cause stands in turn 3."""
    cause = cause or CAUSES[number % 2]
    call = {
        "call_id": f"call-{number:04}",
        "project": "clinic",
        "agent": "front-desk",
        "started_at": (NOW - timedelta(minutes=5 + number % 1000)).isoformat(),
        "transcript": [
            {"role": "agent", "content": f"Good morning, this is line {number}."},
            {"role": "user", "content": "I would like an appointment, please."},
            {"role": "agent", "content": "One moment, I am looking that up."},
            {"role": "user", "content": f"{cause.line} ({number})"},
            {"role": "agent", "content": "Goodbye."},
        ],
        "metrics": [
            {
                "name": METRIC,
                "passed": False,
                "explanation": f"No appointment: the {cause.word} was the trouble in {number}.",
            }
        ],
    }
    return {**call, **changes}


def with_explanation(call: Mapping[str, Any], explanation: str) -> dict[str, Any]:
    return {**call, "metrics": [{**call["metrics"][0], "explanation": explanation}]}


def with_turn(call: Mapping[str, Any], content: str, role: str = "user") -> dict[str, Any]:
    """Return the call with one more turn before its last."""
    turns = [*call["transcript"]]
    return {**call, "transcript": [*turns[:-1], {"role": role, "content": content}, turns[-1]]}


@dataclass
class AgentSite:
    """A store and an endpoint, and audits over them."""

    engine: Engine
    server: EndpointServer
    settings: Settings
    ids: list[int] = field(default_factory=list)

    def take_in(self, calls: Sequence[Mapping[str, Any]]) -> None:
        report = import_calls(self.engine, (orjson.dumps(call) for call in calls))
        assert report.rejected == 0, report

    def audit(
        self,
        *,
        at: datetime = NOW,
        max_calls: int | None = None,
        window_days: int | None = None,
        reverse: bool = False,
        **settings: Any,
    ) -> InsightRow:
        """Audit the pool as of a time, in an event loop and with an auditor of its own."""
        chosen = self.settings.model_copy(update=settings)
        with self.engine.begin() as connection:
            metric = find_metric(connection, find_project(connection, "clinic").id, METRIC)
            asked = PoolRequest(metric.id, at, window_days)
            ((window, calls),) = read_pools(connection, [asked], PoolRule())
            new = queue.NewAudit(metric.key, metric.id, METRIC, window.date, "manual")
            (insight_id,) = queue.open_audits(connection, [new], "a-run")
        pool = Pool("clinic", metric.card, window, calls[::-1] if reverse else calls)
        task = AuditTask(insight_id, metric.key, metric.id, window.date, pool, max_calls)
        opened = partial(open_auditor, chosen, self.engine)
        caps = MonthlyCaps(self.engine, chosen)
        list(AuditRunner(self.engine, opened, PoolRule(), 4, caps).run([task]))
        self.ids.append(insight_id)
        with self.engine.connect() as connection:
            return insight_rows(connection, [insight_id])[0]

    @property
    def requests(self) -> int:
        return len(self.server.sent)


@contextmanager
def agent_site(
    engine: Engine, script: Script | None = None, **settings: Any
) -> Iterator[AgentSite]:
    """Give a site whose endpoint follows the script; default: a plain reader."""
    with EndpointServer(script or PlainReader()) as server:
        base = Settings(
            _env_file=None,
            openai_api_key="sk-test",
            openai_base_url=server.url,
            model="test-model",
            auditor="agent",
        )
        yield AgentSite(engine, server, base.model_copy(update=settings))


def groups(row: InsightRow) -> dict[str, list[str]]:
    """Return the calls of each theme by its title."""
    return {mode["title"]: mode["call_ids"] for mode in row["failure_modes"]}


def check(row: InsightRow, calls: Sequence[Mapping[str, Any]]) -> None:
    """Assert what holds of every row that succeeded, whatever the endpoint did."""
    assert row["status"] == "succeeded", row["error_message"]
    by_id = {call["call_id"]: call for call in calls}
    named = [call for mode in row["failure_modes"] for call in mode["call_ids"]]
    named += row["unassigned_call_ids"]
    named += row["not_read_call_ids"]
    named += [error["call_id"] for error in row["suspected_judge_errors"]]
    named += [finding["call_id"] for finding in row["metric_findings"]]
    named += [call for cause in row["other_causes"] for call in cause["call_ids"]]
    assert sorted(named) == sorted(by_id)
    assert len(named) == row["num_failing_calls"]
    assert len(row["failure_modes"]) <= 6
    for mode in row["failure_modes"]:
        assert mode["evidence"], mode["title"]
        in_causes = [call for cause in mode["causes"] for call in cause["call_ids"]]
        assert not in_causes or sorted(in_causes) == sorted(mode["call_ids"])
        assert set(mode["also_call_ids"]).isdisjoint(mode["call_ids"])
        for item in [*mode["evidence"], *row["suspected_judge_errors"], *row["metric_findings"]]:
            call = by_id[item["call_id"]]
            said = call["metrics"][0]["explanation"]
            where = said if item["turn"] is None else call["transcript"][item["turn"]]["content"]
            assert item["quote"] in where
        shown = f"{mode['title']} {mode['description']} {mode['suggested_fix']}"
        assert not any(sign in shown for sign in ("http", "<", "](", "@", "\n", "call-0")), shown
        assert mode["count"] == len(mode["call_ids"])
