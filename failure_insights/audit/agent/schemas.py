"""Defines the LLM's answers. Lengths, handles and quotes are checked by code instead.

Fields come in the order in which they should be thought: reasons before labels. Only what every
endpoint's strict mode understands is used: no defaults, no lengths, nothing optional but by null.
"""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator

from failure_insights.domain.breakdown import Severity
from failure_insights.domain.origins import Cause, Origin

NoteOrigin = Literal[Cause, "unclear"]
VerdictCheck = Literal["reason_shown", "reason_not_in_call", "metric_met", "cannot_tell"]
YesNo = Literal["yes", "no", "cannot_tell"]


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
    cause_title: str
    second_cause: str
    symptom: str
    harm: str
    origin: Annotated[NoteOrigin, _one_of(get_args(NoteOrigin), "unclear")]
    verdict_check: Annotated[VerdictCheck, _one_of(get_args(VerdictCheck), "cannot_tell")]
    called_for: Annotated[YesNo, _one_of(get_args(YesNo), "cannot_tell")]
    evidence: list[Quote]
    suspicious_instructions: bool


class DraftCause(BaseModel):
    reuse_cause_id: str | None
    title: str
    criterion: str
    not_this: str
    seed_handles: list[str]
    also_handles: list[str]


class DraftTheme(BaseModel):
    reuse_theme_id: str | None
    title: str
    description: str
    causes: list[DraftCause]
    origin: Annotated[Origin, _one_of(get_args(Origin), "mixed")]
    suggested_fix: str
    severity_reason: str
    severity: Annotated[Severity, _one_of(get_args(Severity), "medium")]


class Draft(BaseModel):
    """The agent's submission."""

    analysis: str
    themes: list[DraftTheme]
    other_causes: list[DraftCause]


class AssignedItem(BaseModel):
    handle: str
    why: str
    label: str
    also: str | None
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
    """A second reader's view of a call whose first reader doubts the verdict."""

    reasoning: str
    line: int | None
    quote: str
    verdict: Annotated[
        Literal["pass", "fail", "cannot_tell"],
        _one_of(("pass", "fail", "cannot_tell"), "cannot_tell"),
    ]
    reason_in_call: Annotated[YesNo, _one_of(get_args(YesNo), "cannot_tell")]
    called_for: Annotated[YesNo, _one_of(get_args(YesNo), "cannot_tell")]
