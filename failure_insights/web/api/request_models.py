"""Define the bodies that programs send, with the limits of each field."""

import datetime as dt
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StringConstraints,
)

from failure_insights.domain.alerts import AlertKind, Channel
from failure_insights.domain.calls import Role, Score
from failure_insights.domain.metrics import MetricType, ScoreType
from failure_insights.domain.result_marks import MarkVerdict
from failure_insights.domain.theme_life import DismissalReason, GivenState
from failure_insights.store.alerts import NewRule

#: Postgres cannot hold NUL in text.
_NO_NUL = r"^[^\x00]*$"
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_NO_NUL)]
Words = Annotated[str, StringConstraints(max_length=200_000, pattern=_NO_NUL)]


def _whole(value: Any) -> Any:
    """Take 7.0 as 7: JSON knows one kind of number. Text and true stay what they are."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WindowDays = Annotated[int, Field(strict=True, ge=1, le=90), BeforeValidator(_whole)]
MaxCalls = Annotated[int, Field(strict=True, ge=1, le=1000), BeforeValidator(_whole)]


class InsightRequest(BaseModel):
    """Asks for one audit of a metric's failing calls."""

    model_config = ConfigDict(extra="forbid")
    metric_name: Name = Field(description="Name, slug or ID of the metric.")
    window_days: WindowDays | None = Field(
        None, description="Days to read, instead of the pool rule."
    )
    max_calls: MaxCalls | None = Field(None, description="Transcripts to read at most.")


class MetricCardBody(BaseModel):
    """A metric's card, whole: what is left out goes back to its default."""

    model_config = ConfigDict(extra="forbid")
    type: MetricType | None = Field(None, description="Default: llm_judge unless predefined.")
    prompt: Words = ""
    description: Words = ""
    pass_rule: Name | None = Field(None, description="When a score passes, such as '>= 4'.")
    score_type: ScoreType = "binary"
    about: Words = Field(
        "", description="For auditors: what the judge expects that its explanations do not say."
    )


class AboutBody(BaseModel):
    """What people write about a project, whole."""

    model_config = ConfigDict(extra="forbid")
    about: Words = Field(description="What the project's agents are supposed to do, and know.")


class CapBody(BaseModel):
    """What a project's audits may cost in a calendar month."""

    model_config = ConfigDict(extra="forbid")
    monthly_cap: Annotated[float, Field(strict=True, ge=0, lt=1e9, allow_inf_nan=False)] | None = (
        Field(description="US dollars by list prices; null: no cap.")
    )


class AlertBody(BaseModel):
    """An alert, whole."""

    model_config = ConfigDict(extra="forbid")
    name: Name
    kind: AlertKind
    metric_name: Name | None = Field(None, description="Name or slug; null: all metrics.")
    params: dict[str, float | str] = Field(
        default_factory=dict,
        max_length=5,
        description="new_theme: `least`; growing: `preset` (slow, daily, fast), `recent_hours`, "
        "`baseline_hours`, `least`, `factor`; no_audit: `hours`.",
    )
    channel: Channel
    address_env: Name = Field(
        description="Environment variable (ALERT_...) of an Apprise URL or a webhook's address."
    )
    secret_env: Name | None = Field(
        None, description="Environment variable (ALERT_...) of a webhook's signing secret."
    )
    enabled: bool = True

    def rule(self) -> NewRule:
        """Return the rule that the store keeps."""
        return NewRule(
            name=self.name,
            kind=self.kind,
            channel=self.channel,
            address_env=self.address_env,
            secret_env=self.secret_env,
            metric=self.metric_name,
            params=self.params,
            enabled=self.enabled,
        )


class DigestRequest(BaseModel):
    """Asks for a digest of the days up to now, or up to a date."""

    model_config = ConfigDict(extra="forbid")
    days: Annotated[int, Field(strict=True, ge=1, le=30), BeforeValidator(_whole)] = 1
    date: Annotated[dt.date, Field(ge=dt.date(2000, 1, 1), lt=dt.date(2100, 1, 1))] | None = Field(
        None, description="Its last day, of 24 hours from 06:00 UTC; default: the one under way."
    )
    in_words: bool = Field(False, description="Ask the LLM for words too; this takes seconds.")


class ViewBody(BaseModel):
    """A view's agents, all of them."""

    model_config = ConfigDict(extra="forbid")
    agents: list[Name] = Field(
        max_length=1000, description="Names of the project's agents, or their IDs."
    )


Sentence = Annotated[str, StringConstraints(max_length=2_000, pattern=_NO_NUL)]
ThemeId = Annotated[str, StringConstraints(pattern=r"^th_[0-9a-f]{12}$")]
By = Annotated[
    Name | None, Field(description="Who does it; default: the name of the key.", default=None)
]


