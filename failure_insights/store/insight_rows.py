"""Define the row of an insight: one type for the store, the API, the pages and exports.

A new field is added here, to its SQL file, and in `read_insights.py` where mypy then says that it
is missing. The docstring under a field is what the API's document says of it.
"""

from datetime import date, datetime

from typing_extensions import TypedDict

from failure_insights.domain.breakdown import (
    AuditorName,
    MetricFindingKind,
    Severity,
    ThemeStatus,
)
from failure_insights.domain.origins import Origin
from failure_insights.domain.result_marks import MarkVerdict
from failure_insights.domain.theme_life import DismissalReason, ThemeState, Trend
from failure_insights.store.documented import documented
from failure_insights.store.queue import Status, Trigger


@documented
class EvidenceRow(TypedDict):
    """A quote that stands word for word in a call."""

    call_id: str
    turn: int | None
    """0-based turn; null: the judge's own words."""
    quote: str


@documented
class HistoryDay(TypedDict):
    """How many calls a theme had on a day."""

    date: date
    count: int


@documented
class CauseRow(TypedDict):
    """One root cause: the finer of the two levels that calls are grouped on."""

    cause_id: str
    """The same from day to day."""
    title: str
    count: int
    call_ids: list[str]
    status: ThemeStatus


@documented
class FailureModeRow(TypedDict):
    """One theme: calls whose causes one fix would end."""

    theme_id: str
    """The same from day to day."""
    title: str
    description: str
    count: int
    share: float
    """Part of num_failing_calls, 0 to 1."""
    call_ids: list[str]
    evidence: list[EvidenceRow]
    origin: Origin
    suggested_fix: str
    status: ThemeStatus
    first_seen: date
    history: list[HistoryDay]
    causes: list[CauseRow]
    """All of its calls by cause, largest first; empty where the auditor groups by wording."""
    also_call_ids: list[str]
    """Calls that count elsewhere, and where the theme is at work too."""
    severity: Severity | None
    """How bad it is for callers; null where nobody read a transcript."""
    severity_reason: str
    state: ThemeState
    """What people made of it; `regressed`: resolved, and calls that began afterwards are of it.
    A `dismissed` theme counts still, and stands last."""
    trend: Trend
    """By its counts up to the day of the audit."""
    dismissal_reason: DismissalReason | None
    owner: str
    link: str
    """Of the ticket, such as in an issue tracker."""
    merged_theme_ids: list[str]
    """Themes that people merged into this one; their calls are counted here."""


@documented
class SuspectedJudgeErrorRow(TypedDict):
    """A failing call that looks like a pass."""

    call_id: str
    turn: int | None
    quote: str | None
    reason: str
    mark: MarkVerdict | None
    """What people said of it; null: nothing yet."""


@documented
class MetricFindingRow(TypedDict):
    """A failing call where the metric, not the agent, is in question."""

    kind: MetricFindingKind
    """`reason_not_in_call`: the judge's reason does not occur in the call;
    `nothing_called_for_it`: nothing that the agent could see called for what the judge expected."""
    call_id: str
    turn: int | None
    quote: str | None
    reason: str
    mark: MarkVerdict | None
    """What people said of it; null: nothing yet."""


@documented
class InsightRow(TypedDict):
    """One audit's row. Poll it until `status` is none of `pending` and `running`."""

    id: int
    project: str
    project_id: int | None
    metric_name: str
    metric_id: int | None
    """Null where the metric is gone, or there never was one of this name."""
    status: Status
    trigger: Trigger
    date: date | None
    window_start: datetime | None
    window_end: datetime | None
    window_days: int | None
    max_calls: int | None
    num_failing_calls: int | None
    num_calls_analyzed: int | None
    """Transcripts read."""
    num_evaluated_calls: int | None
    """Calls of the window that have a result for the metric, failing or not."""
    num_confirmed_errors: int
    """Failing calls of the window that were left out: people confirmed that the judge or the metric
    is wrong about them."""
    failure_modes: list[FailureModeRow]
    other_causes: list[CauseRow]
    """Causes of no theme that is shown."""
    unassigned_call_ids: list[str]
    """Calls that were read, and of which no cause is clear."""
    not_read_call_ids: list[str]
    """Calls whose transcript was not read, and whose explanation does not say why they failed."""
    suspected_judge_errors: list[SuspectedJudgeErrorRow]
    metric_findings: list[MetricFindingRow]
    auditor: AuditorName | None
    degraded: bool
    paused: bool
    """A monthly cap kept the LLM from this audit; it is grouped by wording."""
    model: str | None
    usage: dict[str, int]
    cost: float | None
    """US dollars, by the list price of the model; null where that is not known."""
    message: str
    error_message: str
    duration_seconds: float | None
    dagster_run_id: str | None
    created_at: datetime
    updated_at: datetime
