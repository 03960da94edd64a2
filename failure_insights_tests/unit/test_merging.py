"""Several messages of one call make one call, whatever order they come in."""

from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failure_insights.domain.calls import Call, JudgedResult, Turn
from failure_insights.domain.merging import merged_call, merged_result

START = datetime(2026, 1, 5, 10, tzinfo=UTC)
TURNS = (
    Turn("agent", "Wheelhouse, how can I help?", 1.2),
    Turn("user", "My brakes squeal.", 4.0),
    Turn("agent", "Thursday at nine is free.", 8.0),
)


def call(*turns: Turn, **fields: Any) -> Call:
    return Call(
        **{"call_id": "c", "project": "p", "agent": "a", "started_at": START} | fields,
        transcript=turns,
    )


WORDS = st.sampled_from(["", "a", "b", "ab", "ba"])
VALUES = st.none() | st.booleans() | st.integers(0, 2) | WORDS | st.lists(WORDS, max_size=2)
#: Any messages of one call, of which no two need agree on anything.
MESSAGES = st.builds(
    lambda turns, **fields: call(*turns, **fields),
    turns=st.lists(
        st.builds(
            Turn,
            st.sampled_from(["agent", "user"]),
            WORDS,
            st.none() | st.integers(0, 1).map(float),
            speaker=st.none() | WORDS,
        ),
        max_size=2,
    ),
    agent=st.sampled_from(["desk", "asst-1", "asst-2"]),
    started_at=st.integers(0, 2).map(lambda s: START + timedelta(seconds=s)),
    duration_s=st.none() | st.integers(0, 2).map(float),
    ended_reason=st.none() | WORDS,
    metadata=st.dictionaries(
        WORDS, VALUES | st.dictionaries(WORDS, VALUES, max_size=2), max_size=2
    ),
)


def joined(messages: list[Call]) -> Call:
    return reduce(lambda one, other: merged_call(one, other, corrects=False), messages)


@given(st.lists(MESSAGES, min_size=1, max_size=4))
def test_messages_make_the_same_call_in_any_order_and_number(messages: list[Call]) -> None:
    whole = joined(messages)
    assert all(joined(list(order)) == whole for order in permutations(messages))
    assert joined([*messages, *messages]) == whole
    assert joined([whole, messages[0]]) == whole


@given(st.data())
def test_parts_of_one_call_make_the_whole_call_in_any_order_and_format(data: st.DataObject) -> None:
    whole = call(
        *TURNS, duration_s=87.0, ended_reason="hung up", metadata={"a": 1, "b": {"c": [2], "d": 3}}
    )

    def part() -> Call:
        draw = data.draw
        return call(
            *TURNS[: draw(st.integers(0, len(TURNS)))],
            duration_s=draw(st.sampled_from([None, 87.0])),
            ended_reason=draw(st.sampled_from([None, "hung up"])),
            metadata={k: v for k, v in whole.metadata.items() if draw(st.booleans())},
        )

    parts = data.draw(st.permutations([whole, *(part() for _ in range(3))]))
    for corrects in (False, True):
        merged = reduce(lambda one, other: merged_call(one, other, corrects=corrects), parts)
        assert merged == whole


FULL = call(*TURNS, duration_s=87.0, ended_reason="hung up", metadata={"a": 1, "b": 2})


@pytest.mark.parametrize(
    "poorer",
    [
        call(),
        call(TURNS[0]),
        call(*TURNS[:2], Turn("agent", "Thursday at")),
        call(Turn("user", "Something else."), agent="b", ended_reason="x", metadata={"a": 9}),
    ],
)
@pytest.mark.parametrize("corrects", [False, True])
def test_a_poorer_message_empties_nothing(poorer: Call, corrects: bool) -> None:
    merged = merged_call(FULL, poorer, corrects=corrects)
    assert merged.transcript == FULL.transcript
    assert (merged.duration_s, merged.ended_reason) == (87.0, "hung up")
    assert merged.metadata.keys() == {"a", "b"}
    if corrects:
        assert merged == FULL


def test_an_owner_s_word_that_says_no_less_is_a_correction() -> None:
    turns = (*TURNS[:2], Turn("agent", "Friday."))
    correction = call(
        *turns,
        agent="b",
        started_at=START + timedelta(hours=1),
        duration_s=9.0,
        ended_reason="x",
        metadata={"a": 9, "b": None, "c": 3},
    )
    assert merged_call(FULL, correction, corrects=True) == call(
        *turns,
        agent="b",
        started_at=START + timedelta(hours=1),
        duration_s=9.0,
        ended_reason="x",
        metadata={"a": 9, "b": 2, "c": 3},
    )


def test_an_owner_s_word_that_says_less_fills_in_what_is_missing() -> None:
    bare = call(*TURNS)
    more = call(TURNS[0], agent="b", duration_s=9.0, ended_reason="x", metadata={"c": 3})
    assert merged_call(bare, more, corrects=True) == call(
        *TURNS, duration_s=9.0, ended_reason="x", metadata={"c": 3}
    )


FAILED = JudgedResult(False, 2, "Not moved.")


@pytest.mark.parametrize(
    ("incoming", "merged"),
    [
        (JudgedResult(False), FAILED),
        (JudgedResult(False, None, "Anew."), JudgedResult(False, 2, "Anew.")),
        (JudgedResult(False, 1), JudgedResult(False, 1, "Not moved.")),
        (JudgedResult(True), JudgedResult(True)),
        (JudgedResult(None, 4, "?"), FAILED),
        (
            JudgedResult(False, 2, "Not moved.", by_rule=True),
            JudgedResult(False, 2, "Not moved.", True),
        ),
    ],
)
def test_a_later_verdict_counts_and_a_missing_one_takes_none_away(
    incoming: JudgedResult, merged: JudgedResult
) -> None:
    assert merged_result(FAILED, incoming) == merged


def test_a_result_that_says_the_same_is_the_same() -> None:
    assert merged_result(FAILED, JudgedResult(False, 2.0, "Not moved.")) is FAILED
    assert merged_result(FAILED, JudgedResult(False)) is FAILED
    assert merged_result(None, FAILED) is FAILED
    yes, one = JudgedResult(True, True), JudgedResult(True, 1)
    assert merged_result(yes, one) is not yes
    waiting = JudgedResult(None, 3)
    assert merged_result(waiting, JudgedResult(True, 3, by_rule=True)).passed
