"""Define the bodies that programs send, with the limits of each field."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    StringConstraints,
)

from failure_insights.domain.calls import Role, Score
from failure_insights.domain.metrics import MetricType, ScoreType

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


class ViewBody(BaseModel):
    """A view's agents, all of them."""

    model_config = ConfigDict(extra="forbid")
    agents: list[Name] = Field(
        max_length=1000, description="Names of the project's agents, or their IDs."
    )


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