class ThemePatch(BaseModel):
    """What is to become of a theme; what is left out stays as it is, and "" takes it away."""

    model_config = ConfigDict(extra="forbid")
    state: GivenState | None = None
    reason: DismissalReason | None = Field(
        None, description="Of a dismissal, which needs one; nothing else has one."
    )
    note: Sentence | None = None
    since: AwareDatetime | None = Field(
        None,
        description="From when on the state holds, such as when a fix went out; default: now. "
        "Later calls of a resolved theme make it `regressed`.",
    )
    title: Annotated[str, StringConstraints(max_length=200, pattern=_NO_NUL)] | None = Field(
        None, description="Another title; empty: that of its first audit again."
    )
    merged_into: ThemeId | Literal[""] | None = Field(
        None, description="A theme of the same metric that it counts with; empty: parted again."
    )
    owner: Annotated[str, StringConstraints(max_length=200, pattern=_NO_NUL)] | None = None
    link: Sentence | None = Field(None, description="Web address of the ticket.")
    by: By


class SplitBody(BaseModel):
    """Calls that are not of a theme."""

    model_config = ConfigDict(extra="forbid")
    call_ids: list[Name] = Field(min_length=1, max_length=1000)
    title: Annotated[str, StringConstraints(max_length=200, pattern=_NO_NUL)] = Field(
        "", description="The other cause that they count for."
    )
    into: ThemeId | None = Field(
        None, description="The theme that they count for. Without it and a title: none."
    )
    by: By


class MarkBody(BaseModel):
    """What a judge's result is."""

    model_config = ConfigDict(extra="forbid")
    metric_name: Name = Field(description="Name, slug or ID of the metric.")
    call_id: Name
    verdict: MarkVerdict = Field(
        description="judge_wrong: it should have been another; metric_wrong: the metric asks for "
        "the wrong thing; stands: somebody looked, and it is right."
    )
    expected: StrictBool | StrictInt | StrictFloat | Name | None = Field(
        None,
        description="What it should have been: true, false or a score. Default: the other verdict.",
    )
    note: Sentence = ""
    by: By


class UndoBody(BaseModel):
    """Who takes an act back."""

    model_config = ConfigDict(extra="forbid")
    by: By


class Turn(BaseModel):
    role: Role
    content: str
    start_s: float | None = None
    tool_name: str | None = None
    speaker: str | None = None


class JudgedBody(BaseModel):
    """One metric's result: `passed`, or a `score` that the metric's pass rule decides."""

    name: str
    passed: bool | None = None
    score: Score = None
    explanation: str = ""
    type: MetricType | None = None
    pass_rule: str | None = Field(None, description="The metric's, such as '>= 4'.")


class CallBody(BaseModel):
    """A call to take in, in the native format."""

    call_id: str
    project: str | None = Field(None, description="The address's; no other can be named.")
    agent: str
    started_at: datetime = Field(description="ISO 8601, with a zone.")
    duration_s: float | None = None
    ended_reason: str | None = None
    metadata: dict[str, Any] | None = None
    transcript: list[Turn]
    metrics: list[JudgedBody] = Field(default_factory=list)


class ObserveBody(BaseModel):
    """What Cekura's clients send; fields of theirs that are not listed are ignored."""

    model_config = ConfigDict(extra="ignore")
    call_id: Name
    agent: StrictInt | Name | None = Field(
        None, description="Whose call it is: a name, or the ID of an agent here."
    )
    agent_id: StrictInt | Name | None = Field(
        None, description="The same as `agent`, as Cekura's command line sends it."
    )
    assistant_id: Name | None = Field(None, description="The provider's name for the agent.")
    transcript_type: str | None = Field(
        None,
        description="cekura (default), vapi, retell, elevenlabs, livekit, pipecat or deepgram.",
    )
    transcript_json: Any = Field(
        None, description="The transcript as the provider gives it; a known call may leave it out."
    )
    voice_recording_url: str | None = Field(None, description="Kept with the metadata.")
    call_ended_reason: str | None = None
    metadata: dict[str, Any] | None = None
    timestamp: str | StrictInt | StrictFloat | None = Field(
        None, description="Start: ISO 8601 (without a zone: UTC), or a number since 1970."
    )
    duration: str | float | None = Field(None, description="MM:SS, or seconds.")
    customer_number: str | None = Field(None, description="Kept with the metadata.")
    dynamic_variables: dict[str, Any] | None = Field(None, description="Kept with the metadata.")
    feedback: str | None = Field(None, description="Kept with the metadata.")
    trace_id: str | None = Field(None, description="Kept with the metadata.")
    redact_fields: Any = Field(None, description="Nothing is redacted here; do it before sending.")
    metric_ids: Any = Field(None, description="No metric is run here; send results with the call.")
    metrics: list[dict[str, Any]] | None = Field(
        None, description="Results in the native format: name, passed or score, explanation."
    )
    evaluation: dict[str, Any] | None = Field(
        None, description="Results as Cekura's call logs hold them, in `metrics`."
    )
    project: Name | None = Field(
        None, description="Slug, name or ID; needed where the key sees several projects."
    )
