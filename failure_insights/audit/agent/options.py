"""Holds what the settings say of an audit: thoroughness, models, limits of each stage."""

from dataclasses import dataclass
from typing import Literal

from failure_insights.settings import Settings

Stage = Literal["note", "agent", "assign", "critic", "second_vote"]
Effort = Literal["low", "medium"]

#: Version of the whole procedure; part of what an insight records.
ALGORITHM = "agent@1"


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

    `reading_tokens` is what all notes of an audit may cost in input tokens: it, and not a number
    of calls, decides how many transcripts are read, so that short calls are all read. Of 100 calls
    of 3,000 tokens it pays for 40 in windows of 2,500 tokens (thorough) or 12 of 1,200 (economy).
    """

    model: str
    reader_model: str
    language: str = "English"
    economy: bool = False
    max_calls: int = 200
    max_tokens: int = 600_000
    seconds: float = 600.0

    @property
    def window_tokens(self) -> int:
        return 1_200 if self.economy else 2_500

    @property
    def reading_tokens(self) -> int:
        return 26_000 if self.economy else 135_000

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
    )
