"""What tokens cost: by the shipped table, by own prices, and unknown where no price is known."""

from pathlib import Path

import pytest

from failure_insights.errors import BadInput
from failure_insights.llm import load_prices, shipped_prices, total_cost
from failure_insights.llm.budget import Tokens
from failure_insights.llm.prices import cost_of
from failure_insights.settings import Settings
from failure_insights_tests.endpoint.asking import GOOD, always, ask, knowing
from failure_insights_tests.endpoint.server import says

MILLION = 1_000_000


@pytest.mark.parametrize(
    "model",
    ["gpt-5-mini", "GPT-5-mini", "openai/gpt-5-mini", "gpt-5-mini-2025-08-07"],
)
def test_a_model_is_found_by_its_name_its_provider_and_its_date(model: str) -> None:
    tokens = Tokens(input=2 * MILLION, cached=MILLION, output=MILLION)
    assert cost_of(tokens, model, shipped_prices()) == pytest.approx(0.25 + 0.025 + 2.00)


@pytest.mark.parametrize("model", ["gpt-5-mini-turbo", "gpt-5-mini-2", "llama3:8b", "", "/"])
def test_the_price_of_another_model_is_not_guessed(model: str) -> None:
    assert cost_of(Tokens(1, 0, 1), model, shipped_prices()) is None


def test_a_sum_is_known_only_if_every_model_in_it_is() -> None:
    prices = shipped_prices()
    tokens = {"gpt-5-mini": Tokens(MILLION, 0, 0), "gpt-5-nano": Tokens(MILLION, 0, 0)}
    assert total_cost(tokens, prices) == pytest.approx(0.30)
    assert total_cost({**tokens, "mine": Tokens(1, 0, 0)}, prices) is None
    assert total_cost({}, prices) == 0.0


def test_own_prices_go_before_the_shipped_ones(tmp_path: Path) -> None:
    own = tmp_path / "prices.toml"
    own.write_text(
        '[models]\nMine = { input = 1, output = 3 }\n"gpt-5" = { input = 0, output = 0 }'
    )
    prices = load_prices(own)
    tokens = Tokens(MILLION, MILLION, MILLION)
    assert cost_of(tokens, "mine", prices) == 4.0
    assert cost_of(tokens, "gpt-5", prices) == 0.0
    assert cost_of(tokens, "gpt-5-mini", prices) == cost_of(tokens, "gpt-5-mini", shipped_prices())


@pytest.mark.parametrize(
    "text",
    [
        "no TOML",
        "[models]\nmine = 3",
        "[models]\nmine = { input = -1, output = 1 }",
        "[models]\nmine = { input = nan, output = 1 }",
        "[models]\nmine = { input = 1 }",
        "[models]\nmine = { input = 1, output = 1, cached = 1 }",
        "[prices]\nmine = { input = 1, output = 1 }",
        None,
    ],
)
def test_a_price_that_is_none_is_refused(tmp_path: Path, text: str | None) -> None:
    own = tmp_path / "prices.toml"
    if text is not None:
        own.write_text(text)
    with pytest.raises(BadInput) as error:
        load_prices(own)
    assert error.value.code == "prices_unreadable"
    assert str(own) in str(error.value)


def test_the_shipped_table_knows_the_default_model_and_no_price_twice_the_wrong_way() -> None:
    default = Settings.model_fields["model"].default
    assert default in shipped_prices()
    for name, price in shipped_prices().items():
        assert 0 < price.input <= price.output < 1000, name
        assert price.cached_input is None or price.cached_input < price.input, name


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        ({"prompt_tokens": 100, "completion_tokens": 9}, Tokens(100, 0, 9)),
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 9,
                "prompt_tokens_details": {"cached_tokens": 60},
            },
            Tokens(100, 60, 9),
        ),
        (
            {"prompt_tokens": 100, "completion_tokens": 9, "prompt_cache_hit_tokens": 10**6},
            Tokens(100, 100, 9),
        ),
    ],
)
def test_tokens_are_counted_by_model_and_no_more_cached_than_sent(
    usage: dict[str, object], counted: Tokens
) -> None:
    budget = ask(always(says(GOOD, usage=usage)), memory=knowing()).budget
    assert budget.tokens_by_model == {"m": counted}


def test_a_count_that_cannot_be_true_is_not_believed() -> None:
    usage = {"prompt_tokens": 10**400, "completion_tokens": -1}
    budget = ask(always(says(GOOD, usage=usage)), memory=knowing()).budget
    assert 0 < budget.input_tokens < 1000
    assert 0 < budget.output_tokens < 1000
