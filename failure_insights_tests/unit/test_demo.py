"""The demo's calls: what stands in them is what was planned, and the judges tell the truth."""

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

import failure_insights.demo as demo
from failure_insights.demo import DEMO_VIEWS, PLANTED_CAUSES, demo_calls, demo_metric_cards
from failure_insights.demo.calls import DEMO_DAYS, PlannedCall, planned_calls, projects
from failure_insights.domain.metrics import PassRule
from failure_insights.domain.pools import DAY, PoolRule

NOW = datetime(2026, 3, 18, 16, 20, tzinfo=UTC)
LAST_AUDIT = NOW.replace(hour=6, minute=0)
CAUSES = {cause["key"]: cause for texts in projects() for cause in texts["cause"]}
TOO_FEW = {
    ("Willow Park Dental", "Emergency Triage"),
    ("Swiftline Parcels", "Not Early Termination"),
}
#: Pairs whose last 24 hours before 06:00 hold enough for a pool of one day.
DAY_POOLS = {
    ("Willow Park Dental", "Expected Outcome"),
    ("Willow Park Dental", "Tool call Accuracy"),
    ("Swiftline Parcels", "Expected Outcome"),
}


@pytest.fixture(scope="module")
def planned() -> list[PlannedCall]:
    return list(planned_calls(NOW))


