"""Knows what models cost by their makers' price lists, so that an audit can say what it cost."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens that go in and come out."""

    pattern: str
    input: float
    output: float


#: List prices for text, without discounts for caching or batches. The first pattern that a model's
#: name matches (apart from a provider's prefix) counts; a model that matches none has no known
#: price. Prices change: they say what an audit costs roughly, and bill nobody.
PRICES: tuple[Price, ...] = (
    Price(r"gpt-5-nano", 0.05, 0.40),
    Price(r"gpt-5(\.\d)?-mini", 0.25, 2.00),
    Price(r"gpt-5", 1.25, 10.00),
    Price(r"gpt-4\.1-nano", 0.10, 0.40),
    Price(r"gpt-4\.1-mini", 0.40, 1.60),
    Price(r"gpt-4\.1", 2.00, 8.00),
    Price(r"gpt-4o-mini", 0.15, 0.60),
    Price(r"gpt-4o", 2.50, 10.00),
    Price(r"claude-(haiku-4|4-haiku)", 1.00, 5.00),
    Price(r"claude-(sonnet-4|4-sonnet)", 3.00, 15.00),
    Price(r"gemini-2\.5-flash-lite", 0.10, 0.40),
    Price(r"gemini-2\.5-flash", 0.30, 2.50),
    Price(r"gemini-2\.5-pro", 1.25, 10.00),
)


def cost_of(model: str, input_tokens: int, output_tokens: int) -> float | None:
    """Return what so many tokens of a model cost in US dollars; None: its price is not known."""
    name = model.rpartition("/")[2].lower()
    for price in PRICES:
        if re.match(price.pattern, name):
            dollars = (input_tokens * price.input + output_tokens * price.output) / 1e6
            return round(dollars, 6)
    return None
