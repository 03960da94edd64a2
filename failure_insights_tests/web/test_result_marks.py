"""What people say of results: it leaves later pools, is counted, exported and taken back."""

from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from failure_insights.domain.pools import PoolRule
from failure_insights.settings import Settings
from failure_insights.store.keys import create_key
from failure_insights.store.pools import PoolRequest, read_pools
from failure_insights.store.read_insights import insight_rows
from failure_insights.web.app import create_app
from failure_insights_tests.web.sample import TODAY, Sample, Theme


class Court:
    """A metric with an audit of five failing calls, of which two are suspected judge errors."""

    def __init__(self, engine: Engine) -> None:
        self.sample = Sample.make(engine)
        self.metric = self.sample.metric("CSAT", pass_rule=">= 4")
        self.insight = self.audit()
        self.sample.calls(["good"])
        self.sample.results(self.metric, ["good"], passed=True)
        with engine.begin() as connection:
            key = create_key(connection, "qa-lead", [self.sample.slug])
        self.client = TestClient(create_app(engine, Settings()))
        self.client.headers["Authorization"] = f"Bearer {key}"
        self.base = f"/api/projects/{self.sample.slug}/result_marks"

    def audit(self) -> int:
        return self.sample.audit(self.metric, [Theme("Wrong day", 3)], judge_errors=2)

    def mark(self, call_id: str, verdict: str, **more: Any) -> Any:
        body = {"metric_name": "CSAT", "call_id": call_id, "verdict": verdict, **more}
        return self.client.post(f"{self.base}/", json=body)

    def pool(self) -> set[str]:
        metric_id = self.sample.run("SELECT id FROM metrics")
        with self.sample.engine.connect() as connection:
            request = PoolRequest(metric_id, TODAY)
            ((_, calls),) = read_pools(connection, [request], PoolRule(1, 1))
        return {call.call_id for call in calls}

    def row(self, insight_id: int) -> Any:
        with self.sample.engine.connect() as connection:
            return insight_rows(connection, [insight_id])[0]


@pytest.fixture
def court(engine: Engine) -> Court:
    return Court(engine)


FAILING = {f"call-0-{number}" for number in range(5)}


@pytest.mark.parametrize(
    ("call", "verdict", "more", "leaves"),
    [
        ("call-0-3", "judge_wrong", {}, True),
        ("call-0-3", "judge_wrong", {"expected": True}, True),
        ("call-0-3", "judge_wrong", {"expected": 5}, True),
        ("call-0-3", "judge_wrong", {"expected": 3}, False),  # another score that fails too
        ("call-0-3", "metric_wrong", {}, True),
        ("call-0-3", "stands", {}, False),
        ("good", "judge_wrong", {"expected": False}, False),
    ],
)
def test_a_failing_result_that_is_no_fault_of_the_agent_leaves_later_pools_until_taken_back(
    court: Court, call: str, verdict: str, more: dict[str, Any], leaves: bool
) -> None:
    assert court.pool() == FAILING
    mark = court.mark(call, verdict, **more)
    assert mark.status_code == 201
    assert mark.json()["leaves_pools"] is leaves
    assert court.pool() == (FAILING - {call} if leaves else FAILING)
    # The audit before it counts as it did, and the next one says what it left out.
    assert court.row(court.insight)["num_confirmed_errors"] == 0
    assert court.row(court.audit())["num_confirmed_errors"] == int(leaves)
    assert court.client.post(f"{court.base}/{mark.json()['id']}/undo/", json={}).status_code == 200
    assert court.pool() == FAILING
    assert court.client.get(f"{court.base}/").json()["count"] == 0


def test_a_suspicion_says_what_people_made_of_it_and_the_newest_word_holds(court: Court) -> None:
    court.mark("call-0-3", "stands")
    court.mark("call-0-3", "judge_wrong", note="She agreed.", by="Ada")
    court.mark("call-0-4", "stands")
    marks = [(e["call_id"], e["mark"]) for e in court.row(court.insight)["suspected_judge_errors"]]
    assert marks == [("call-0-3", "judge_wrong"), ("call-0-4", "stands")]
    listed = court.client.get(f"{court.base}/", params={"verdict": "judge_wrong"}).json()
    (mark,) = listed["results"]
    assert (mark["by"], mark["note"], mark["expected"]) == ("Ada", "She agreed.", True)
    (week,) = court.client.get(f"{court.base}/rates/", params={"metric_name": "csat"}).json()[
        "results"
    ]
    counts = {name: week[name] for name in ("evaluated", "failing", "suspected")}
    assert counts == {"evaluated": 6, "failing": 5, "suspected": 2}
    assert (week["judge_wrong"], week["stands"]) == (1, 1)
    assert week["error_rate"] == pytest.approx(1 / 6)


def test_marks_are_exported_for_relabelling_and_as_examples(court: Court) -> None:
    court.mark("call-0-3", "judge_wrong", note="She agreed.", expected=5)
    court.mark("call-0-4", "metric_wrong")
    court.mark("call-0-0", "stands")
    export = f"{court.base}/export/"
    lines = [orjson.loads(x) for x in court.client.get(export).content.splitlines()]
    assert [line["call_id"] for line in lines] == ["call-0-0", "call-0-4", "call-0-3"]
    assert all(line["transcript"] for line in lines)
    text = court.client.get(export, params={"shape": "few_shot"}).content
    examples = [orjson.loads(line) for line in text.splitlines()]
    assert [(e["passed"], e["expected"]) for e in examples] == [(False, 2), (True, 5)]
    assert examples[1]["reason"] == "She agreed."
    assert "user: No, I said Tuesday!" in examples[1]["transcript"]


@pytest.mark.parametrize(
    ("call", "verdict", "more", "status"),
    [
        ("nobody", "stands", {}, 404),
        ("call-0-3", "right", {}, 422),
        ("call-0-3", "stands", {"expected": True}, 422),
        ("call-0-3", "judge_wrong", {"expected": False}, 422),
        ("call-0-3", "judge_wrong", {"expected": "good"}, 422),  # the rule compares numbers
        ("call-0-3", "judge_wrong", {"metric_name": "Latency"}, 404),
    ],
)
def test_a_mark_that_makes_no_sense_is_refused(
    court: Court, call: str, verdict: str, more: dict[str, Any], status: int
) -> None:
    answer = court.mark(call, verdict, **more)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert court.client.get(f"{court.base}/").json()["count"] == 0
