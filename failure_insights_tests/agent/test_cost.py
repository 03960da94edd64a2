"""What audits cost: bounded, and never paid twice (fault list, Cost and stability)."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from failure_insights.audit import prompts
from failure_insights_tests.agent.audits import NOW, agent_site, check, groups, planted_call
from failure_insights_tests.agent.plain_reader import DATE, TOOL, PlainReader, stage_of
from failure_insights_tests.endpoint.server import Sent, fails

CALLS = [planted_call(number) for number in range(40)]
IDS = [call["call_id"] for call in CALLS]
RIGHT = {TOOL.title: IDS[::2], DATE.title: IDS[1::2]}


def said(row: dict[str, Any]) -> list[Any]:
    """Return what an audit found, without what two runs of it may differ in."""
    return [
        {key: mode[key] for key in ("theme_id", "title", "call_ids", "evidence", "suggested_fix")}
        for mode in row["failure_modes"]
    ]


@pytest.mark.parametrize("thoroughness", ["thorough", "economy"])
def test_the_same_audit_again_makes_no_request(engine: Engine, thoroughness: str) -> None:
    with agent_site(engine, thoroughness=thoroughness) as site:
        site.take_in(CALLS)
        first = site.audit()
        paid = site.requests
        again = site.audit(reverse=True)
        assert site.requests == paid
    assert said(again) == said(first)
    assert again["usage"]["requests"] == 0
    assert again["usage"]["cached"] > 0


def test_one_new_call_costs_a_note_a_batch_and_a_turn(engine: Engine) -> None:
    reader = PlainReader()
    with agent_site(engine, reader) as site:
        site.take_in(CALLS)
        site.audit()
        reader.stages.clear()
        new = planted_call(500, TOOL, call_id="call-0000-new")  # first in order: all handles move
        site.take_in([new])
        row = site.audit()
    check(row, [*CALLS, new])
    assert Counter(reader.stages) == {"note": 1, "agent": 1, "assign": 1}


def test_the_next_day_reads_only_what_is_new(engine: Engine) -> None:
    reader = PlainReader()
    tomorrow = NOW + timedelta(days=1)
    with agent_site(engine, reader) as site:
        site.take_in(CALLS)
        first = site.audit()
        reader.stages.clear()
        new = [
            planted_call(
                200 + n,
                call_id=f"next-{n}",
                started_at=(tomorrow - timedelta(hours=2, minutes=n)).isoformat(),
            )
            for n in range(20)
        ]
        site.take_in(new)
        row = site.audit(at=tomorrow)
    assert reader.count("note") == 20
    assert [mode["theme_id"] for mode in first["failure_modes"]] == [
        mode["theme_id"] for mode in row["failure_modes"]
    ]
    assert {mode["status"] for mode in row["failure_modes"]} == {"recurring"}


def test_requests_follow_each_other_six_times_at_most(engine: Engine) -> None:
    slow = 0.1
    reader = PlainReader()

    def delayed(sent: Sent) -> Any:
        return reader(sent).after(slow)

    with agent_site(engine, delayed) as site:
        site.take_in(CALLS)
        site.audit()
        # Requests of one round trip begin together: count the gaps that are longer than a delay.
        waves = 1
        begun = sorted(sent.at for sent in site.server.sent)
        last = begun[0]
        for at in begun:
            if at - last >= slow * 0.9:
                waves, last = waves + 1, at
    # The limiter begins with half of its places, so that notes come in waves of their own.
    notes = -(-reader.count("note") // 8)
    assert waves - notes <= 5


@pytest.mark.parametrize("stage", ["note", "assign", "critic"])
def test_a_prompt_that_changed_is_asked_again_and_no_other(
    engine: Engine, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = PlainReader()
    with agent_site(engine, reader) as site:
        site.take_in(CALLS)
        site.audit()
        reader.stages.clear()
        real = prompts.load
        old = real(stage)
        new = prompts.Prompt(old.name, "2", "0" * 64, old.parts)
        monkeypatch.setattr(prompts, "load", lambda name: new if name == stage else real(name))
        site.audit()
    assert set(reader.stages) == {stage}


def test_a_token_budget_that_is_spent_ends_the_audit_as_it_stands(engine: Engine) -> None:
    reader = PlainReader()
    with agent_site(engine, reader) as site:
        site.take_in(CALLS)
        whole = site.audit(audit_token_budget=10_000_000)
        spent = whole["usage"]["input_tokens"] + whole["usage"]["output_tokens"]
    for part in (0.5, 0.85, 0.93):
        with engine.begin() as connection:
            connection.exec_driver_sql("TRUNCATE llm_cache")
        with agent_site(engine, PlainReader()) as site:
            row = site.audit(audit_token_budget=int(spent * part))
        check(row, CALLS)
        assert row["degraded"]
        assert row["usage"]["input_tokens"] + row["usage"]["output_tokens"] <= spent * part * 1.2
        assert "budget" in row["message"]


def test_notes_that_fail_leave_the_audit_with_those_that_came(engine: Engine) -> None:
    failed: list[str] = []

    def flaky(sent: Sent, note: Any) -> Any:
        number = sum(map(ord, sent.data)) % 10
        if number < 3:
            failed.append(sent.data)
            return fails(500, "down")
        return note

    with agent_site(engine, PlainReader({"note": flaky})) as site:
        site.take_in(CALLS)
        row = site.audit()
    check(row, CALLS)
    assert row["auditor"] == "agent"
    assert row["num_calls_analyzed"] == 40 - len(set(failed))
    assert f"{len(set(failed))} calls could not be read" in row["message"]
    assert groups(row) == RIGHT


def test_an_endpoint_that_fails_always_leaves_the_wording(engine: Engine) -> None:
    with agent_site(engine, lambda _: fails(503, "down")) as site:
        site.take_in(CALLS)
        row = site.audit()
    check(row, CALLS)
    assert (row["auditor"], row["degraded"]) == ("wording", True)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (fails(401, "bad key", code="invalid_api_key"), "key"),
        (fails(403, "not yours"), "403"),
        (fails(404, "no such model", code="model_not_found"), "model"),
        (fails(429, "quota", code="insufficient_quota", type="insufficient_quota"), "quota"),
    ],
)
@pytest.mark.parametrize("llm_failure", ["wording", "fail"])
def test_a_refusal_stops_the_llm_part_at_once(
    engine: Engine, reply: Any, words: str, llm_failure: str
) -> None:
    with agent_site(engine, lambda _: reply, llm_failure=llm_failure) as site:
        site.take_in(CALLS)
        row = site.audit()
        assert site.requests <= 16  # what was under way when the first answer came
    if llm_failure == "fail":
        assert row["status"] == "failed"
        assert words in row["error_message"]
    else:
        check(row, CALLS)
        assert (row["auditor"], row["degraded"]) == ("wording", True)
        assert words in row["message"]


def test_a_killed_audit_is_taken_up_without_paying_twice(engine: Engine) -> None:
    reader = PlainReader()
    is_dead = [True]

    def dies(sent: Sent) -> Any:
        if stage_of(sent) == "assign" and is_dead[0]:
            return fails(401, "revoked in the middle")
        return reader(sent)

    with agent_site(engine, dies) as site:
        site.take_in(CALLS)
        assert site.audit()["auditor"] == "wording"
        assert reader.count("note") == 40
        is_dead[0] = False
        row = site.audit()
    check(row, CALLS)
    assert row["auditor"] == "agent"
    assert (reader.count("note"), reader.count("agent")) == (40, 1)
