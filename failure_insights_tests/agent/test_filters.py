"""What may leave an audit as text: nothing that came in with a call."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failure_insights.audit.agent.output_filter import OutputFilter
from failure_insights.domain.calls import Turn

SECRET = "my card number is four two four two and my mother is called Rosalind Franklin"


def output() -> OutputFilter:
    found = OutputFilter(["call-0001", "ab"])
    found.learn([Turn("user", SECRET)])
    return found


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("booking tool fails without a retry", "Booking tool fails without a retry"),
        ("Booking tool fails. ", "Booking tool fails"),
        ("<b>Booking</b> tool <script>x</script> fails", "Booking tool x fails"),
        ("Booking [tool](https://evil.example) fails", "Booking fails"),
        ("See https://evil.example/x?y=1 for the tool failure", "See for the tool failure"),
        ("Booking tool\nfails \u202equietly", "Booking tool fails quietly"),
        ("**Booking** `tool` _fails_ 🎉", "Booking tool fails"),
        ("Calls c001 and c002 fail in call-0001", "Calls and fail in"),
        ("Miscellaneous", ""),
        ("Various other issues", ""),
        ("Other", ""),
        ("!!!", ""),
        ("", ""),
        ("Agent hears that my card number is four two four", ""),
    ],
)
def test_a_title_names_a_mechanism_in_plain_words(raw: str, expected: str) -> None:
    assert output().title(raw) == expected


def test_a_title_is_never_longer_than_a_line() -> None:
    assert len(output().title("word " * 100)) <= 90


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("It fails. Call +1 (555) 123-4567 now.", "It fails. Call … now."),
        ("Write to anna@example.com. It fails.", "Write to It fails."),
        ("It sends it to 742 Evergreen Terrace. It fails.", "It sends it to …. It fails."),
        ("It charges DE89 3704 0044 0532 0130 00. It fails.", "It charges …. It fails."),
        ("It fails. The caller says my card number is four two four two.", "It fails."),
        ("It fails. This hits 40% of calls. 12 failing calls show it.", "It fails."),
        ("Error 500 in 2026 is fine.", "Error 500 in 2026 is fine."),
    ],
)
def test_sentences_hold_no_address_number_or_copy_of_a_call(raw: str, expected: str) -> None:
    assert output().sentences(raw, 500) == expected


@given(st.text(max_size=2_000))
def test_no_output_holds_markup_or_an_address(raw: str) -> None:
    for text in (output().title(raw), output().sentences(raw, 300)):
        assert not set(text) & set("<>[]{}`*\\\n\r\x00\u202e")
        assert "://" not in text
        assert len(text) <= 300


@pytest.mark.parametrize(
    "unit", ["1.1.1.", "a.a.", "[[[(", "a@a@", "1,1,", "<a <a ", "a-b_c.", "((5)"]
)
def test_what_a_model_writes_in_a_loop_is_filtered_at_once(unit: str) -> None:
    found, text = output(), (unit * 20_000)[:20_000]
    begin = time.perf_counter()
    found.title(text)
    found.sentences(text, 500)
    assert time.perf_counter() - begin < 0.1  # 50 ms a field
