"""Count failing calls over ranges of time: each metric's rate, and the calls of each theme."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from failure_insights.store.database import query
from failure_insights.store.projects import ProjectRow


@dataclass(frozen=True, slots=True)
class Scope:
    """What is counted: calls that began in [start, end), of these agents; None means all."""

    start: datetime | None = None
    end: datetime | None = None
    agent_ids: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class MetricCount:
    """How many calls a metric judged, and how many of them it failed."""

    metric_id: int
    name: str
    failed: int
    passed: int

    @property
    def judged(self) -> int:
        return self.failed + self.passed


@dataclass(frozen=True, slots=True)
class AgentCalls:
    """The calls that an agent had of a theme, by our numbers, newest first."""

    agent_id: int
    agent: str
    call_numbers: Sequence[int]


@dataclass(slots=True)
class ThemeCalls:
    """A theme with its calls, by agent, the busiest first."""

    theme_id: str
    title: str
    description: str
    metric_id: int
    metric_name: str
    agents: list[AgentCalls] = field(default_factory=list)

    @property
    def call_numbers(self) -> list[int]:
        """Our numbers of its calls; a higher one was stored later."""
        return sorted((n for agent in self.agents for n in agent.call_numbers), reverse=True)


def metric_counts(
    connection: Connection, project: ProjectRow, scope: Scope, metric_id: int | None = None
) -> list[MetricCount]:
    """Return the counts of a project's metrics, or of one, by name. The scope needs both ends."""
    values = {"project_id": project.id, "metric_id": metric_id, **_values(scope)}
    return [MetricCount(*row) for row in connection.execute(query("failure_rates"), values)]


def theme_calls(
    connection: Connection,
    project: ProjectRow,
    scope: Scope,
    *,
    metric_id: int | None = None,
    theme_id: str | None = None,
) -> list[ThemeCalls]:
    """Return a project's themes that have a call in the scope, those of most calls first.

    A call of a metric that several audits read counts once: where the newest of them put it.
    """
    values = {
        "project": project.slug,
        "metric_id": metric_id,
        "theme_id": theme_id,
        **_values(scope),
    }
    themes: dict[str, ThemeCalls] = {}
    for row in connection.execute(query("theme_calls"), values):
        theme = themes.setdefault(row.theme_id, _theme(row))
        theme.agents.append(AgentCalls(row.agent_id, row.agent, row.call_numbers))
    for theme in themes.values():
        theme.agents.sort(key=lambda agent: (-len(agent.call_numbers), agent.agent))
    return sorted(themes.values(), key=lambda theme: (-len(theme.call_numbers), theme.theme_id))


def numbers_of_theme(connection: Connection, project: ProjectRow, theme_id: str) -> list[int]:
    """Return our numbers of all calls of a theme, newest first; none where there is no such one."""
    themes = theme_calls(connection, project, Scope(), theme_id=theme_id)
    return themes[0].call_numbers if themes else []


def _theme(row: Any) -> ThemeCalls:
    return ThemeCalls(
        row.theme_id,
        row.title,
        row.description,
        row.metric_id,
        row.metric_name,
    )


def _values(scope: Scope) -> dict[str, Any]:
    agent_ids = None if scope.agent_ids is None else list(scope.agent_ids)
    return {"start": scope.start, "end": scope.end, "agent_ids": agent_ids}
