"""The API's shapes, for reading bodies and for the OpenAPI document with its examples."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from failure_insights.domain.breakdown import AuditorName, Origin
from failure_insights.domain.calls import Role
from failure_insights.domain.metrics import MetricType, ScoreType
from failure_insights.store.queue import Trigger

#: Postgres cannot hold NUL in text.
NO_NUL = r"^[^\x00]*$"
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_NUL)]
Words = Annotated[str, StringConstraints(max_length=200_000, pattern=NO_NUL)]


def _whole(value: Any) -> Any:
    """Take 7.0 as 7: JSON knows one kind of number. Text and true stay what they are."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WindowDays = Annotated[int, Field(strict=True, ge=1, le=90), BeforeValidator(_whole)]
MaxCalls = Annotated[int, Field(strict=True, ge=1, le=1000), BeforeValidator(_whole)]
Status = Literal["pending", "running", "succeeded", "failed", "skipped_not_enough_data"]
Score = bool | int | float | str | None


class Problem(BaseModel):
    """RFC 9457. `errors` names each bad field of a request that could not be read."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Unprocessable Entity",
                    "status": 422,
                    "detail": "body.window_days: Input should be less than or equal to 90",
                    "errors": [
                        {
                            "field": "body.window_days",
                            "reason": "Input should be less than or equal to 90",
                        }
                    ],
                }
            ]
        }
    )
    type: str
    title: str
    status: int
    detail: str
    errors: list[dict[str, Any]] | None = None


class InsightRequest(BaseModel):
    """Asks for one audit of a metric's failing calls."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"metric_name": "Hallucination", "window_days": 7, "max_calls": 100}]
        },
    )
    metric_name: Name = Field(description="Name or slug of the metric.")
    window_days: WindowDays | None = Field(
        None, description="Days to read, instead of the pool rule."
    )
    max_calls: MaxCalls | None = Field(None, description="Transcripts to read at most.")


class Evidence(BaseModel):
    call_id: str
    turn: int | None = Field(description="0-based turn; null: the judge's own words.")
    quote: str


class HistoryDay(BaseModel):
    date: date
    count: int


class FailureMode(BaseModel):
    """One theme: calls that failed for the same reason."""

    theme_id: str = Field(description="The same from day to day.")
    title: str
    description: str
    count: int
    share: float = Field(description="Part of num_failing_calls, 0 to 1.")
    call_ids: list[str]
    evidence: list[Evidence]
    origin: Origin
    suggested_fix: str
    status: Literal["new", "recurring"]
    first_seen: date
    history: list[HistoryDay]


class SuspectedJudgeError(BaseModel):
    call_id: str
    turn: int | None
    quote: str | None
    reason: str


class Insight(BaseModel):
    """One audit's row. Poll it until `status` is none of `pending` and `running`."""

    id: int
    project: str
    metric_name: str
    status: Status
    trigger: Trigger
    date: date | None
    window_start: datetime | None
    window_end: datetime | None
    window_days: int | None
    max_calls: int | None
    num_failing_calls: int | None
    num_calls_analyzed: int | None
    failure_modes: list[FailureMode]
    unassigned_call_ids: list[str]
    suspected_judge_errors: list[SuspectedJudgeError]
    auditor: AuditorName | None
    degraded: bool
    model: str | None
    usage: dict[str, int]
    message: str
    error_message: str
    duration_seconds: float | None
    dagster_run_id: str | None
    created_at: datetime
    updated_at: datetime


class Listing(BaseModel):
    """A page of a list. `next` and `previous` are whole addresses, or null at the ends."""

    count: int
    next: str | None
    previous: str | None


class InsightList(Listing):
    results: list[Insight]


class Turn(BaseModel):
    role: Role
    content: str
    start_s: float | None = None
    tool_name: str | None = None
    speaker: str | None = None


class MetricResult(BaseModel):
    name: str
    passed: bool | None = None
    score: Score = None
    explanation: str = ""
    type: str | None = None


#: The example of a call in the native format.
CALL: dict[str, Any] = {
    "call_id": "call-1",
    "agent": "front-desk",
    "started_at": "2026-11-23T09:30:00Z",
    "duration_s": 42.5,
    "ended_reason": "caller_hangup",
    "metadata": {"campaign": "spring"},
    "transcript": [
        {"role": "user", "content": "Can I come on Friday?", "start_s": 0.0},
        {"role": "agent", "content": "We are closed on Fridays.", "start_s": 2.1},
    ],
    "metrics": [
        {
            "name": "Hallucination",
            "passed": False,
            "score": 0,
            "explanation": "The clinic is open on Fridays.",
        }
    ],
}


