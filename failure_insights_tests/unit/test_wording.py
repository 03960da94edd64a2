"""Grouping by wording, through the auditor's own door."""

import asyncio
import random
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failure_insights.audit.wording import WordingAuditor
from failure_insights.domain.auditing import CallContext
from failure_insights.domain.breakdown import MAX_THEMES, Breakdown
from failure_insights.domain.calls import Turn
from failure_insights.domain.metrics import MetricCard
from failure_insights.domain.pools import FailingCall, Pool, Window
from failure_insights_tests.quality.planted import plant

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)

DATE = "The agent misheard the date and booked the wrong day."
TOOL = "The booking tool returned an error and the agent did not retry."
RUDE = "The assistant was rude and raised its voice."


class Calls:
    """A `CallReader` over what a test gives, which notes what was read."""

    def __init__(
        self, transcripts: Mapping[str, Sequence[Turn]] | None = None, passing: Sequence[str] = ()
    ) -> None:
        self.held = transcripts or {}
        self.passed = [call(f"passed-{i}", text) for i, text in enumerate(passing)]
        self.read: list[str] = []

    def transcripts(self, call_ids: Sequence[str]) -> Mapping[str, Sequence[Turn]]:
        self.read += call_ids
        return {call_id: self.held[call_id] for call_id in call_ids if call_id in self.held}

    def contexts(self, call_ids: Sequence[str]) -> Mapping[str, CallContext]:
        return {call_id: CallContext() for call_id in call_ids}

    def about_project(self) -> str:
        return ""

    def passing(self, limit: int) -> Sequence[FailingCall]:
        return self.passed[:limit]


def call(call_id: str, explanation: str) -> FailingCall:
    return FailingCall(call_id, "agent", NOW - timedelta(hours=1), explanation)


def pool_of(explanations: Sequence[str], prompt: str = "") -> Pool:
    calls = tuple(call(f"call-{i:04}", text) for i, text in enumerate(explanations))
    return Pool("shop", MetricCard("Expected Outcome", prompt=prompt), Window(NOW, 1), calls)


def audit(pool: Pool, calls: Calls | None = None, max_calls: int | None = None) -> Breakdown:
    return asyncio.run(WordingAuditor().audit(pool, calls or Calls(), (), max_calls))


def groups(breakdown: Breakdown) -> list[tuple[str, ...]]:
    return [mode.call_ids for mode in breakdown.failure_modes]


def check(breakdown: Breakdown, explanations: Mapping[str, str]) -> None:
    """Assert what holds of every breakdown by wording, whatever the pool."""
    modes = breakdown.failure_modes
    assert 1 <= len(modes) <= MAX_THEMES
    titles = [mode.title for mode in modes]
    assert len({title.casefold() for title in titles}) == len(titles)
    assert breakdown.auditor == "wording"
    assert not breakdown.degraded
    assert breakdown.message.startswith("Grouped by wording")
    for mode in modes:
        assert 1 <= len(mode.title) <= 200
        assert not re.search(r"\d|@|https?:|[<>*`#\n]", mode.title), mode.title
        assert mode.origin == "unclear"
        assert mode.suggested_fix == ""
        assert len(mode.terms) <= 30
        assert len(mode.evidence) <= 3
        assert len({item.call_id for item in mode.evidence}) == len(mode.evidence)
        for item in mode.evidence:
            assert item.turn is None
            assert item.quote in explanations[item.call_id]


POOLS = {
    "the smallest": [DATE, TOOL, RUDE],
    "all the same": [DATE] * 12,
    "all empty": [""] * 5,
    "some empty": ["", " \n", TOOL, TOOL, TOOL, DATE, DATE, DATE, RUDE, RUDE],
    "no word": ["0.3", "N/A", "...", "5/5"],
    "nothing in common": [
        f"{a}{b} {b}{a}" for a, b in zip("abcdefghij", "qrstuvwxyz", strict=True)
    ],
    "markup": ["<b>The agent</b> <script>alert()</script> **never** asked https://evil.example/x"]
    * 4,
    "very long": [DATE * 1000, TOOL * 1000, "x" * 50_000, DATE],
    "one word": ["Rude."] * 3 + ["Slow."] * 3,
    "German": [
        "Der Agent hat das Datum falsch verstanden.",
        "Das Datum wurde falsch verstanden.",
        "Der Server meldete einen Fehler beim Buchen.",
        "Beim Buchen meldete der Server einen Fehler.",
    ]
    * 3,
    "Japanese": ["日付を聞き間違えて予約しました。", "予約システムがエラーを返しました。"] * 5,
    "Hindi": ["एजेंट ने तारीख गलत समझी", "सिस्टम में त्रुटि हुई"] * 5,
    "Arabic": ["أخطأ الوكيل في فهم التاريخ", "حدث خطأ في النظام أثناء الحجز"] * 5,
    "emoji": ["👍🏽", "🙈🙈", "👩‍👩‍👧‍👦"],
}


@pytest.mark.parametrize("explanations", POOLS.values(), ids=POOLS.keys())
def test_every_pool_has_a_breakdown(explanations: list[str]) -> None:
    pool = pool_of(explanations)
    check(audit(pool), {c.call_id: c.explanation for c in pool.calls})


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=60) | st.sampled_from([DATE, TOOL, ""]), min_size=1, max_size=12))
def test_no_text_breaks_the_auditor(explanations: list[str]) -> None:
    pool = pool_of(explanations)
    check(audit(pool), {c.call_id: c.explanation for c in pool.calls})


