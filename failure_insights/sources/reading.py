"""What every reader takes and gives: one JSON object in, one call and what was left out of it."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from failure_insights.domain.calls import Call
from failure_insights.errors import BadInput, FailureInsightsError


class LeftOut(StrEnum):
    """A kind of thing that stood in a payload and could not be taken as it was."""

    TURNS_WITHOUT_TEXT = "turns without text"
    UNUSABLE_TURNS = "turns that could not be used"
    UNKNOWN_ROLES = "turns of an unknown role, taken as system turns"
    TOOL_CALLS_WITHOUT_RESULT = "tool calls without a result"
    RESULTS_WITHOUT_VERDICT = "metric results without a verdict or a score"
    UNUSABLE_RESULTS = "metric results that could not be used"
    FIELDS = "fields passed over"
    TEXTS_CUT = "texts cut at their greatest length"
    CHARACTERS = "characters that cannot be stored, replaced by U+FFFD"


@dataclass(frozen=True, slots=True)
class ReadCall:
    """One call, and what its payload held that is not in it.

    `left_out` counts by kind; kinds that did not occur are absent. `examples` has for each of
    these kinds what the first one was, in a few words: the place and the reason, or a field's
    name. Both are for people; an example may quote the payload, shortened and escaped.
    """

    call: Call
    left_out: Mapping[LeftOut, int] = field(default_factory=dict)
    examples: Mapping[LeftOut, str] = field(default_factory=dict)


#: Takes one parsed JSON object, and the project that the caller names for every call or None
#: (each payload's own). Raises NotACall or BadInput, and nothing else.
Reader = Callable[[Mapping[str, Any], str | None], ReadCall]


class NotACall(FailureInsightsError):
    """An event that is no end of a call, such as a status update: to be passed over and counted.

    `reason` is one of a few phrases, so that equal ones can be counted together.
    """

    def __init__(self, reason: str, call_id: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.call_id = call_id


class BadCall(BadInput):
    """An object that is no call; `call_id` is None where not even that could be read."""

    def __init__(self, reason: str, call_id: str | None = None, *, code: str | None = None) -> None:
        super().__init__(reason, code=code)
        self.call_id = call_id


class Losses:
    """Counts what a reader leaves out of one call, while it reads."""

    def __init__(self) -> None:
        self.counts: Counter[LeftOut] = Counter()
        self.examples: dict[LeftOut, str] = {}

    def add(self, kind: LeftOut, example: str = "", count: int = 1) -> None:
        """Count one more loss (or several), and keep the first one's example."""
        self.counts[kind] += count
        if example:
            self.examples.setdefault(kind, example)

    def merge(self, other: "Losses") -> None:
        """Add what another has counted."""
        for kind, count in other.counts.items():
            self.add(kind, other.examples.get(kind, ""), count)

    def of(self, call: Call) -> ReadCall:
        """Return the call with these losses."""
        return ReadCall(call, self.counts, self.examples)


def shown(value: object) -> str:
    """Return a stranger's value for a message: no longer than a few words, and escaped."""
    match value:
        case None:
            return "missing"
        case dict():
            return "an object"
        case list():
            return "a list"
        case str() if len(value) > 40:
            return f"{value[:40]!r}..."
    return repr(value)[:60]
