"""Two projects with keys of their own, calls and insights, and a client of the API over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from failure_insights.domain.breakdown import (
    Breakdown,
    Evidence,
    FailureMode,
    SuspectedJudgeError,
)
from failure_insights.domain.metrics import MetricCard
from failure_insights.domain.pools import FailingCall, Pool, Window
from failure_insights.settings import Settings
from failure_insights.store.insights import succeed
from failure_insights.store.keys import create_key
from failure_insights.store.queue import NewAudit, open_audits
from failure_insights.web.app import create_app

_runs = count(1)
NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
INSIGHTS = "/api/projects/{}/metric_failure_mode_insights"

#: Calls by agent; every one of them fails Hallucination.
AGENTS: Mapping[str, Sequence[str]] = {
    "front-desk": ("a/1", "a 2", "a3", "a4"),
    "night-line": ("b1", "b2", "b3"),
}

_METRICS = """
INSERT INTO metrics (project_id, slug, name, type, is_eligible)
SELECT project.id, metric.slug, metric.name, metric.type, metric.type = 'llm_judge'
  FROM projects AS project,
       (VALUES ('hallucination', 'Hallucination', 'llm_judge'), ('csat', 'CSAT', 'llm_judge'),
               ('latency', 'Latency', 'custom_code')) AS metric(slug, name, type)
"""
_AGENT = """
INSERT INTO agents (project_id, name)
SELECT id, :agent FROM projects WHERE slug = 'clinic' RETURNING id
"""
_CALL = """
WITH call AS (
    INSERT INTO calls (project_id, agent_id, call_id, started_at, digest)
    SELECT project_id, id, :call_id, :started_at, '' FROM agents WHERE id = :agent_id
 RETURNING id, project_id, started_at
), words AS (
    INSERT INTO transcripts (call_pk, turns)
    SELECT id, '[{"role": "agent", "content": "We are closed."}]' FROM call
)
INSERT INTO metric_results (metric_id, call_pk, project_id, started_at, passed, explanation)
SELECT metric.id, call.id, call.project_id, call.started_at, false, 'It is open.'
  FROM call JOIN metrics AS metric USING (project_id) WHERE metric.slug = 'hallucination'
"""


@dataclass(frozen=True)
class Site:
    """`keys` are by name: all, clinic, bank. The client itself sends none."""

    engine: Engine
    client: TestClient
    keys: dict[str, str]

    def get(self, path: str, key: str = "clinic", **query: Any) -> Any:
        return self.client.get(path, params=query, headers=self.bearer(key))

    def post(self, path: str, body: Any, key: str = "clinic") -> Any:
        return self.client.post(path, json=body, headers=self.bearer(key))

    def put(self, path: str, body: Any, key: str = "clinic") -> Any:
        return self.client.put(path, json=body, headers=self.bearer(key))

    def bearer(self, key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys.get(key, key)}"}

    def metric_id(self, project: str, metric: str) -> int:
        statement = text(
            "SELECT metric.id FROM metrics AS metric JOIN projects AS project"
            " ON project.id = metric.project_id WHERE project.slug = :p AND metric.slug = :m"
        )
        with self.engine.connect() as connection:
            return int(connection.execute(statement, {"p": project, "m": metric}).scalar_one())

    def open_insight(self, day: date, project: str = "clinic", metric: str = "csat") -> int:
        """Write an audit that a run of its own has just opened; return its ID."""
        name = {"csat": "CSAT", "hallucination": "Hallucination"}[metric]
        metric_id = self.metric_id(project, metric)
        new = NewAudit(f"{project}/{metric}", metric_id, name, day, "schedule")
        with self.engine.begin() as connection:
            return open_audits(connection, [new], f"run-{next(_runs)}")[0]

    def succeeded_insight(self, day: date) -> int:
        """Write a done audit of the Clinic's seven failing calls; return its ID.

        Three are of one theme and two of another; one is unassigned and one is suspected.
        """
        insight_id = self.open_insight(day, metric="hallucination")
        with self.engine.begin() as connection:
            succeed(connection, insight_id, day, _breakdown())
        return insight_id


def _breakdown() -> Breakdown:
    calls = tuple(
        FailingCall(call, agent, NOW, "It is open.")
        for agent, ids in AGENTS.items()
        for call in ids
    )
    hours = FailureMode(
        title="Old opening hours",
        description="Says that it is closed.",
        call_ids=("a/1", "a 2", "b1"),
        evidence=(Evidence("a/1", 0, "We are closed."), Evidence("b1", 0, "We are closed.")),
        theme_id="th_00000000000a",
    )
    prices = FailureMode(
        title="Invented prices",
        description="Names a price.",
        call_ids=("b2", "b3"),
        theme_id="th_00000000000b",
    )
    return Breakdown(
        pool=Pool("clinic", MetricCard("Hallucination"), Window(NOW, 1), calls),
        failure_modes=(hours, prices),
        auditor="wording",
        unassigned_call_ids=("a3",),
        suspected_judge_errors=(SuspectedJudgeError("a4", 0, "We are closed.", "It was."),),
        num_calls_analyzed=7,
    )


def site_of(engine: Engine, **settings: Any) -> Site:
    """Return a site with the projects Clinic, which has calls, and Bank, which has none."""
    with engine.begin() as connection:
        keys = {"all": create_key(connection, "all")}
        for project in ("Clinic", "Bank"):
            keys[project.lower()] = create_key(connection, project.lower(), [project])
        connection.execute(text(_METRICS))
        for agent, call_ids in AGENTS.items():
            agent_id = connection.execute(text(_AGENT), {"agent": agent}).scalar_one()
            for call_id in call_ids:
                values = {"call_id": call_id, "started_at": NOW, "agent_id": agent_id}
                connection.execute(text(_CALL), values)
    return Site(engine, TestClient(create_app(engine, Settings(**settings))), keys)