def started(line: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(line["started_at"])


def failed(line: dict[str, Any]) -> dict[str, str]:
    return {m["name"]: m["explanation"] for m in line["metrics"] if not m["passed"]}


def judged_causes(planned: list[PlannedCall]) -> list[tuple[dict[str, Any], str, dict[str, str]]]:
    """Return line, cause and the explanations of what the cause made fail."""
    return [
        (
            call.line,
            call.cause,
            {k: v for k, v in failed(call.line).items() if k in CAUSES[call.cause]["says"]},
        )
        for call in planned
        if call.cause
    ]


def test_the_same_now_gives_the_same_lines() -> None:
    assert list(demo_calls(NOW)) == list(demo_calls(NOW))


def test_a_call_of_the_same_minute_is_the_same_a_little_later() -> None:
    later = list(demo_calls(NOW + timedelta(hours=3)))
    assert later[: len(now := list(demo_calls(NOW)))] == now
    assert len(later) > len(now)


@pytest.mark.parametrize("hour", [0, 6, 23])
def test_ten_days_of_calls_end_before_now(hour: int) -> None:
    now = NOW.replace(hour=hour, minute=1)
    lines = [json.loads(line) for line in demo_calls(now)]
    assert 700 <= len(lines) <= 900
    assert all(started(line) + timedelta(seconds=line["duration_s"]) < now for line in lines)
    assert now - started(lines[0]) > 9 * DAY
    assert len({line["call_id"] for line in lines}) == len(lines)


def test_calls_are_the_planned_ones_on_each_day(planned: list[PlannedCall]) -> None:
    per_day = Counter(
        (call.cause, (LAST_AUDIT - started(call.line)) // DAY)
        for call in planned
        if call.cause and started(call.line) < LAST_AUDIT
    )
    for key, cause in CAUSES.items():
        ages = reversed(range(DEMO_DAYS))
        assert [per_day[key, age] for age in ages] == cause["days"], key


def test_pools_at_six_are_of_a_day_of_a_week_or_too_small(planned: list[PlannedCall]) -> None:
    rule = PoolRule()
    sizes = {}
    for pair in PLANTED_CAUSES:
        ages = [
            LAST_AUDIT - started(call.line)
            for call in planned
            if call.line["project"] == pair[0]
            and pair[1] in failed(call.line)
            and started(call.line) < LAST_AUDIT
        ]
        window = rule.window(LAST_AUDIT, sum(age <= DAY for age in ages), None)
        sizes[pair] = sum(age <= window.days * DAY for age in ages)
        assert (window.days == 1) == (pair in DAY_POOLS), pair
        assert rule.has_enough(sizes[pair]) == (pair not in TOO_FEW), (pair, sizes[pair])
    assert all(size <= 60 for size in sizes.values())


def test_calls_have_turns_times_and_tools_that_make_sense(planned: list[PlannedCall]) -> None:
    for call in planned:
        turns = call.line["transcript"]
        assert 8 <= len(turns) <= 26
        times = [turn["start_s"] for turn in turns]
        assert times == sorted(times)
        assert times[-1] <= call.line["duration_s"]
        for turn in turns:
            assert turn["content"].strip()
            assert not re.search(r"\$[a-z{]|\{[^\"}]", turn["content"]), "an unfilled template"
            if turn["role"].startswith("tool"):
                assert turn["tool_name"]
                assert json.loads(turn["content"])
        for before, after in pairwise(turns):
            assert (after["role"] == "tool_result") == (before["role"] == "tool_call")


def test_transcripts_are_not_copies(planned: list[PlannedCall]) -> None:
    texts = {"\n".join(t["content"] for t in call.line["transcript"]) for call in planned}
    assert len(texts) == len(planned)


def test_verdicts_are_those_of_the_metric_cards(planned: list[PlannedCall]) -> None:
    cards = {
        name: {card.name: card for card in cards} for name, cards in demo_metric_cards().items()
    }
    for call in planned:
        for result in call.line["metrics"]:
            card = cards[call.line["project"]][result["name"]]
            assert result["type"] == card.type
            assert result["passed"] == PassRule.parse(card.pass_rule).passes(result["score"])
            assert bool(result["explanation"]) == card.is_eligible
    assert sum(card.is_eligible for by_name in cards.values() for card in by_name.values()) >= 6


def test_a_cause_fails_its_metrics_and_a_passing_call_none(planned: list[PlannedCall]) -> None:
    code = {"Latency", "Talk Ratio"}
    for call in planned:
        expected = set(CAUSES[call.cause]["says"]) if call.cause else set()
        assert set(failed(call.line)) - code == expected


def test_what_a_judge_quotes_stands_in_the_transcript(planned: list[PlannedCall]) -> None:
    quotes = 0
    for line, cause, explanations in judged_causes(planned):
        turns = [turn["content"].casefold() for turn in line["transcript"]]
        for explanation in explanations.values():
            for quote in re.findall(r'"([^"]+)"', explanation):
                # Only these quote tools' JSON in parts, or a term rather than a line.
                if cause in ("duplicate_booking", "surname_garbled", "dental_terms"):
                    continue
                quotes += 1
                parts = re.split(r", (?=[A-Z]+\d)", quote.casefold())
                assert any(all(part in turn for part in parts) for turn in turns), quote
    assert quotes > 100


def test_only_dead_air_is_silent_for_more_than_ten_seconds(planned: list[PlannedCall]) -> None:
    for call in planned:
        turns = call.line["transcript"]
        gaps = [
            after["start_s"] - before["start_s"] - len(before["content"].split()) / 2.6
            for before, after in pairwise(turns)
            if not before["role"].startswith("tool")
        ]
        assert (sum(gap > 10 for gap in gaps) >= 2) == (call.cause == "dead_air")


def test_metadata_does_not_reveal_the_cause(planned: list[PlannedCall]) -> None:
    seen = {json.dumps(call.line["metadata"], sort_keys=True) for call in planned if call.cause}
    passing = {json.dumps(call.line["metadata"], sort_keys=True) for call in planned}
    assert seen <= passing
    for call in planned:
        outside = json.dumps(
            {k: v for k, v in call.line.items() if k not in ("transcript", "metrics")}
        )
        assert not call.cause or call.cause not in outside


def test_every_cause_is_named_in_the_packages_docstring() -> None:
    assert [key for key in CAUSES if key not in (demo.__doc__ or "")] == []
    assert sum(map(len, PLANTED_CAUSES.values())) >= len(CAUSES)


def test_views_hold_agents_of_their_project(planned: list[PlannedCall]) -> None:
    agents = {(call.line["project"], call.line["agent"]) for call in planned}
    views = {(p, a) for p, views in DEMO_VIEWS.items() for v in views.values() for a in v}
    assert views
    assert views <= agents