class Call(BaseModel):
    """A call in the native format."""

    model_config = ConfigDict(json_schema_extra={"examples": [CALL | {"project": "clinic"}]})
    call_id: str
    project: str
    agent: str
    started_at: datetime
    duration_s: float | None = None
    ended_reason: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    transcript: list[Turn]
    metrics: list[MetricResult] = Field(default_factory=list)


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

    model_config = ConfigDict(json_schema_extra={"examples": [CALL]})
    call_id: str
    project: str | None = Field(None, description="The address's; no other can be named.")
    agent: str
    started_at: datetime = Field(description="ISO 8601, with a zone.")
    duration_s: float | None = None
    ended_reason: str | None = None
    metadata: dict[str, Any] | None = None
    transcript: list[Turn]
    metrics: list[JudgedBody] = Field(default_factory=list)


class LineResult(BaseModel):
    """What became of one line, or of one element of an array."""

    line: int = Field(description="From 1.")
    status: Literal["new", "updated", "unchanged", "rejected"]
    call_id: str | None
    reason: str | None = Field(description="Why it was rejected.")


class ImportReport(BaseModel):
    new: int
    updated: int
    unchanged: int
    rejected: int
    results: list[LineResult]


class MetricCardBody(BaseModel):
    """A metric's card, whole: what is left out goes back to its default."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "type": "llm_judge",
                    "prompt": "Did the agent say anything that its knowledge does not hold?",
                    "description": "No invented facts.",
                    "pass_rule": ">= 4",
                    "score_type": "rating",
                }
            ]
        },
    )
    type: MetricType | None = Field(None, description="Default: llm_judge unless predefined.")
    prompt: Words = ""
    description: Words = ""
    pass_rule: Name | None = Field(None, description="When a score passes, such as '>= 4'.")
    score_type: ScoreType = "binary"


class MetricCard(BaseModel):
    name: str
    slug: str
    type: MetricType
    prompt: str
    description: str
    pass_rule: str | None
    score_type: ScoreType
    is_eligible: bool = Field(description="Whether its failing calls are audited.")


class MetricList(Listing):
    results: list[MetricCard]


class ViewBody(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"agents": ["front-desk", "night-line"]}]},
    )
    agents: list[Name] = Field(max_length=1000, description="Names of the project's agents.")


class View(BaseModel):
    name: str
    slug: str
    agents: list[str]


class ViewList(Listing):
    results: list[View]


class Agent(BaseModel):
    name: str
    created_at: datetime


class AgentList(Listing):
    results: list[Agent]


class Project(BaseModel):
    slug: str
    name: str
    created_at: datetime


class ProjectList(Listing):
    results: list[Project]


class ObserveBody(BaseModel):
    """What Cekura's clients send; fields of theirs that are not listed are let be."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={
            "examples": [
                {
                    "call_id": "call_12345678",
                    "agent": 2421,
                    "transcript_type": "vapi",
                    "transcript_json": [
                        {"role": "bot", "message": "How can I help?", "secondsFromStart": 0},
                        {"role": "user", "message": "A table for two.", "secondsFromStart": 2.5},
                    ],
                    "call_ended_reason": "customer-ended-call",
                    "metadata": {"campaign_id": "camp_456"},
                    "timestamp": "2026-11-23T10:30:00Z",
                    "metrics": [
                        {
                            "name": "Hallucination",
                            "passed": False,
                            "explanation": "It promised a table that is not there.",
                        }
                    ],
                }
            ]
        },
    )
    call_id: Name
    agent: int | Name | None = Field(None, description="Whose call it is; any name or number.")
    assistant_id: Name | None = Field(None, description="The provider's name for the agent.")
    transcript_type: str | None = Field(
        None, description="cekura (default), vapi, retell, elevenlabs, livekit or pipecat."
    )
    transcript_json: Any = Field(
        None, description="The transcript as the provider gives it; left out: results only."
    )
    call_ended_reason: str | None = None
    metadata: dict[str, Any] | None = None
    timestamp: str | None = Field(None, description="Start, ISO 8601; without a zone: UTC.")
    duration: str | float | None = Field(None, description="MM:SS, or seconds.")
    metrics: list[dict[str, Any]] | None = Field(
        None, description="Results in the native format: name, passed or score, explanation."
    )
    evaluation: dict[str, Any] | None = Field(
        None, description="Results as Cekura's call logs hold them, in `metrics`."
    )
    project: Name | None = Field(
        None, description="Slug or name; needed where the key sees several projects."
    )


class Observed(BaseModel):
    """The call as it is stored now, and whether this request changed it."""

    id: int
    call_id: str
    project: str
    agent: str
    timestamp: datetime
    call_ended_reason: str | None
    metadata: dict[str, Any]
    metrics: list[MetricResult]
    status: Literal["new", "updated", "unchanged"]
