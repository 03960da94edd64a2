"""Count what tokens cost, by a table of list prices (`prices.toml`)."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from failure_insights.errors import BadInput
from failure_insights.llm.budget import Tokens

Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]
#: A dated version of a model: `-2025-08-07`, `-20250929`.
_DATE = re.compile(r"[-@]\d{4}-?\d{2}-?\d{2}$")


class Price(BaseModel):
    """US dollars per million tokens of one model; `cached_input` None: as `input`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Dollars
    output: Dollars
    cached_input: Dollars | None = None

    def of(self, tokens: Tokens) -> float:
        """Return what these tokens cost, in US dollars."""
        cached = self.input if self.cached_input is None else self.cached_input
        fresh = tokens.input - tokens.cached
        dollars = fresh * self.input + tokens.cached * cached + tokens.output * self.output
        return dollars / 1e6


class _PriceFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    as_of: object = None
    models: dict[str, Price]


#: Prices by the model's name, in lower case.
Prices = Mapping[str, Price]


@cache
def shipped_prices() -> Prices:
    """Return the prices that the package knows; `prices.toml` says where they are from."""
    return _parsed((files("failure_insights.llm") / "prices.toml").read_text())


def load_prices(own: Path | None) -> Prices:
    """Return the shipped prices; those of a TOML file of the same form go before them.

    Raises:
        BadInput: the file cannot be read, or a price in it is none.
    """
    if own is None:
        return shipped_prices()
    try:
        return {**shipped_prices(), **_parsed(own.read_text())}
    except OSError as error:
        raise BadInput(
            f"The prices in {own} cannot be read: {error.strerror}. Correct "
            "FAILURE_INSIGHTS_PRICES_FILE, or unset it.",
            code="prices_unreadable",
        ) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise BadInput(
            f"{own}, {place}: {first['msg']}. Write prices as in the package's llm/prices.toml.",
            code="prices_unreadable",
        ) from None
    except ValueError as error:
        raise BadInput(f"{own} is no TOML: {error}.", code="prices_unreadable") from None


def cost_of(tokens: Tokens, model: str, prices: Prices) -> float | None:
    """Return what a model's tokens cost in US dollars; None if its price is not known.

    Args:
        model: as the endpoint is asked for it, perhaps with a provider's prefix or a date:
            `openai/gpt-5-mini-2025-08-07` has the price of `gpt-5-mini`.
    """
    name = model.lower()
    short = name.rpartition("/")[2]
    for known in (name, short, _DATE.sub("", short)):
        if known in prices:
            return prices[known].of(tokens)
    return None


def total_cost(tokens_by_model: Mapping[str, Tokens], prices: Prices) -> float | None:
    """Return what the tokens of all models cost; None if the price of one is not known.

    Nothing used costs nothing, whatever the model.
    """
    costs = [cost_of(tokens, model, prices) for model, tokens in tokens_by_model.items()]
    known = [cost for cost in costs if cost is not None]
    return round(sum(known), 6) if len(known) == len(costs) else None


def _parsed(text: str) -> Prices:
    file = _PriceFile.model_validate(tomllib.loads(text))
    return {name.lower(): price for name, price in file.models.items()}