@pytest.mark.parametrize("size", [10, 40, pytest.param(900, marks=pytest.mark.slow)])
def test_the_same_calls_in_any_order_give_the_same_themes(size: int) -> None:
    planted = plant("clinic", size, 3, 5, judge_styles=3)
    first = audit(planted.pool, Calls(planted.transcripts))
    shuffled = list(planted.pool.calls)
    random.Random(0).shuffle(shuffled)
    pool = Pool(planted.pool.project, planted.pool.metric, planted.pool.window, tuple(shuffled))
    again = audit(pool, Calls(planted.transcripts))
    assert again.failure_modes == first.failure_modes
    assert again.provenance == first.provenance
    assert set(again.unassigned_call_ids) == set(first.unassigned_call_ids)


def test_themes_are_the_causes_and_not_the_judges_templates() -> None:
    frames = [
        "Upon reviewing the transcript, the expected outcome was clearly not achieved. {} "
        "Therefore the call is marked as a failure.",
        "Verdict: FAIL. Score: 2/5. Reasoning of the judge for this call: {} See the transcript "
        "for the evidence of this.",
    ]
    causes = [
        ["The date was misheard: {} was booked.", "It booked {}, having misheard the date."],
        ["The tool failed with an error for {}.", "No retry for {} after the error of the tool."],
    ]
    names = ["Ann", "Bo", "Cy", "Di", "Ed", "Flo"]
    told = [
        (cause, frames[i % 2].format(says[i % 3 % 2].format(name)))
        for i, name in enumerate(names)
        for cause, says in enumerate(causes)
    ]
    found = audit(pool_of([text for _, text in told]))
    truth = {f"call-{i:04}": cause for i, (cause, _) in enumerate(told)}
    assert sorted(sorted({truth[c] for c in group}) for group in groups(found)) == [[0], [1]]


def test_a_pool_as_judges_write_it_becomes_exactly_its_groups() -> None:
    entries = tomllib.loads((Path(__file__).parent / "wording_pool.toml").read_text())["call"]
    pool = pool_of([entry["explanation"] for entry in entries])
    members: dict[str, list[str]] = {}
    transcripts, quoted_lines = {}, set()
    for call_id, entry in zip(pool.call_ids, entries, strict=True):
        members.setdefault(entry["group"], []).append(call_id)
        if lines := entry.get("transcript"):
            transcripts[call_id] = [Turn("agent", line) for line in lines]
            quoted_lines.add((call_id, entry["turn"]))
    result = audit(pool, Calls(transcripts))
    assert [sorted(group) for group in groups(result)] == list(members.values())
    assert result.unassigned_call_ids == ()
    evidence = [item for mode in result.failure_modes for item in mode.evidence]
    lines = [item for item in evidence if item.turn is not None]
    assert {(item.call_id, item.turn) for item in lines} == quoted_lines
    for item in lines:
        assert item.turn is not None
        assert item.quote in transcripts[item.call_id][item.turn].content
    for group, mode in zip(members, result.failure_modes, strict=True):
        assert group in mode.terms or group == "silent"


def test_calls_without_an_explanation_are_a_theme_that_says_so() -> None:
    found = audit(pool_of(["", "  ", TOOL, TOOL, TOOL, TOOL]))
    silent = {mode.title: mode.call_ids for mode in found.failure_modes}
    assert silent["Judge gave no explanation"] == ("call-0000", "call-0001")


@pytest.mark.parametrize("seed", range(4))
def test_a_title_names_no_customer_and_no_number(seed: int) -> None:
    planted = plant("clinic", 12, 4, seed)
    customers = {
        name
        for c in planted.pool.calls
        for name in re.findall(r"(?<!^)(?<![.:] )\b[A-Z]\w+ [A-Z]\w+\b", c.explanation)
    }
    for mode in audit(planted.pool, Calls(planted.transcripts)).failure_modes:
        shown = f"{mode.title} {mode.description}"
        assert not re.search(r"\d", shown)
        assert not [name for name in customers if name in shown]


def test_the_judges_quotation_becomes_a_line_of_the_transcript() -> None:
    turns = (
        Turn("user", "Next Tuesday, please"),
        Turn("agent", "Booked for THURSDAY, the 4th — ok?"),
    )
    said = 'It misheard the date: "booked for Thursday, the 4th - ok" is wrong.'
    pool = pool_of([said, said, said])
    found = audit(pool, Calls({pool.call_ids[1]: turns}))
    (line, *rest) = found.failure_modes[0].evidence
    assert (line.call_id, line.turn, line.quote) == (
        pool.call_ids[1],
        1,
        "Booked for THURSDAY, the 4th — ok",
    )
    assert {item.turn for item in rest} == {None}
    assert found.num_calls_analyzed == 1


@pytest.mark.parametrize(
    "said",
    [
        "I did cancel your order just now",  # the transcript has "not"
        "I did not cancel order just now",  # a word is left out
        "your order",  # too short to be more than a term
    ],
)
def test_a_quotation_that_does_not_stand_in_the_transcript_is_no_line(said: str) -> None:
    pool = pool_of([f'It lied: "{said}".'] * 3)
    turns = (Turn("agent", "I did not cancel your order just now."),)
    found = audit(pool, Calls(dict.fromkeys(pool.call_ids, turns)))
    assert {item.turn for mode in found.failure_modes for item in mode.evidence} == {None}


def test_no_more_transcripts_are_read_than_asked() -> None:
    pool = pool_of([f'{text} "one two three four five"' for text in (DATE, TOOL, RUDE)] * 10)
    calls = Calls(dict.fromkeys(pool.call_ids, (Turn("agent", "Hello"),)))
    assert audit(pool, calls, max_calls=4).num_calls_analyzed == len(calls.read) <= 4


def test_importing_the_auditor_loads_no_heavy_library() -> None:
    code = """
import sys, failure_insights.audit.wording
sys.exit(bool({"sklearn", "scipy"} & {*sys.modules}))
"""
    subprocess.run([sys.executable, "-c", code], check=True)
