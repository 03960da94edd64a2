"""How much of a call is read, what an unread one counts for, and which quotes are shown."""

import re
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import Engine

from failure_insights_tests.agent.audits import (
    agent_site,
    check,
    groups,
    planted_call,
    with_explanation,
)
from failure_insights_tests.agent.plain_reader import DATE, TOOL, PlainReader, transcript_lines
from failure_insights_tests.endpoint.server import Reply, Sent, fails

TOO_LONG = fails(400, "This is too long.", "context_length_exceeded", param="messages")


def longer(call: dict[str, Any], turns: int) -> dict[str, Any]:
    """Return the call with so many turns of talk more, 25 tokens each, before its cause."""
    talk = [{"role": "user", "content": f"{n} and so on and on " * 5} for n in range(turns)]
    return {**call, "transcript": [*talk, *call["transcript"]]}


@pytest.mark.parametrize(("calls", "is_whole"), [(3, True), (30, False)])
def test_long_calls_are_shown_whole_where_all_can_be(
    engine: Engine, calls: int, is_whole: bool
) -> None:
    long_calls = [longer(planted_call(number), 600) for number in range(calls)]
    shown: list[bool] = []

    def note(sent: Sent, value: Any) -> Any:
        shown.append("omitted ...]" not in sent.data)
        return value

    with agent_site(engine, PlainReader({"note": note})) as site:
        site.take_in(long_calls)
        row = site.audit()
    check(row, long_calls)
    assert row["num_calls_analyzed"] == calls
    assert set(shown) == {is_whole}


def test_a_model_of_a_small_context_is_shown_less_and_asked_for_no_more_later(
    engine: Engine,
) -> None:
    calls = [longer(planted_call(number), 100) for number in range(12)]
    asked: Counter[bool] = Counter()

    def note(sent: Sent, value: Any) -> Any | Reply:
        is_too_long = len(sent.data) > 8_000
        asked[is_too_long] += 1
        return TOO_LONG if is_too_long else value

    with agent_site(engine, PlainReader({"note": note})) as site:
        site.take_in(calls)
        row = site.audit()
        check(row, calls)
        assert row["num_calls_analyzed"] == 12
        assert asked[True] <= 2 * 12
        paid = site.requests
        assert groups(site.audit()) == groups(row)
        assert site.requests == paid


def test_an_explanation_that_calls_of_two_causes_share_counts_for_no_unread_call(
    engine: Engine,
) -> None:
    same = "No appointment: the calendar was the trouble."
    calls = [with_explanation(planted_call(number), same) for number in range(20)]
    with agent_site(engine, max_calls=8) as site:
        site.take_in(calls)
        row = site.audit()
    check(row, calls)
    assert set(groups(row)) == {TOOL.title, DATE.title}
    assert len(row["not_read_call_ids"]) == 20 - row["num_calls_analyzed"]


def quoting_critic(sent: Sent, value: Any) -> Any:
    """Quote of each member the line that names the calendar."""
    shown = sent.data.partition("Members:")[2].partition("Near misses:")[0]
    for block, member in zip(re.split(r"\n\n(?=c\d+: )", shown), value["members"], strict=True):
        lines = transcript_lines(block)
        number = next(number for number, text in lines.items() if TOOL.word in text)
        member |= {"line": number, "quote": lines[number]}
    return value


def test_quotes_of_a_theme_are_of_different_calls_and_words(engine: Engine) -> None:
    calls = [planted_call(number, TOOL) for number in range(5)]
    for call in calls[:3]:  # the same words again and again
        call["transcript"][3] = {"role": "user", "content": TOOL.line}
    with agent_site(engine, PlainReader({"critic": quoting_critic})) as site:
        site.take_in(calls)
        row = site.audit()
    (mode,) = row["failure_modes"]
    assert len({item["call_id"] for item in mode["evidence"]}) == 3
    assert len({item["quote"] for item in mode["evidence"]}) == 3
