"""What an audit may claim. A `Breakdown` that its pool does not carry cannot be built."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from failure_insights.domain.origins import Origin
from failure_insights.domain.pools import Pool
from failure_insights.errors import InvalidBreakdown

MAX_THEMES = 6

AuditorName = Literal["agent", "wording"]
#: `recurring`: the theme was seen on an earlier day too.
ThemeStatus = Literal["new", "recurring"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A quote that stands word for word in a call.

    `turn` is the 0-based turn of the transcript that holds the quote, or None where the quote is
    the judge's own words about the call.
    """

    call_id: str
    turn: int | None
    quote: str


@dataclass(frozen=True, slots=True)
class SuspectedJudgeError:
    """A failing call that looks like a pass: kept in the count, shown apart from the themes."""

    call_id: str
    turn: int | None
    quote: str
    reason: str


@dataclass(frozen=True, slots=True)
class FailureMode:
    """One theme: calls of the pool that failed for the same reason.

    `criterion` is the sentence that decides whether a call belongs; `terms` the weighted words
    (TF-IDF) that the theme is recognised by on other days. `theme_id` is empty, or the earlier
    theme that an auditor proposes, until `domain.identity` has settled which theme it is.
    """

    title: str
    description: str
    call_ids: tuple[str, ...]
    evidence: tuple[Evidence, ...] = ()
    criterion: str = ""
    origin: Origin = "unclear"
    suggested_fix: str = ""
    terms: Mapping[str, float] = field(default_factory=dict)
    theme_id: str = ""
    status: ThemeStatus = "new"

    @property
    def count(self) -> int:
        return len(self.call_ids)


@dataclass(frozen=True, slots=True)
class Usage:
    """What an audit cost at the LLM endpoint, in requests and tokens."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The findings of one audit: modes, unassigned and suspected judge errors make up the pool.

    Raises:
        InvalidBreakdown: it names a call that the pool does not hold, names one twice, misses
            one, has no theme or a seventh, or has evidence from a call of another theme.
    """

    pool: Pool
    failure_modes: tuple[FailureMode, ...]
    auditor: AuditorName
    unassigned_call_ids: tuple[str, ...] = ()
    suspected_judge_errors: tuple[SuspectedJudgeError, ...] = ()
    num_calls_analyzed: int = 0
    degraded: bool = False
    model: str | None = None
    usage: Usage = Usage()
    message: str = ""
    #: What a replay needs: versions, prompt hashes, parameters, the seed.
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check_number_of_themes()
        self._check_every_call_once()
        self._check_evidence()

    def _check_number_of_themes(self) -> None:
        if len(self.failure_modes) > MAX_THEMES:
            raise InvalidBreakdown(f"{len(self.failure_modes)} themes; at most {MAX_THEMES}")
        if not self.failure_modes and not self.suspected_judge_errors:
            raise InvalidBreakdown("no theme and no suspected judge error: nothing was found")
        if any(not mode.call_ids for mode in self.failure_modes):
            raise InvalidBreakdown("a theme without calls")

    def _check_every_call_once(self) -> None:
        named = [*self._named_calls()]
        pool = set(self.pool.call_ids)
        if foreign := set(named) - pool:
            raise InvalidBreakdown(f"{len(foreign)} calls are not in the pool")
        if len(named) != len(set(named)):
            raise InvalidBreakdown("a call is counted twice")
        if missing := pool - set(named):
            raise InvalidBreakdown(f"{len(missing)} calls of the pool are in no group")

    def _named_calls(self) -> Iterable[str]:
        for mode in self.failure_modes:
            yield from mode.call_ids
        yield from self.unassigned_call_ids
        yield from (error.call_id for error in self.suspected_judge_errors)

    def _check_evidence(self) -> None:
        for mode in self.failure_modes:
            if {item.call_id for item in mode.evidence} - set(mode.call_ids):
                raise InvalidBreakdown(f"theme {mode.title!r} quotes a call that is not its own")

    def share(self, mode: FailureMode) -> float:
        """Return the mode's part of the pool, 0 to 1."""
        return mode.count / len(self.pool.calls)
