"""The API's shapes, for reading bodies and for the OpenAPI document with its examples."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from failure_insights.domain.breakdown import AuditorName, Origin
from failure_insights.store.queue import Trigger

#: Postgres cannot hold NUL in text.
NO_NUL = r"^[^\x00]*$"
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_NUL)]


def _whole(value: Any) -> Any:
    """Take 7.0 as 7: JSON knows one kind of number. Text and true stay what they are."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WindowDays = Annotated[int, Field(strict=True, ge=1, le=90), BeforeValidator(_whole)]
MaxCalls = Annotated[int, Field(strict=True, ge=1, le=1000), BeforeValidator(_whole)]
Status = Literal["pending", "running", "succeeded", "failed", "skipped_not_enough_data"]


def example(value: Any) -> dict[str, Any]:
    """Return what a model's schema says further: an example, without nulls, which FastAPI drops."""
    return {"examples": [value]}


def page_example(path: str, value: Any) -> dict[str, Any]:
    """Return the example of a list in three pages of one row, at its second."""
    address = f"https://insights.example.com/api/projects/{path}?page_size=1&page="
    return example(
        {"count": 3, "next": f"{address}3", "previous": f"{address}1", "results": [value]}
    )


_TOO_MANY_DAYS = "Input should be less than or equal to 90"


class Problem(BaseModel):
    """RFC 9457. `errors` names each bad field of a request that could not be read."""

    model_config = ConfigDict(
        json_schema_extra=example(
            {
                "type": "about:blank",
                "title": "Unprocessable Entity",
                "status": 422,
                "detail": f"body.window_days: {_TOO_MANY_DAYS}",
                "errors": [{"field": "body.window_days", "reason": _TOO_MANY_DAYS}],
            }
        )
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
        json_schema_extra=example(
            {"metric_name": "Hallucination", "window_days": 7, "max_calls": 100}
        ),
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


_INSIGHT = {
    "id": 42,
    "project": "clinic",
    "metric_name": "Hallucination",
    "status": "succeeded",
    "trigger": "request",
    "date": "2026-11-23",
    "window_start": "2026-11-17T06:00:00Z",
    "window_end": "2026-11-24T06:00:00Z",
    "window_days": 7,
    "max_calls": 100,
    "num_failing_calls": 5,
    "num_calls_analyzed": 5,
    "failure_modes": [
        {
            "theme_id": "th_0123456789ab",
            "title": "Agent says that the clinic is closed on Fridays",
            "description": "The agent names the opening hours of last year.",
            "count": 3,
            "share": 0.6,
            "call_ids": ["call-1", "call-2", "call-3"],
            "evidence": [{"call_id": "call-1", "turn": 1, "quote": "We are closed on Fridays."}],
            "origin": "agent_knowledge",
            "suggested_fix": "Bring the opening hours in the agent's knowledge up to date.",
            "status": "recurring",
            "first_seen": "2026-11-21",
            "history": [{"date": "2026-11-21", "count": 2}, {"date": "2026-11-23", "count": 3}],
        }
    ],
    "unassigned_call_ids": ["call-4"],
    "suspected_judge_errors": [
        {
            "call_id": "call-5",
            "turn": 3,
            "quote": "We open at nine on Fridays.",
            "reason": "The agent named the hours that its knowledge holds.",
        }
    ],
    "auditor": "agent",
    "degraded": False,
    "model": "gpt-5-mini",
    "usage": {"requests": 9, "input_tokens": 21500, "output_tokens": 2300, "cached": 0},
    "message": "",
    "error_message": "",
    "duration_seconds": 31.4,
    "dagster_run_id": "0c9f2b1e-5d0c-4a58-9d0f-3d2f6f0c7a11",
    "created_at": "2026-11-24T06:00:00Z",
    "updated_at": "2026-11-24T06:00:36Z",
}


class Insight(BaseModel):
    """One audit's row. Poll it until `status` is none of `pending` and `running`."""

    model_config = ConfigDict(json_schema_extra=example(_INSIGHT))

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
    model_config = ConfigDict(
        json_schema_extra=page_example("clinic/metric_failure_mode_insights/", _INSIGHT)
    )
    results: list[Insight]
