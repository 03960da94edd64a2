"""What was read of a file, what became of it, and what an import tells at its end."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from failure_insights.domain.calls import Call
from failure_insights.ingest.files.values import Place
from failure_insights.sources import ReadCall

Status = Literal["new", "updated", "unchanged", "rejected", "passed_over"]
#: What became of a value that was taken.
Taken = Literal["new", "updated", "unchanged"]

#: Reasons, and calls without turns or results, that a report holds; it counts all.
REASONS_KEPT = 20
CALLS_KEPT = 10_000

NOT_NUMBERS = "values that are no numbers (NaN, Infinity), taken as missing"


@dataclass(frozen=True, slots=True)
class Line:
    """One value as it was read: its call, or the reason why it has none.

    `format` is one of `sources.FORMATS` and `form` how the file holds it. `is_event`: it is an
    event that is no end of a call. `corrects`: the call is its owner's own word (see
    `domain.merging`).
    """

    place: Place
    read: ReadCall | None = None
    call_id: str | None = None
    reason: str | None = None
    is_event: bool = False
    corrects: bool = True
    size: int = 0
    form: str = ""
    format: str | None = None
    not_numbers: int = 0

    @property
    def call(self) -> Call:
        """The call, where there is one."""
        assert self.read is not None
        return self.read.call


@dataclass(frozen=True, slots=True)
class LineResult:
    """What became of a value; `reason` says why it was rejected or passed over.

    `has_turns` and `has_results` are of the call as it is stored now.
    """

    source: Line
    status: Status
    reason: str | None = None
    has_turns: bool = True
    has_results: bool = True

    @property
    def line(self) -> int:
        """The line's number, or the item's in a list."""
        return self.source.place.number

    @property
    def call_id(self) -> str | None:
        return self.source.call_id


@dataclass(slots=True)
class LackingCalls:
    """Calls that lack something, in the order in which they came."""

    count: int = 0
    _calls: dict[tuple[str, str], None] = field(default_factory=dict)

    def note(self, result: LineResult, lacks: bool) -> None:
        """Remember or forget the call of a result."""
        call = result.source.call
        key = call.project, call.call_id
        if not lacks:
            self.count -= key in self._calls
            self._calls.pop(key, None)
        elif key not in self._calls:
            self.count += 1
            if len(self._calls) < CALLS_KEPT:
                self._calls[key] = None

    def first(self, number: int) -> list[str]:
        """Return the IDs of the first few."""
        return [call_id for _, call_id in [*self._calls][:number]]

    def add(self, other: "LackingCalls") -> None:
        self.count += other.count
        for key in [*other._calls][: CALLS_KEPT - len(self._calls)]:
            self._calls[key] = None


@dataclass(slots=True)
class ImportReport:
    """How many calls were new, changed (or got other results), the same, or refused; and what else.

    `passed_over` counts events that are no end of a call, by reason; `left_out` counts parts of
    calls, by kind, and `examples` has the first of each. `unjudged` counts scores that no pass rule
    judges, by project and metric. `told` are sentences about new names. `rejections` has the reason
    of each of the first `REASONS_KEPT` refused values.
    """

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    passed_over: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    without_turns: LackingCalls = field(default_factory=LackingCalls)
    without_results: LackingCalls = field(default_factory=LackingCalls)
    unjudged: Counter[tuple[str, str]] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)
    rejections: list[str] = field(default_factory=list)

    @property
    def calls(self) -> int:
        """How many values were calls, refused ones too."""
        return self.new + self.updated + self.unchanged + self.rejected

    @property
    def taken_as(self) -> Taken:
        """What became of the only value, which was taken."""
        return "new" if self.new else "updated" if self.updated else "unchanged"

    def count(self, result: LineResult) -> None:
        """Add what became of one value."""
        if result.status == "passed_over":
            self.passed_over[str(result.reason)] += 1
            return
        setattr(self, result.status, getattr(self, result.status) + 1)
        if result.status == "rejected":
            self._keep_reason(result.call_id, str(result.reason))
            return
        self.without_turns.note(result, not result.has_turns)
        self.without_results.note(result, not result.has_results)
        read = result.source.read
        if read and read.left_out:
            self.leave_out(read, str(result.source.place))
        if result.source.not_numbers:
            self.left_out[NOT_NUMBERS] += result.source.not_numbers

    def leave_out(self, read: ReadCall, place: str = "") -> None:
        """Count what was left out of one call."""
        for kind, count in read.left_out.items():
            # orjson takes no enumeration as the name of a field.
            self.left_out[str(kind)] += count
        for kind, example in read.examples.items():
            self.examples.setdefault(str(kind), f"{place}: {example}" if place else example)

    def _keep_reason(self, call_id: str | None, reason: str) -> None:
        if len(self.rejections) < REASONS_KEPT:
            self.rejections.append(f"call {call_id}: {reason}" if call_id else reason)

    def reject(self, call_id: str | None, reason: str) -> None:
        """Count a value that was refused before it was a line."""
        self.rejected += 1
        self._keep_reason(call_id, reason)

    def add(self, other: "ImportReport") -> None:
        """Add another import's report."""
        for status in ("new", "updated", "unchanged", "rejected"):
            setattr(self, status, getattr(self, status) + getattr(other, status))
        self.passed_over += other.passed_over
        self.left_out += other.left_out
        self.examples = {**other.examples, **self.examples}
        self.without_turns.add(other.without_turns)
        self.without_results.add(other.without_results)
        self.unjudged += other.unjudged
        self.told += other.told
        self.rejections += other.rejections[: REASONS_KEPT - len(self.rejections)]

    def note_batch(self, told: Iterable[str], unjudged: Counter[tuple[str, str]]) -> None:
        """Add what a batch tells besides its results."""
        self.told += told
        self.unjudged += unjudged
