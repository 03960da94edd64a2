"""A call: one conversation of a deployed agent, with its transcript and its metric results."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

Role = Literal["agent", "user", "tool_call", "tool_result", "system"]
ROLES: tuple[Role, ...] = get_args(Role)

Score = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a transcript; `start_s` is seconds from the start of the call."""

    role: Role
    content: str
    start_s: float | None = None
    tool_name: str | None = None
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One judge's verdict on one call, as it came.

    `passed` is None where only a score came: the metric's pass rule, which the store knows,
    then decides, and without one nobody does. `type` and `pass_rule` are the metric's, where the
    line names them.
    """

    name: str
    passed: bool | None
    score: Score = None
    explanation: str = ""
    type: str | None = None
    pass_rule: str | None = None


@dataclass(frozen=True, slots=True)
class JudgedResult:
    """A metric result with its verdict, or without one: a score that no pass rule judges yet.

    `by_rule`: the verdict came from a pass rule, so another rule changes it.
    """

    passed: bool | None
    score: Score = None
    explanation: str = ""
    by_rule: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One conversation, as it was imported. `started_at` is an aware UTC time."""

    call_id: str
    project: str
    agent: str
    started_at: datetime
    transcript: tuple[Turn, ...]
    duration_s: float | None = None
    ended_reason: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    metrics: tuple[MetricResult, ...] = ()
