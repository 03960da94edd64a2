"""Read one call: its transcript, what each judge said of it, and what insights say."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NotRequired

from sqlalchemy import Connection, text
from typing_extensions import TypedDict

from failure_insights.domain.calls import Role, Score
from failure_insights.domain.metrics import MetricType
from failure_insights.domain.names import row_number
from failure_insights.errors import UnknownName
from failure_insights.store.database import query
from failure_insights.store.documented import documented
from failure_insights.store.insights import CallBucket
from failure_insights.store.names import storable
from failure_insights.store.projects import ProjectRow


@documented
class TurnRow(TypedDict):
    """One turn of a transcript; what it does not say is left out."""

    role: Role
    content: str
    start_s: NotRequired[float]
    """Seconds from the start of the call."""
    tool_name: NotRequired[str]
    speaker: NotRequired[str]


@documented
class MetricResultRow(TypedDict):
    """One judge's verdict on one call."""

    metric_id: int
    name: str
    type: MetricType
    passed: bool | None
    """Null: a score that no pass rule judges yet."""
    score: Score
    explanation: str


@documented
class CallRow(TypedDict):
    """A call in the native format, with every metric result."""

    id: int
    """Its number here; `call_id` is its provider's."""
    call_id: str
    project: str
    project_id: int
    agent: str
    agent_id: int
    started_at: datetime
    duration_s: float | None
    ended_reason: str | None
    metadata: Mapping[str, Any]
    transcript: list[TurnRow]
    metrics: list[MetricResultRow]


@dataclass(frozen=True, slots=True)
class CallFindingRow:
    """What an insight says of a call, with a quote: its theme or cause, or why the judge was likely
    wrong or the metric is in question.

    `turn` is None where the quote is the judge's own words; `quote` where there is none.
    """

    insight_id: int
    metric_slug: str
    metric_name: str
    theme_id: str | None
    title: str | None
    reason: str | None
    bucket: CallBucket
    turn: int | None
    quote: str | None


def find_call(connection: Connection, project: ProjectRow, given: str) -> CallRow:
    """Return a call by its provider's ID, else by its number here, with every metric result.

    Raises:
        UnknownName: the project has no such call.
    """
    values = {"project_id": project.id, "given": storable(given), "number": row_number(given)}
    call_id = connection.execute(query("call_of_id"), values).scalar()
    return read_call(connection, project, given if call_id is None else call_id)


def read_call(connection: Connection, project: ProjectRow, call_id: str) -> CallRow:
    """Return a call by its provider's ID, with every metric result.

    Raises:
        UnknownName: the project has no such call.
    """
    values = {"project_id": project.id, "call_id": call_id}
    row = connection.execute(query("call"), values).first()
    if row is None:
        raise UnknownName(
            f"there is no call {call_id!r} in project {project.slug!r}", code="unknown_call"
        )
    return {
        "id": row.id,
        "call_id": row.call_id,
        "project": project.slug,
        "project_id": project.id,
        "agent": row.agent,
        "agent_id": row.agent_id,
        "started_at": row.started_at,
        "duration_s": row.duration_s,
        "ended_reason": row.ended_reason,
        "metadata": row.metadata,
        "transcript": row.transcript,
        "metrics": [
            {
                "metric_id": result.metric_id,
                "name": result.name,
                "type": result.type,
                "passed": result.passed,
                "score": result.score,
                "explanation": result.explanation,
            }
            for result in connection.execute(query("call_results"), values)
        ],
    }


def delete_call(connection: Connection, project: ProjectRow, call_id: str) -> None:
    """Delete a call with its transcript and results, and what insights quote of it.

    The counts of insights stay as they were found.
    """
    values = {"project_id": project.id, "call_id": call_id}
    connection.execute(query("delete_call"), values)


def findings_of_call(
    connection: Connection, project: ProjectRow, call_id: str, insight_id: int | None
) -> list[CallFindingRow]:
    """Return what insights say of a call, a row a quote.

    Of each metric one insight is asked: `insight_id` where it is that metric's, else the newest.
    """
    values = {"project_id": project.id, "call_id": call_id, "insight_id": insight_id}
    return [CallFindingRow(*row) for row in connection.execute(query("call_findings"), values)]


def has_calls(connection: Connection) -> bool:
    """Return whether the store holds any call."""
    return bool(connection.execute(text("SELECT EXISTS (SELECT FROM calls)")).scalar_one())
