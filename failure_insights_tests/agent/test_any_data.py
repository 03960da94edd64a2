"""Pools of every size and calls of every kind end in a right row (fault list, Data)."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from failure_insights_tests.agent.audits import (
    NOW,
    agent_site,
    check,
    groups,
    planted_call,
    with_explanation,
)
from failure_insights_tests.agent.plain_reader import DATE, TOOL, PlainReader

pytestmark = pytest.mark.slow

Call = dict[str, Any]


@pytest.mark.parametrize("count", [3, 9, 10, 12, 13, 120])
def test_a_pool_of_any_size_is_audited_whole(engine: Engine, count: int) -> None:
    calls = [planted_call(number) for number in range(count)]
    with agent_site(engine) as site:
        site.take_in(calls)
        row = site.audit()
    check(row, calls)
    ids = [call["call_id"] for call in calls]
    assert groups(row) == {TOOL.title: ids[::2], DATE.title: ids[1::2]}
    assert row["num_calls_analyzed"] == count
    assert row["auditor"] == "agent"
    assert not row["degraded"]


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_calls_cost_nothing(engine: Engine, count: int) -> None:
    with agent_site(engine) as site:
        site.take_in([planted_call(number) for number in range(count)])
        row = site.audit()
        assert row["status"] == "skipped_not_enough_data"
        assert site.requests == 0


def test_a_pool_of_5000_is_sorted_by_a_classifier_where_it_is_sure(engine: Engine) -> None:
    calls = [planted_call(number) for number in range(5_000)]
    for number, call in enumerate(calls):  # every explanation its own
        words = f"{call['metrics'][0]['explanation']} It was about case {chr(97 + number % 26)}."
        calls[number] = with_explanation(call, f"{words} Request {number * 7919 % 5003} was open.")
    reader = PlainReader()
    with agent_site(engine, reader) as site:
        site.take_in(calls)
        row = site.audit()
    check(row, calls)
    ids = [call["call_id"] for call in calls]
    assert groups(row) == {TOOL.title: ids[::2], DATE.title: ids[1::2]}
    assert row["num_calls_analyzed"] <= 200
    assert "Counts are estimates" in row["message"]
    assert row["usage"]["input_tokens"] < 600_000


def test_max_calls_bounds_what_is_read(engine: Engine) -> None:
    calls = [planted_call(number) for number in range(60)]
    with agent_site(engine) as site:
        site.take_in(calls)
        row = site.audit(max_calls=5)
    check(row, calls)
    assert row["num_calls_analyzed"] <= 5


def says(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "content": content}


ODD: dict[str, dict[str, Any]] = {
    "empty transcript": {"transcript": []},
    "one empty turn": {"transcript": [says("user", "")]},
    "2,000 turns": {
        "transcript": [says("user", f"turn {i} of many") for i in range(1_990)]
        + [says("user", TOOL.line)] * 2
    },
    "190k tokens": {"transcript": [says("user", f"{TOOL.line} " + "word " * 38_000)] * 4},
    "one long line": {"transcript": [says("agent", "x" * 50_000), says("user", TOOL.line)]},
    "zero width": {"transcript": [says("user", f"cal\u200bendar \u202e{TOOL.line}\u202c \ufeff")]},
    "emoji": {"transcript": [says("user", f"👩‍👩‍👧‍👦 {TOOL.line} 🎉")]},
    "combining": {"transcript": [says("user", f"Cafe\u0301: {TOOL.line}")]},
    "arabic": {"transcript": [says("user", f"أريد تغيير الموعد {TOOL.line}")]},
    "chinese": {"transcript": [says("user", f"我想改约星期五的时间。{TOOL.line}")]},
    "hindi": {"transcript": [says("user", f"मुझे शुक्रवार चाहिए {TOOL.line}")]},
    "dtmf": {"transcript": [says("user", "[DTMF: 1 2 #]"), says("user", f"(silence) {TOOL.line}")]},
    "tool json": {
        "transcript": [says("tool_result", f'{{"error": "{TOOL.line}", "items": [1, 2]}}')]
    },
    "markup": {"transcript": [says("user", f"<script>alert(1)</script> {TOOL.line} | a | b")]},
}


@pytest.mark.parametrize("kind", ODD)
def test_a_call_of_any_kind_is_counted_and_quoted_right(engine: Engine, kind: str) -> None:
    calls = [planted_call(number) for number in range(12)]
    calls[0] = {**calls[0], **ODD[kind]}
    with agent_site(engine) as site:
        site.take_in(calls)
        row = site.audit()
    check(row, calls)
    assert row["auditor"] == "agent"
    assert {len(ids) for ids in groups(row).values()} <= {5, 6}


@pytest.mark.parametrize(
    "explanation",
    [
        pytest.param("", id="empty"),
        pytest.param("The metric was not met.", id="identical"),
        pytest.param("The calendar worked and the weekday was right.", id="contradicts"),
        pytest.param("word " * 19_000, id="very long"),
        pytest.param("…", id="no word"),
    ],
)
def test_explanations_of_any_kind_leave_the_transcripts_to_speak(
    engine: Engine, explanation: str
) -> None:
    calls = [with_explanation(planted_call(number), explanation) for number in range(20)]
    with agent_site(engine) as site:
        site.take_in(calls)
        row = site.audit()
    check(row, calls)
    assert row["auditor"] == "agent"
    assert row["num_calls_analyzed"] == 20


def test_without_any_transcript_the_judges_words_are_the_evidence(engine: Engine) -> None:
    calls = [{**planted_call(number), "transcript": []} for number in range(20)]
    with agent_site(engine) as site:
        site.take_in(calls)
        row = site.audit()
    check(row, calls)
    assert all(i["turn"] is None for mode in row["failure_modes"] for i in mode["evidence"])


def test_titles_are_asked_for_in_the_configured_language(engine: Engine) -> None:
    with agent_site(engine, language="Deutsch") as site:
        site.take_in([planted_call(number) for number in range(12)])
        site.audit()
        assert all("Deutsch" in sent.system for sent in site.server.sent if "T1" not in sent.data)


def test_the_metric_card_is_shown_to_every_reader(engine: Engine) -> None:
    from failure_insights.domain.metrics import MetricCard
    from failure_insights.store.projects import find_project, put_metric

    with agent_site(engine) as site:
        site.take_in([planted_call(number) for number in range(12)])
        card = MetricCard(
            "Expected Outcome", prompt="Was it booked?", pass_rule=">= 4", score_type="rating"
        )
        with engine.begin() as connection:
            put_metric(connection, find_project(connection, "clinic").id, card)
        site.audit()
        for sent in site.server.sent:
            for words in ("Was it booked?", ">= 4", "a rating on a scale"):
                assert words in sent.data


def test_a_day_that_is_audited_late_shares_later_themes_and_tells_the_llm_of_none(
    engine: Engine,
) -> None:
    with agent_site(engine) as site:
        calls = [planted_call(number) for number in range(20)]
        earlier = [
            planted_call(
                100 + n,
                call_id=f"old-{n}",
                started_at=(NOW - timedelta(days=3, minutes=5 + n)).isoformat(),
            )
            for n in range(20)
        ]
        site.take_in([*calls, *earlier])
        today = site.audit()
        past = site.audit(at=NOW - timedelta(days=3))
        again = site.audit()
    assert {mode["status"] for mode in past["failure_modes"]} == {"new"}
    ids = [{mode["theme_id"] for mode in row["failure_modes"]} for row in (today, past, again)]
    assert ids[0] == ids[1] == ids[2]
    assert all("th_" not in sent.data for sent in site.server.sent[: len(site.server.sent) // 2])
