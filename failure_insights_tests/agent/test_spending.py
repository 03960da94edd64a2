"""What audits may cost: estimated before, summed after, and never more than a month's cap."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from failure_insights.audit.costs import CostsRow, costs_of
from failure_insights.domain.spending import Caps
from failure_insights.store.projects import find_project
from failure_insights.store.queue import NewAudit, open_audits, start
from failure_insights.store.spending import put_cap, set_aside
from failure_insights_tests.agent.audits import AgentSite, agent_site, check, planted_call

CALLS = [planted_call(number) for number in range(20)]
PRICED = {"model": "gpt-5-mini"}


def costs(site: AgentSite, now: datetime) -> CostsRow:
    with site.engine.connect() as connection:
        project = find_project(connection, "clinic")
        return costs_of(connection, site.settings, project, now)


def cap(site: AgentSite, dollars: float | None) -> None:
    with site.engine.begin() as connection:
        put_cap(connection, find_project(connection, "clinic").id, dollars)


def newest_call(calls: list[dict[str, Any]]) -> datetime:
    return max(datetime.fromisoformat(call["started_at"]) for call in calls)


@pytest.mark.parametrize("words", [0, 2_000])
def test_an_estimate_by_the_length_of_calls_holds_what_the_audit_costs(
    engine: Engine, words: int
) -> None:
    said = {"role": "user", "content": "appointment tuesday morning please " * (words // 4)}
    calls = [
        call | {"transcript": [*call["transcript"][:4], said, *call["transcript"][4:]]}
        for call in CALLS
    ]
    with agent_site(engine, **PRICED) as site:
        site.take_in(calls)
        now = newest_call(calls) + timedelta(minutes=1)
        before = costs(site, now)["next_audits"][0]
        row = site.audit(at=now)
        after = costs(site, now)["next_audits"][0]
    assert before["failing_calls"] == row["num_failing_calls"] == 20
    assert before["basis"] == "length_of_calls"
    assert before["low"] <= row["cost"] <= before["high"]
    assert after["basis"] == "past_audits"
    assert after["low"] < row["cost"] < after["high"]


@pytest.mark.parametrize("whose", ["project", "all projects"])
def test_an_audit_that_could_pass_a_cap_is_grouped_by_wording_and_says_so(
    engine: Engine, whose: str
) -> None:
    with agent_site(engine, **PRICED) as site:
        site.take_in(CALLS)
        first = site.audit()
        site.take_in(more := [planted_call(n) for n in range(100, 120)])
        paid = site.requests
        if whose == "project":
            cap(site, first["cost"] * 1.01)
            row = site.audit()
        else:
            row = site.audit(monthly_cap=first["cost"] * 1.01)
        told = costs(site, datetime.now(UTC))
    check(row, [*CALLS, *more])
    assert site.requests == paid
    assert (row["auditor"], row["degraded"], row["paused"]) == ("wording", True, True)
    assert row["message"].startswith("The monthly cap of ")
    assert whose in row["message"]
    assert row["cost"] == 0
    assert told["spent_this_month"] == pytest.approx(first["cost"])
    assert [month["audits"] for month in told["months"]] == [1]
    if whose == "project":
        assert told["paused"]


def test_a_cap_that_is_raised_lets_the_llm_go_on(engine: Engine) -> None:
    with agent_site(engine, **PRICED) as site:
        site.take_in(CALLS)
        cap(site, 0.0)
        assert site.audit()["paused"]
        cap(site, 100.0)
        assert site.audit()["auditor"] == "agent"
        cap(site, None)
        assert not site.audit()["paused"]


def test_where_wording_is_not_wanted_a_paused_audit_fails_with_the_reason(engine: Engine) -> None:
    with agent_site(engine, **PRICED, llm_failure="fail", monthly_cap=0.0) as site:
        site.take_in(CALLS)
        row = site.audit()
    assert row["status"] == "failed"
    assert row["error_message"].startswith("Paused. The monthly cap of $0.00 for all projects")


def test_a_cap_holds_where_the_price_is_not_known(engine: Engine) -> None:
    with agent_site(engine, monthly_cap=50.0) as site:  # its model is none of the table
        site.take_in(CALLS)
        row = site.audit()
        assert row["paused"]
        assert "FAILURE_INSIGHTS_PRICES_FILE" in row["message"]
        assert site.audit(monthly_cap=None)["auditor"] == "agent"


def test_audits_that_run_at_once_cannot_pass_a_cap_together(engine: Engine) -> None:
    now = datetime.now(UTC)

    def begin(connection: Connection, run: str) -> str | None:
        new = NewAudit("clinic/csat", None, "CSAT", now.date(), "schedule")
        (insight_id,) = open_audits(connection, [new], run)
        start(connection, insight_id)
        return set_aside(connection, insight_id, "clinic", 0.6, Caps(project=1.0), now)

    with engine.begin() as connection:
        assert begin(connection, "one") is None
        assert "$0.60 spent" in (begin(connection, "two") or "")
        # What was set aside is free again once the audit has ended.
        connection.execute(
            text(
                "UPDATE insights SET status = 'failed', error_message = 'lost', finished_at = now()"
            )
        )
        assert begin(connection, "three") is None
