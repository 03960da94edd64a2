"""What code says of a call is there in its turns, and nothing is said where nothing happened."""

import pytest

from failure_insights.audit.agent.facts import fact_lines, facts_of
from failure_insights.domain.auditing import CallContext
from failure_insights.domain.calls import Turn

BOOK = Turn("tool_call", '{"slot": 4}', tool_name="book_slot")
ASKED_AGAIN = [Turn("agent", "Which day would suit you best?")]
TALK_OVER = [
    Turn("agent", "word " * 60, start_s=1.0),
    Turn("user", "No, wait.", start_s=4.0),
    Turn("agent", "Sorry.", start_s=6.0),
    Turn("user", "I said Friday.", start_s=8.0),
]
WRITTEN = [
    Turn(role, "word " * 60 + str(n), start_s=float(n))  # type: ignore[arg-type]
    for n, role in enumerate(["agent", "user"] * 3)
]
CASES = {
    "an error": ([BOOK, Turn("tool_result", "Error: slot is taken")], [("tool_failed", (1,))]),
    "a failed JSON": ([Turn("tool_result", '{"success": false}')], [("tool_failed", (0,))]),
    "a status": ([Turn("tool_result", '{"status": 503}')], [("tool_failed", (0,))]),
    "no error": ([Turn("tool_result", '{"error": null, "slots": [1]}')], []),
    "a call again": (
        [Turn("tool_call", "{}", tool_name="find"), Turn("tool_call", "{}", tool_name="find")],
        [("tool_repeated", (0, 1))],
    ),
    "other arguments": (
        [Turn("tool_call", "1", tool_name="find"), Turn("tool_call", "2", tool_name="find")],
        [],
    ),
    "a write without a yes": (
        [Turn("user", "What slots are there?"), BOOK],
        [("write_unconfirmed", (1,))],
    ),
    "a write after a yes": ([Turn("user", "Yes, please book it."), BOOK], []),
    "a silence": (
        [Turn("agent", "One moment.", start_s=1.0), Turn("user", "Hello?", start_s=21.0)],
        [("silence", (0,))],
    ),
    "a long turn": (
        [Turn("agent", "word " * 60, start_s=1.0), Turn("user", "Thanks.", start_s=21.0)],
        [],
    ),
    "a program's error": (
        [Turn("agent", "exitcode: 1 (execution failed)", speaker="Terminal")],
        [("tool_failed", (0,))],
    ),
    "a program's success": ([Turn("agent", "exitcode: 0 (execution succeeded)")], []),
    "said again": (
        [Turn("agent", "Which day would suit you best?"), Turn("user", "Friday."), *ASKED_AGAIN],
        [("said_again", (0, 2))],
    ),
    "polite again": ([Turn("agent", "One moment."), Turn("agent", "One moment.")], []),
    "talk over each other": (TALK_OVER, [("talk_over", (0, 1))]),
    "written, not spoken": (WRITTEN, []),
    "nothing": ([], []),
}


@pytest.mark.parametrize(("turns", "expected"), CASES.values(), ids=CASES.keys())
def test_facts_are_found_with_their_turns(
    turns: list[Turn], expected: list[tuple[str, tuple[int, ...]]]
) -> None:
    found = [(fact.kind, fact.turns) for fact in facts_of(turns)]
    assert [item for item in found if item[0] in dict(expected) or not expected] == expected


def test_a_reader_is_told_who_spoke_and_how_the_call_ended() -> None:
    turns = [Turn("agent", "Hi.", speaker="Booking bot"), Turn("user", "Hi.")]
    text = fact_lines(facts_of(turns), turns, CallContext("silence_timeout", 12.4))
    assert "agent Booking bot 1, user 1" in text
    assert "how it ended: silence_timeout" in text
    assert "it took 12 seconds" in text
