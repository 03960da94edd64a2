"""Calls as they come in, as they are read back, and as Cekura's clients send them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from failure_insights.domain.calls import Role, Score
from failure_insights.domain.metrics import MetricType
from failure_insights.web.api.models import Name, example


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

    model_config = ConfigDict(json_schema_extra=example(CALL | {"project": "clinic"}))
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

    model_config = ConfigDict(json_schema_extra=example(CALL))
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
    call_id: str | None = None
    reason: str | None = Field(None, description="Why it was rejected.")


class ImportReport(BaseModel):
    """How many calls were new, changed, the same, or refused, and what became of each."""

    model_config = ConfigDict(
        json_schema_extra=example(
            {
                "new": 1,
                "updated": 0,
                "unchanged": 0,
                "rejected": 1,
                "results": [
                    {"line": 1, "status": "new", "call_id": "call-1"},
                    {
                        "line": 2,
                        "status": "rejected",
                        "call_id": "call-2",
                        "reason": "started_at is missing",
                    },
                ],
            }
        )
    )
    new: int
    updated: int
    unchanged: int
    rejected: int
    results: list[LineResult]


class ObserveBody(BaseModel):
    """What Cekura's clients send; fields of theirs that are not listed are let be."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra=example(
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
        ),
    )
    call_id: Name
    agent: StrictInt | Name | None = Field(
        None, description="Whose call it is; any name or number."
    )
    assistant_id: Name | None = Field(None, description="The provider's name for the agent.")
    transcript_type: str | None = Field(
        None, description="cekura (default), vapi, retell, elevenlabs, livekit or pipecat."
    )
    transcript_json: Any = Field(
        None, description="The transcript as the provider gives it; a known call may leave it out."
    )
    voice_recording_url: str | None = Field(None, description="Kept with the metadata.")
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

    model_config = ConfigDict(
        json_schema_extra=example(
            {
                "id": 7,
                "call_id": "call_12345678",
                "project": "restaurant",
                "agent": "2421",
                "timestamp": "2026-11-23T10:30:00Z",
                "call_ended_reason": "customer-ended-call",
                "metadata": {"campaign_id": "camp_456"},
                "metrics": [
                    {
                        "name": "Hallucination",
                        "type": "llm_judge",
                        "passed": False,
                        "explanation": "It promised a table that is not there.",
                    }
                ],
                "status": "new",
            }
        )
    )
    id: int
    call_id: str
    project: str
    agent: str
    timestamp: datetime
    call_ended_reason: str | None
    metadata: dict[str, Any]
    metrics: list[MetricResult]
    status: Literal["new", "updated", "unchanged"]
