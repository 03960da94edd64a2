"""Callers' numbers and addresses do not reach an LLM, and what it quotes is still found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failure_insights.domain.calls import Turn
from failure_insights.text.masking import mask
from failure_insights.text.quotes import find

PRIVATE = {
    "phone": ("Ring me on +49 170 1234567 please.", "1234567"),
    "phone with brackets": ("It is (555) 123-4567, thanks.", "4567"),
    "card": ("Card 4242 4242 4242 4242 it is.", "4242"),
    "e-mail": ("Write to rosalind.franklin@example.com now.", "rosalind"),
    "account": ('{"account": "0012345678"}', "0012345678"),
    "IBAN": ("From DE89 3704 0044 0532 0130 00 as before.", "0532"),
    "dotted phone": ("It is 212.555.1234 or so.", "1234"),
    "phone with one dot": ("It is 212 555.1234 or so.", "1234"),
    "number in a sum": ("Account 4256 1234567 12.50 left.", "1234567"),
    "street": ("I live at 742 Evergreen Terrace now.", "Evergreen"),
}
PLAIN = [
    "On 2024-05-15 at 10:30 for 2024-05-15T15:00:00.",
    "Error 500 after 30 seconds, 1,250.00 dollars, 3.14159265.",
    "Flight HAT229 on seat 12A, order #12.",
    "It is the 15.05.2024, or 05/15/2024.",
    "From 2001-2010, (1346) in June 2020-2023, 1996 1997 1998.",
    "(93.6-54.47)^2 is 1531.1 at (40.730823, -73.9)",
    "Totals 254.77 255.65 253.45 255.27, 121. 233.33 122. 235.57 123. 232.65, 1.084 -0.0184",
]


@pytest.mark.parametrize(("text", "secret"), PRIVATE.values(), ids=PRIVATE.keys())
def test_what_is_private_is_made_up_and_still_quotable(text: str, secret: str) -> None:
    masked = mask(text)
    assert secret not in masked
    assert len(masked) == len(text)
    span = find(masked, 0, [Turn("user", text)])
    assert span is not None
    assert span.text in text


@pytest.mark.parametrize("text", PLAIN)
def test_dates_amounts_and_codes_stay(text: str) -> None:
    assert mask(text) == text


def test_the_same_number_is_the_same_made_up_one_however_it_is_written() -> None:
    one, other, third = (mask(n) for n in ("555-123-4567", "555 123 4567", "555-123-4568"))
    assert one.replace("-", "") == other.replace(" ", "")
    assert one != third
    assert mask("certificate_4856383").partition("_")[2] == mask("No. 4856383").partition(" ")[2]


@given(st.text(max_size=500))
def test_a_masked_text_is_as_long(text: str) -> None:
    assert len(mask(text)) == len(text)
