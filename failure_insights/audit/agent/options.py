"""Holds what the settings say of an audit: thoroughness, models, limits of each stage."""

from dataclasses import dataclass, field
from typing import Literal

from failure_insights.llm import Prices, load_prices, shipped_prices
from failure_insights.settings import Settings

Stage = Literal["note", "agent", "assign", "critic", "second_vote"]
Effort = Literal["low", "medium"]

#: Version of the whole procedure; part of what an insight records.
ALGORITHM = "agent@2"


@dataclass(frozen=True)
class StageLimits:
    """Thinking effort, and output tokens that one answer may have (thinking counts as output)."""

    effort: Effort
    max_tokens: int


STAGES: dict[Stage, StageLimits] = {
    "note": StageLimits("low", 2_000),
    "agent": StageLimits("medium", 8_000),
    "assign": StageLimits("low", 4_000),
    "critic": StageLimits("low", 3_000),
    "second_vote": StageLimits("low", 1_500),
}


@dataclass(frozen=True)
class Options:
    """What the settings say of an audit.

    `reading_tokens` is what all notes of an audit may cost in input tokens. Of 100 calls of 3,000
    tokens a thorough audit reads every one whole, and an economy one 12 in windows of 1,200 tokens.
    `windows` are tokens that may be shown of one call: the first with which all calls of the pool
    can be read is taken, else the last. Longer calls are cut to the lines that matter.
    """

    model: str
    reader_model: str
    language: str = "English"
    economy: bool = False
    max_calls: int = 200
    max_tokens: int = 600_000
    seconds: float = 600.0
    prices: Prices = field(default_factory=shipped_prices)

    @property
    def windows(self) -> tuple[int, ...]:
        return (1_200,) if self.economy else (24_000, 12_000, 6_000)

    @property
    def reading_tokens(self) -> int:
        return 30_000 if self.economy else 420_000

    def model_of(self, stage: Stage) -> str:
        """Return the model of a stage: reading and sorting may be a smaller one's."""
        return self.reader_model if stage in ("note", "assign") else self.model


def options_of(settings: Settings) -> Options:
    """Return the options that the settings name."""
    return Options(
        model=settings.model,
        reader_model=settings.reader_model or settings.model,
        language=settings.language,
        economy=settings.thoroughness == "economy",
        max_calls=settings.max_calls,
        max_tokens=settings.audit_token_budget,
        seconds=settings.audit_seconds,
        prices=load_prices(settings.prices_file),
    )
