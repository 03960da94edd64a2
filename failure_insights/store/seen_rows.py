"""List rows over all projects that a caller sees, by their integer IDs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection

from failure_insights.errors import UnknownName
from failure_insights.store.access import scope_of
from failure_insights.store.database import query
from failure_insights.store.insight_rows import InsightRow
from failure_insights.store.keys import ApiKey
from failure_insights.store.names import ProjectRow
from failure_insights.store.paging import Listed, Page
from failure_insights.store.project_lists import AgentRow, MetricCardRow, listed
from failure_insights.store.read_insights import insight_rows

RowKind = Literal["project", "agent", "metric", "call", "insight", "digest", "alert"]


@dataclass(frozen=True, slots=True)
class SeenAgent(AgentRow):
    """An agent with its project."""

    project_id: int


@dataclass(frozen=True, slots=True)
class SeenMetric(MetricCardRow):
    """A metric's card with its project."""

    project_id: int


@dataclass(frozen=True, slots=True)
class SeenCall:
    """A call without its words. `passed`: all its verdicts are passes; None: it has none."""

    id: int
    call_id: str
    project_id: int
    agent_id: int
    agent: str
    started_at: datetime
    duration_s: float | None
    ended_reason: str | None
    metadata: dict[str, Any]
    imported_at: datetime
    passed: bool | None


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls are listed; None fits all. With `call_ids`, the providers', or `numbers`, ours:
    those that have one of either."""

    agent_id: int | None = None
    start: datetime | None = None
    end: datetime | None = None
    call_ids: Sequence[str] | None = None
    numbers: Collection[int] | None = None
    passed: bool | None = None


def project_of_row(connection: Connection, key: ApiKey, kind: RowKind, row_id: int) -> ProjectRow:
    """Return the project of a row of this ID.

    Raises:
        UnknownName: there is no such row, or it is not the key's: the same words for both.
    """
    values = {**scope_of(key), "kind": kind, "row_id": row_id}
    row = connection.execute(query("project_of_row", seen="projects_of_key"), values).first()
    if row is None:
        raise UnknownName(f"there is no {kind} {row_id}")
    return ProjectRow(*row)


def seen_agents(
    connection: Connection,
    projects: Collection[ProjectRow],
    page: Page,
    agent_id: int | None = None,
) -> Listed[SeenAgent]:
    """Return one page of the agents of these projects, or only the one of that ID."""
    values = {"project_ids": _ids(projects), "agent_id": agent_id}
    return listed(connection, query("seen_agents"), SeenAgent, values, page)


def seen_metrics(
    connection: Connection,
    projects: Collection[ProjectRow],
    page: Page,
    metric_id: int | None = None,
    agent_id: int | None = None,
) -> Listed[SeenMetric]:
    """Return one page of the metric cards of these projects: of one ID, or of an agent's calls."""
    values = {"project_ids": _ids(projects), "metric_id": metric_id, "agent_id": agent_id}
    return listed(connection, query("seen_metrics"), SeenMetric, values, page)


def seen_calls(
    connection: Connection, projects: Collection[ProjectRow], which: CallFilter, page: Page
) -> Listed[SeenCall]:
    """Return one page of the calls of these projects, newest first."""
    values = {
        "project_ids": _ids(projects),
        "agent_id": which.agent_id,
        "start": which.start,
        "end": which.end,
        "call_ids": None if which.call_ids is None else list(which.call_ids),
        "numbers": None if which.numbers is None else list(which.numbers),
        "passed": which.passed,
    }
    return listed(connection, query("list_calls"), SeenCall, values, page)


def seen_insights(
    connection: Connection,
    projects: Collection[ProjectRow],
    page: Page,
    *,
    metric_id: int | None = None,
    metric_name: str | None = None,
    day: date | None = None,
    latest_only: bool = False,
) -> list[InsightRow]:
    """Return one page of the insights of these projects, newest first."""
    values = {
        "projects": [project.slug for project in projects],
        "metric_id": metric_id,
        "metric_name": metric_name,
        "date": day,
        "latest_only": latest_only,
        **page.limits,
    }
    ids = connection.execute(query("seen_insights"), values).scalars().all()
    return insight_rows(connection, ids)


def insight_dates(connection: Connection, projects: Collection[ProjectRow]) -> list[date]:
    """Return the dates that have an insight with themes, newest first."""
    values = {"projects": [project.slug for project in projects]}
    return list(connection.execute(query("insight_dates"), values).scalars())


def call_numbers(
    connection: Connection, project_id: int, call_ids: Collection[str]
) -> dict[str, int]:
    """Return our numbers of a project's calls by their providers' IDs; gone ones are left out."""
    values = {"project_id": project_id, "call_ids": list(call_ids)}
    rows = connection.execute(query("call_numbers"), values)
    return {row.call_id: row.id for row in rows}


def _ids(projects: Collection[ProjectRow]) -> list[int]:
    return [project.id for project in projects]
