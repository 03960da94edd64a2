"""A breakdown claims nothing that its pool does not carry."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failure_insights.domain.breakdown import (
    MAX_THEMES,
    Breakdown,
    Cause,
    Evidence,
    FailureMode,
    MetricFinding,
    SuspectedJudgeError,
)
from failure_insights.domain.metrics import MetricCard
from failure_insights.domain.pools import FailingCall, Pool, Window
from failure_insights.errors import InvalidBreakdown

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)


def pool_of(call_ids: str) -> Pool:
    calls = tuple(FailingCall(call_id, "agent", NOW, "") for call_id in call_ids)
    return Pool("shop", MetricCard("Expected Outcome"), Window(NOW, 1), calls)


def mode(call_ids: str, title: str = "Title", *quoted: str) -> FailureMode:
    evidence = tuple(Evidence(call_id, 0, "quote") for call_id in quoted)
    return FailureMode(title, "", tuple(call_ids), evidence)


def judge_error(call_id: str) -> SuspectedJudgeError:
    return SuspectedJudgeError(call_id, 0, "quote", "reason")


def breakdown(pool: str = "abcdef", **changes: Any) -> Breakdown:
    given = {
        "failure_modes": (mode("ab", "One", "a"), mode("c", "Two")),
        "unassigned_call_ids": ("d", "e"),
        "suspected_judge_errors": (judge_error("f"),),
    }
    return Breakdown(pool_of(pool), auditor="wording", **{**given, **changes})


def test_counts_and_shares_are_those_of_the_pool() -> None:
    found = breakdown()
    assert [mode.count for mode in found.failure_modes] == [2, 1]
    assert found.share(found.failure_modes[0]) == pytest.approx(1 / 3)


INVALID: dict[str, Callable[[], Breakdown]] = {
    "a call that the pool does not hold": lambda: breakdown(unassigned_call_ids=("d", "e", "x")),
    "a call of two themes": lambda: breakdown(failure_modes=(mode("ab"), mode("bc"))),
    "a call twice in one theme": lambda: breakdown(failure_modes=(mode("abb"), mode("c"))),
    "a call that is unassigned and in a theme": lambda: breakdown(
        unassigned_call_ids=("c", "d", "e")
    ),
    "a call that is a judge's error and in a theme": lambda: breakdown(
        suspected_judge_errors=(judge_error("f"), judge_error("a"))
    ),
    "a call in no group": lambda: breakdown(unassigned_call_ids=("d",)),
    "no theme": lambda: breakdown("ab", failure_modes=(), unassigned_call_ids=("a",)),
    "nothing found": lambda: breakdown(
        "ab", failure_modes=(), unassigned_call_ids=("a", "b"), suspected_judge_errors=()
    ),
    "a theme without calls": lambda: breakdown(failure_modes=(mode("abc"), mode(""))),
    "a seventh theme": lambda: breakdown(
        "abcdefg",
        failure_modes=tuple(mode(c) for c in "abcdefg"),
        unassigned_call_ids=(),
        suspected_judge_errors=(),
    ),
    "a call of a theme and of another cause": lambda: breakdown(
        other_causes=(Cause("Other", ("a",)),)
    ),
    "a call that is not read and in a theme": lambda: breakdown(not_read_call_ids=("a",)),
    "a call of a theme about which the metric is in question": lambda: breakdown(
        metric_findings=(MetricFinding("nothing_called_for_it", "a", 0, "quote", "reason"),)
    ),
    "another cause without calls": lambda: breakdown(other_causes=(Cause("Other", ()),)),
    "causes that leave a call of their theme out": lambda: breakdown(
        failure_modes=(replace(mode("ab"), causes=(Cause("One", ("a",)),)), mode("c"))
    ),
    "causes that share a call": lambda: breakdown(
        failure_modes=(
            replace(mode("ab"), causes=(Cause("One", ("a", "b")), Cause("Two", ("b",)))),
            mode("c"),
        )
    ),
    "a theme that is also at work in a call of its own": lambda: breakdown(
        failure_modes=(replace(mode("ab"), also_call_ids=("a",)), mode("c"))
    ),
    "a theme that is also at work outside the pool": lambda: breakdown(
        failure_modes=(replace(mode("ab"), also_call_ids=("x",)), mode("c"))
    ),
    "a quote of a call of another theme": lambda: breakdown(
        failure_modes=(mode("ab", "One", "c"), mode("c"))
    ),
    "a quote of a call that is unassigned": lambda: breakdown(
        failure_modes=(mode("ab", "One", "d"), mode("c"))
    ),
}


@pytest.mark.parametrize("build", INVALID.values(), ids=INVALID.keys())
def test_what_the_pool_does_not_carry_cannot_be_built(build: Callable[[], Breakdown]) -> None:
    with pytest.raises(InvalidBreakdown):
        build()


def test_a_pool_of_wrong_verdicts_needs_no_theme() -> None:
    errors = (judge_error("a"), judge_error("b"))
    found = breakdown("ab", failure_modes=(), unassigned_call_ids=(), suspected_judge_errors=errors)
    assert found.suspected_judge_errors == errors


SEATS = st.lists(st.integers(0, MAX_THEMES + 4), min_size=1, max_size=40)


def seated(seats: list[int]) -> dict[str, Any]:
    """Return the groups of call 0, 1, ...: a theme, or from MAX_THEMES on one of the others."""
    ids = [f"call-{i}" for i in range(len(seats))]
    themes = [
        tuple(c for c, seat in zip(ids, seats, strict=True) if seat == n)
        for n in range(MAX_THEMES + 5)
    ]
    return {
        "failure_modes": tuple(
            FailureMode(f"Theme {n}", "", calls)
            for n, calls in enumerate(themes[:MAX_THEMES])
            if calls
        ),
        "unassigned_call_ids": themes[MAX_THEMES],
        "suspected_judge_errors": tuple(map(judge_error, themes[MAX_THEMES + 1])),
        "not_read_call_ids": themes[MAX_THEMES + 2],
        "other_causes": tuple(Cause("Other", (call,)) for call in themes[MAX_THEMES + 3]),
        "metric_findings": tuple(
            MetricFinding("reason_not_in_call", call, 0, "quote", "reason")
            for call in themes[MAX_THEMES + 4]
        ),
    }


def pool_of_size(size: int) -> Pool:
    calls = tuple(FailingCall(f"call-{i}", "agent", NOW, "") for i in range(size))
    return Pool("shop", MetricCard("Expected Outcome"), Window(NOW, 1), calls)


@given(SEATS)
def test_counts_add_up_to_the_pool(seats: list[int]) -> None:
    groups = seated(seats)
    found_nothing = set(seats) <= {MAX_THEMES, MAX_THEMES + 2}
    if found_nothing:
        return
    found = Breakdown(pool_of_size(len(seats)), auditor="agent", **groups)
    parts = sum(mode.count for mode in found.failure_modes)
    parts += sum(cause.count for cause in found.other_causes)
    parts += len(found.unassigned_call_ids) + len(found.not_read_call_ids)
    parts += len(found.suspected_judge_errors) + len(found.metric_findings)
    assert parts == len(seats)
    assert sum(map(found.share, found.failure_modes)) <= 1 + 1e-9


@given(SEATS, st.data())
def test_one_call_too_many_or_too_few_is_refused(seats: list[int], data: st.DataObject) -> None:
    groups = seated([0, *seats])
    size = len(seats) + 1
    with pytest.raises(InvalidBreakdown):
        Breakdown(pool_of_size(size + 1), auditor="agent", **groups)
    twice = f"call-{data.draw(st.integers(0, size - 1))}"
    groups["unassigned_call_ids"] += (twice,)
    with pytest.raises(InvalidBreakdown):
        Breakdown(pool_of_size(size), auditor="agent", **groups)


def test_a_changed_copy_is_checked_too() -> None:
    with pytest.raises(InvalidBreakdown):
        replace(breakdown(), unassigned_call_ids=())
