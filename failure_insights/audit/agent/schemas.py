"""Defines the LLM's answers. Lengths, handles and quotes are checked by code instead.

Fields come in the order in which they should be thought: reasons before labels. Only what every
endpoint's strict mode understands is used: no defaults, no lengths, nothing optional but by null.
"""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator

from failure_insights.domain.origins import Cause

NoteOrigin = Literal[Cause, "judge_or_metric", "unclear"]
ThemeOrigin = Literal[Cause, "mixed"]


def _one_of(allowed: tuple[str, ...], otherwise: str) -> BeforeValidator:
    """A word that is not allowed is worth less than the rest of the answer: take the vague one."""
    return BeforeValidator(lambda value: value if value in allowed else otherwise)


class Quote(BaseModel):
    line: int | None
    quote: str


class Note(BaseModel):
    """What a reader noted on one call."""

    what_happened: str
    first_error_line: int | None
    root_cause: str
    symptom: str
    origin: Annotated[NoteOrigin, _one_of(get_args(NoteOrigin), "unclear")]
    verdict_check: Annotated[
        Literal["supported", "not_supported", "cannot_tell"],
        _one_of(("supported", "not_supported", "cannot_tell"), "cannot_tell"),
    ]
    evidence: list[Quote]
    suspicious_instructions: bool


class DraftTheme(BaseModel):
    reuse_theme_id: str | None
    title: str
    description: str
    criterion: str
    not_this: str
    origin: Annotated[ThemeOrigin, _one_of(get_args(ThemeOrigin), "mixed")]
    suggested_fix: str
    seed_handles: list[str]


class Draft(BaseModel):
    """The agent's submission."""

    analysis: str
    themes: list[DraftTheme]


class AssignedItem(BaseModel):
    handle: str
    why: str
    label: str
    confidence: Annotated[Literal["high", "low"], _one_of(("high", "low"), "low")]


class Assignment(BaseModel):
    """Labels of one batch of calls."""

    items: list[AssignedItem]


class MemberCheck(BaseModel):
    handle: str
    line: int | None
    quote: str
    verdict: Annotated[
        Literal["fits", "does_not_fit", "cannot_tell"],
        _one_of(("fits", "does_not_fit", "cannot_tell"), "cannot_tell"),
    ]


class Critique(BaseModel):
    """A critic's view of one theme."""

    members: list[MemberCheck]
    better_title: str
    suggested_fix: str


class Vote(BaseModel):
    """A second judge's verdict, given without the first one's reasons."""

    reasoning: str
    line: int | None
    quote: str
    verdict: Annotated[
        Literal["pass", "fail", "cannot_tell"],
        _one_of(("pass", "fail", "cannot_tell"), "cannot_tell"),
    ]
