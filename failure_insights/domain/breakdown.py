"""What an audit may claim. A `Breakdown` that its pool does not carry cannot be built."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from failure_insights.domain.origins import Origin
from failure_insights.domain.pools import Pool
from failure_insights.errors import InvalidBreakdown

MAX_THEMES = 6

AuditorName = Literal["agent", "wording"]
#: `recurring`: the theme was seen on an earlier day too.
ThemeStatus = Literal["new", "recurring"]
#: How bad a theme is for callers, the worst first: harm that stays (money, health, data), the
#: caller's aim not reached, reached with trouble, a blemish that costs the caller nothing.
Severity = Literal["critical", "high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
#: What a metric finding says: the judge's reason does not occur in the call; or nothing that the
#: agent could see called for what the judge expected.
MetricFindingKind = Literal["reason_not_in_call", "nothing_called_for_it"]
#: The words that people read for it.
METRIC_FINDINGS: Mapping[MetricFindingKind, str] = {
    "reason_not_in_call": "the judge's reason does not occur in the call",
    "nothing_called_for_it": "nothing that the agent could see called for what the judge expected",
}


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
class MetricFinding:
    """A failing call where the metric, not the agent, is in question: shown beside the themes."""

    kind: MetricFindingKind
    call_id: str
    turn: int | None
    quote: str
    reason: str


@dataclass(frozen=True, slots=True)
class Cause:
    """One root cause: the finer of the two levels that calls are grouped on.

    Fields are as in `FailureMode`; `cause_id` is settled by `domain.identity` too.
    """

    title: str
    call_ids: tuple[str, ...]
    criterion: str = ""
    terms: Mapping[str, float] = field(default_factory=dict)
    cause_id: str = ""
    status: ThemeStatus = "new"

    @property
    def count(self) -> int:
        return len(self.call_ids)


@dataclass(frozen=True, slots=True)
class FailureMode:
    """One theme: calls of the pool whose causes one fix would end.

    `criterion` is the sentence that decides whether a call belongs; `terms` the weighted words
    (TF-IDF) that the theme is recognised by on other days. `theme_id` is empty, or the earlier
    theme that an auditor proposes, until `domain.identity` has settled which theme it is.
    `causes` are all of its calls by cause, or empty where the auditor knows one level only.
    `also_call_ids` are calls that count elsewhere, and where the theme is at work too.
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
    causes: tuple[Cause, ...] = ()
    also_call_ids: tuple[str, ...] = ()
    severity: Severity | None = None
    severity_reason: str = ""

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
    """The findings of one audit: every call of the pool in one group.

    The groups are the themes, the other causes (of no theme that is shown), the unassigned calls
    (read, and no cause is clear), those that were not read, the suspected judge errors and the
    metric findings. `cost` is in US dollars; None where the price is not known.

    Raises:
        InvalidBreakdown: it names a call that the pool does not hold, names one twice, misses
            one, has a seventh theme or found nothing; a theme's causes are not its calls, or it
            has evidence from a call of another theme.
    """

    pool: Pool
    failure_modes: tuple[FailureMode, ...]
    auditor: AuditorName
    other_causes: tuple[Cause, ...] = ()
    unassigned_call_ids: tuple[str, ...] = ()
    not_read_call_ids: tuple[str, ...] = ()
    suspected_judge_errors: tuple[SuspectedJudgeError, ...] = ()
    metric_findings: tuple[MetricFinding, ...] = ()
    num_calls_analyzed: int = 0
    degraded: bool = False
    #: A monthly cap kept the LLM from this audit.
    paused: bool = False
    model: str | None = None
    usage: Usage = Usage()
    cost: float | None = None
    message: str = ""
    #: What a replay needs: versions, prompt hashes, parameters, the seed.
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check_number_of_themes()
        self._check_every_call_once()
        self._check_themes()

    def _check_number_of_themes(self) -> None:
        if len(self.failure_modes) > MAX_THEMES:
            raise InvalidBreakdown(f"{len(self.failure_modes)} themes; at most {MAX_THEMES}")
        if not (
            self.failure_modes
            or self.other_causes
            or self.suspected_judge_errors
            or self.metric_findings
        ):
            raise InvalidBreakdown("no theme, cause, judge error or metric finding")
        if any(not call_ids for call_ids in self._grouped_calls()):
            raise InvalidBreakdown("a theme or cause without calls")

    def _check_every_call_once(self) -> None:
        named = [*self._named_calls()]
        pool = set(self.pool.call_ids)
        if foreign := set(named) - pool:
            raise InvalidBreakdown(f"{len(foreign)} calls are not in the pool")
        if len(named) != len(set(named)):
            raise InvalidBreakdown("a call is counted twice")
        if missing := pool - set(named):
            raise InvalidBreakdown(f"{len(missing)} calls of the pool are in no group")

    def _grouped_calls(self) -> Iterable[tuple[str, ...]]:
        yield from (mode.call_ids for mode in self.failure_modes)
        yield from (cause.call_ids for cause in self.other_causes)

    def _named_calls(self) -> Iterable[str]:
        for call_ids in self._grouped_calls():
            yield from call_ids
        yield from self.unassigned_call_ids
        yield from self.not_read_call_ids
        yield from (item.call_id for item in self.suspected_judge_errors)
        yield from (item.call_id for item in self.metric_findings)

    def _check_themes(self) -> None:
        pool = set(self.pool.call_ids)
        for mode in self.failure_modes:
            own = set(mode.call_ids)
            if {item.call_id for item in mode.evidence} - own:
                raise InvalidBreakdown(f"theme {mode.title!r} quotes a call that is not its own")
            by_cause = sorted(call for cause in mode.causes for call in cause.call_ids)
            if mode.causes and by_cause != sorted(own):
                raise InvalidBreakdown(f"the causes of theme {mode.title!r} are not its calls")
            if any(not cause.call_ids for cause in mode.causes):
                raise InvalidBreakdown(f"theme {mode.title!r} has a cause without calls")
            if set(mode.also_call_ids) - pool or set(mode.also_call_ids) & own:
                raise InvalidBreakdown(f"theme {mode.title!r} is also at work in a wrong call")

    def share(self, mode: FailureMode) -> float:
        """Return the mode's part of the pool, 0 to 1."""
        return mode.count / len(self.pool.calls)
