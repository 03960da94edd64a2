"""Quotes: what is shown stands word for word in the call, or is not shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failure_insights.domain.calls import Turn
from failure_insights.text.quotes import MAX_QUOTE, Span, find

TURNS = [
    Turn("agent", "Good morning, how can I help you today?"),
    Turn("user", "I want to move my appointment to Friday at 10:30, not Thursday."),
    Turn("agent", "I’ve booked you for “Thursday” — um, that is at 10:30."),
    Turn("tool_result", '{"error": "slot 4711 is taken", "code": 409}'),
    Turn("user", "Das ist nicht richtig, ich sagte Freitag."),
    Turn("agent", "金曜日の予約は取れませんでした。"),
    Turn("user", "Cafe\u0301 at eleven, I said 11 pm and not one."),
]


@pytest.mark.parametrize(
    ("quote", "line", "expected"),
    [
        ("I want to move my appointment", 1, Span(1, "I want to move my appointment")),
        ("i WANT to move  my\nappointment", 1, Span(1, "I want to move my appointment")),
        ("I want to move my appointment", 2, Span(1, "I want to move my appointment")),
        ("I want to move my appointment", 99, Span(1, "I want to move my appointment")),
        ("I want to move my appointment", None, Span(1, "I want to move my appointment")),
        ('I\'ve booked you for "Thursday"', 2, Span(2, "I’ve booked you for “Thursday")),
        ("for Thursday - um, that is", 2, Span(2, "for “Thursday” — um, that is")),
        ("booked you for “Thursday” — that is at 10:30", 2, None),
        ("move my appointment ... at 10:30, not Thursday", 1, Span(1, "at 10:30, not Thursday")),
        ("slot 4711 is taken", 3, Span(3, "slot 4711 is taken")),
        ("slot 4712 is taken by others", 3, None),
        ("Das ist richtig, ich sagte Freitag", 4, None),
        ("Caf\u00e9 at eleven", 6, Span(6, "Cafe\u0301 at eleven")),
        ("取れませんでした", 5, Span(5, "取れませんでした")),
        ("I said 1 pm", 6, None),
        ("appointment", 1, None),
        ("today? I want to move", 0, None),
        ("The caller asked for another day", 1, None),
        ("", 1, None),
        ("   ", None, None),
    ],
)
def test_a_quote_is_lifted_from_the_turn_or_dropped(
    quote: str, line: int | None, expected: Span | None
) -> None:
    assert find(quote, line, TURNS) == expected


words = st.text("abcdefghij àéñÅß中'-", min_size=20, max_size=200).map(
    lambda t: " ".join(t.split())
)


@given(st.lists(words, min_size=1, max_size=5), st.data())
def test_whatever_is_found_stands_in_its_turn(texts: list[str], data: st.DataObject) -> None:
    turns = [Turn("user", text) for text in texts]
    source = data.draw(st.sampled_from(texts))
    start = data.draw(st.integers(0, max(0, len(source) - 1)))
    quote = source[start:][: data.draw(st.integers(0, 400))]
    if data.draw(st.booleans()):
        quote = quote.upper().replace(" ", "  ")
    span = find(quote, data.draw(st.none() | st.integers(-3, 8)), turns)
    if span is not None:
        assert span.text in turns[span.turn].content
        assert 0 < len(span.text) <= MAX_QUOTE


@given(st.text(max_size=300), st.text(max_size=300))
def test_no_text_breaks_the_search(quote: str, content: str) -> None:
    span = find(quote, 0, [Turn("user", content)])
    assert span is None or span.text in content
