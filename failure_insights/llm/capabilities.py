"""What a model behind an endpoint was found to understand: in which form it gives an answer."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, get_args

from failure_insights.llm.budget import Budget
from failure_insights.llm.errors import BudgetSpent

Shape = Literal["json_schema", "tool", "json_object", "text"]
#: Forms of asking for a value, the strictest first.
SHAPES: tuple[Shape, ...] = get_args(Shape)

#: Parameters that not all endpoints know, and all that a request can do without.
OPTIONAL = ("temperature", "seed", "reasoning_effort", "prompt_cache_key", "parallel_tool_calls")
DISPENSABLE = (*OPTIONAL, "max_completion_tokens", "max_tokens", "strict", "tool_choice")
#: Questions without an answer that make a model's forms hopeless.
HOPELESS = 2
LASTS_S = 24 * 3600.0


class CapabilityMemory(Protocol):
    """Keeps what was found out of endpoints, for a day."""

    def recall(self, base_url: str, model: str) -> Mapping[str, Any] | None:
        """Return what was found out of a model in the last day, or None."""
        ...

    def remember(self, base_url: str, model: str, facts: Mapping[str, Any]) -> None:
        """Keep what was found out of a model, in place of what was known."""
        ...


@dataclass
class Capabilities:
    """What one model is known to understand.

    `shape` is the strictest form that a usable answer came in, None before the first;
    `dropped` are the parameters that it rejects.
    """

    shape: Shape | None = None
    dropped: set[str] = field(default_factory=set)
    has_tools: bool = True
    #: Questions that no form brought an answer to.
    failures: int = 0
    learnt_at: float = field(default_factory=time.monotonic)
    _is_worth_waiting: bool = True
    _probe: asyncio.Event | None = None

    def __post_init__(self) -> None:
        self._is_worth_waiting = self.shape is None

    @classmethod
    def of(cls, facts: Mapping[str, Any] | None) -> "Capabilities":
        """Return what was kept as `facts`; what cannot be understood counts as unknown."""
        facts = facts or {}
        shape = facts.get("shape")
        return cls(
            shape=shape if shape in SHAPES else None,
            dropped=set(facts.get("dropped") or ()),
            has_tools=facts.get("has_tools") is not False,
        )

    @property
    def is_hopeless(self) -> bool:
        """No form works, so that only the last is still tried. One question may be at fault."""
        return self.shape is None and self.failures >= HOPELESS

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "dropped": sorted(self.dropped),
            "has_tools": self.has_tools,
        }

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The forms to try, in order."""
        if self.is_hopeless:
            return SHAPES[-1:]
        shapes = SHAPES[SHAPES.index(self.shape) :] if self.shape else SHAPES
        return tuple(shape for shape in shapes if shape != "tool" or self.has_tools)

    def allowed(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return a request without what the model rejects."""
        left = {name: value for name, value in body.items() if name not in self.dropped}
        cap = body.get("max_completion_tokens")
        if cap and "max_completion_tokens" not in left and "max_tokens" not in self.dropped:
            left["max_tokens"] = cap
        if "strict" in self.dropped:
            left = _without_strict(left)
        return left

    @asynccontextmanager
    async def probing(self, budget: Budget) -> AsyncIterator[None]:
        """Let one question to an unknown model go alone, and the others learn from it.

        Raises:
            BudgetSpent: the audit's time is over before the question has its turn.
        """
        try:
            async with asyncio.timeout(budget.seconds_left):
                while self._is_worth_waiting and self._probe:
                    await self._probe.wait()
        except TimeoutError:
            raise BudgetSpent("The audit's time was over before its request had a turn.") from None
        if not self._is_worth_waiting:
            yield
            return
        self._probe, failures = asyncio.Event(), self.failures
        try:
            yield
        finally:
            # Ended by something that tells nothing of the model, such as a dead connection:
            # to wait for one such end after the other would take all day.
            self._is_worth_waiting = self.shape is None and failures < self.failures < HOPELESS
            self._probe.set()
            self._probe = None


def parameters_of(request: Mapping[str, Any]) -> set[str]:
    """Return the names of a request's parameters, `strict` among them wherever it stands."""
    return set(request) | ({"strict"} if _without_strict(request) != request else set())


def _without_strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_strict(item) for key, item in value.items() if key != "strict"}
    if isinstance(value, list):
        return [_without_strict(item) for item in value]
    return value
