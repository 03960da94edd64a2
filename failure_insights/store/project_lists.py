"""Lists of what a project holds, by pages: agents, metric cards, views."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, TextClause

from failure_insights.domain.metrics import MetricType, ScoreType
from failure_insights.store.database import query
from failure_insights.store.documented import documented
from failure_insights.store.paging import Listed, Page
from failure_insights.store.projects import ProjectRow, ViewRow

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class AgentRow:
    """An agent, known from its first call on."""

    id: int
    name: str
    created_at: datetime


@documented
@dataclass(frozen=True, slots=True)
class MetricCardRow:
    """A metric's card as it is stored."""

    id: int
    name: str
    slug: str
    type: MetricType
    prompt: str
    description: str
    pass_rule: str | None
    score_type: ScoreType
    is_eligible: bool
    """Whether its failing calls are audited."""
    about: str
    """What people write about it for auditors: what the judge expects and cannot say."""
    created_at: datetime
    updated_at: datetime


def list_agents(connection: Connection, project: ProjectRow, page: Page) -> Listed[AgentRow]:
    """Return one page of a project's agents, by name."""
    return listed(connection, query("list_agents"), AgentRow, {"project_id": project.id}, page)


def list_metric_cards(
    connection: Connection, project: ProjectRow, page: Page
) -> Listed[MetricCardRow]:
    """Return one page of a project's metric cards, by name."""
    values = {"project_id": project.id, "slug": None}
    return listed(connection, query("list_metrics"), MetricCardRow, values, page)


def metric_card(connection: Connection, project: ProjectRow, slug: str) -> MetricCardRow:
    """Return the card of a metric that is there."""
    values = {"project_id": project.id, "slug": slug}
    (card,) = listed(connection, query("list_metrics"), MetricCardRow, values, Page(size=1)).rows
    return card


def list_views(connection: Connection, project: ProjectRow, page: Page) -> Listed[ViewRow]:
    """Return one page of a project's views, by name."""
    return listed(connection, query("list_views"), ViewRow, {"project_id": project.id}, page)


def listed(
    connection: Connection,
    statement: TextClause,
    kind: type[R],
    values: Mapping[str, Any],
    page: Page,
) -> Listed[R]:
    """Return a page of a statement's rows; each has the fields of `kind`, and `total`."""
    mappings = connection.execute(statement, {**values, **page.limits}).mappings().all()
    rows = [
        kind(**{key: value for key, value in row.items() if key != "total"}) for row in mappings
    ]
    # A page past the end has no row to say how many there are.
    if not mappings and page.number > 1:
        first = {**values, "limit": 1, "offset": 0}
        mappings = connection.execute(statement, first).mappings().all()
    return Listed(rows, mappings[0]["total"] if mappings else 0)
