"""Remember what a model behind an endpoint understands: answer formats, parameters, tools."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, get_args

from failure_insights.llm.budget import Budget
from failure_insights.llm.errors import BudgetSpent
from failure_insights.llm.known_models import family_of

AnswerFormat = Literal["json_schema", "tool", "json_object", "text"]
#: Ways to ask for a value, the strictest first.
ANSWER_FORMATS: tuple[AnswerFormat, ...] = get_args(AnswerFormat)

#: Parameters that not all endpoints know, and that any request can do without.
OPTIONAL = ("temperature", "seed", "reasoning_effort", "prompt_cache_key", "parallel_tool_calls")
#: All that can be left out; the others say the same in another way, or say less.
DISPENSABLE = (*OPTIONAL, "max_completion_tokens", "max_tokens", "strict", "tool_choice")
#: Questions without a usable answer after which only the last format is tried.
MOST_FAILED_QUESTIONS = 2
#: Seconds; what was found out of a model is found out anew after these.
CAPABILITIES_LAST_S = 24 * 3600.0


class CapabilityMemory(Protocol):
    """Keeps for a day what models understand."""

    def recall(self, base_url: str, model: str) -> Mapping[str, Any] | None:
        """Return the facts about a model that are at most a day old, or None."""
        ...

    def remember(self, base_url: str, model: str, facts: Mapping[str, Any]) -> None:
        """Keep facts about a model, in place of older ones."""
        ...


@dataclass
class Capabilities:
    """What one model understands, as far as it is known.

    `answer_format` is the strictest that a usable answer came in, None before the first;
    `rejected` are the parameters that it does not take.
    """

    answer_format: AnswerFormat | None = None
    rejected: set[str] = field(default_factory=set)
    has_json_schema: bool = True
    has_tools: bool = True
    #: Questions to which no format brought a usable answer.
    failed_questions: int = 0
    known_since: float = field(default_factory=time.monotonic)
    _others_wait: bool = True
    _first_question: asyncio.Event | None = None

    def __post_init__(self) -> None:
        self._others_wait = self.answer_format is None

    @classmethod
    def of(cls, model: str, facts: Mapping[str, Any] | None) -> "Capabilities":
        """Return what the facts say of a model, or else what its family is known for.

        Facts that cannot be understood, as those of another version, count as unknown.
        """
        family = family_of(model)
        if not facts:
            return cls(
                rejected=set(family.rejects) if family else set(),
                has_json_schema=family is None or family.has_json_schema,
            )
        known = facts.get("answer_format")
        return cls(
            answer_format=known if known in ANSWER_FORMATS else None,
            rejected=set(facts.get("rejected") or ()),
            has_tools=facts.get("has_tools") is not False,
        )

    @property
    def facts(self) -> dict[str, Any]:
        """What is worth keeping, as JSON."""
        return {
            "answer_format": self.answer_format,
            "rejected": sorted(self.rejected),
            "has_tools": self.has_tools,
        }

    @property
    def formats(self) -> tuple[AnswerFormat, ...]:
        """The answer formats to try, in order."""
        if self.answer_format:
            left = ANSWER_FORMATS[ANSWER_FORMATS.index(self.answer_format) :]
        elif self.failed_questions >= MOST_FAILED_QUESTIONS:
            return ANSWER_FORMATS[-1:]
        else:
            left = ANSWER_FORMATS if self.has_json_schema else ANSWER_FORMATS[1:]
        return tuple(each for each in left if each != "tool" or self.has_tools)

    def without_rejected(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return a request without what the model rejects."""
        left = {name: value for name, value in body.items() if name not in self.rejected}
        limit = body.get("max_completion_tokens")
        if limit and "max_completion_tokens" not in left and "max_tokens" not in self.rejected:
            left["max_tokens"] = limit  # Its older name.
        if "strict" in self.rejected:
            left = _without_strict(left)
        return left

    @asynccontextmanager
    async def first_question_alone(self, budget: Budget) -> AsyncIterator[None]:
        """Let the first question to an unknown model go alone; others wait and use its result.

        Raises:
            BudgetSpent: the audit's time is over before the question has its turn.
        """
        try:
            async with asyncio.timeout(budget.seconds_left):
                while self._others_wait and self._first_question:
                    await self._first_question.wait()
        except TimeoutError:
            raise BudgetSpent("The audit's time was over before its request had a turn.") from None
        if not self._others_wait:
            yield
            return
        self._first_question, failed_before = asyncio.Event(), self.failed_questions
        try:
            yield
        finally:
            # Others wait again only if the model answered and no answer was usable. An end that
            # says nothing of the model, such as a dead connection, would be met one by one.
            failed = self.failed_questions
            self._others_wait = (
                self.answer_format is None and failed_before < failed < MOST_FAILED_QUESTIONS
            )
            self._first_question.set()
            self._first_question = None


def parameters_of(request: Mapping[str, Any]) -> set[str]:
    """Return the names of a request's parameters, `strict` among them wherever it stands."""
    return set(request) | ({"strict"} if _without_strict(request) != request else set())


def _without_strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_strict(item) for key, item in value.items() if key != "strict"}
    if isinstance(value, list):
        return [_without_strict(item) for item in value]
    return value
