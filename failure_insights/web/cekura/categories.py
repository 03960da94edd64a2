"""Cekura's failure categories: our themes, with their calls of any range of time."""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from sqlalchemy import Connection

from failure_insights.store.failure_counts import numbers_of_theme, theme_calls
from failure_insights.store.names import ProjectRow
from failure_insights.store.paging import Page
from failure_insights.store.projects import find_metric
from failure_insights.store.seen_rows import CallFilter, seen_calls
from failure_insights.web.api.answers import answer
from failure_insights.web.api.request_models import Name
from failure_insights.web.auth.api_keys import CallerOf
from failure_insights.web.cekura.scope import Id, ScopeMeant, one_project

router = APIRouter(prefix="/observability/v1/metric-failure-mode-insights/categories")

#: Calls that a category and each of its agents show.
EXAMPLES = 10

#: A theme's ID.
Slug = Annotated[Name, Path()]


@router.get("/")
def list_(
    caller: CallerOf,
    scope: ScopeMeant,
    project: Id | None = None,
    project_id: Id | None = None,
    metric_name: Name | None = None,
    metric: Id | None = None,
    metric_id: Id | None = None,
) -> Response:
    """List the themes of a project that have a call in the range, those of most calls first."""
    with caller.engine.connect() as connection:
        place = one_project(connection, caller, project, project_id)
        if metric_name is not None:
            metric_id = find_metric(connection, place.id, metric_name).id
        themes = theme_calls(connection, place, scope, metric_id=metric or metric_id)
    return answer(
        {
            "count": len(themes),
            "categories": [
                {
                    "slug": theme.theme_id,
                    "title": theme.title,
                    "description": theme.description,
                    "metric": theme.metric_id,
                    "metric_id": theme.metric_id,
                    "metric_name": theme.metric_name,
                    "count": len(theme.call_numbers),
                    "example_call_ids": theme.call_numbers[:EXAMPLES],
                    "agents": [
                        {
                            "id": agent.agent_id,
                            "name": agent.agent,
                            "count": len(agent.call_numbers),
                            "example_call_ids": agent.call_numbers[:EXAMPLES],
                        }
                        for agent in theme.agents
                    ],
                }
                for theme in themes
            ],
        }
    )


@router.get("/{category_slug}/calls/")
def calls(
    caller: CallerOf,
    scope: ScopeMeant,
    category_slug: Slug,
    project: Id | None = None,
    project_id: Id | None = None,
    metric_id: Id | None = None,
) -> Response:
    """List every call of a theme in the range, newest first."""
    with caller.engine.connect() as connection:
        place = one_project(connection, caller, project, project_id)
        themes = theme_calls(connection, place, scope, metric_id=metric_id, theme_id=category_slug)
    numbers = themes[0].call_numbers if themes else []
    return answer({"count": len(numbers), "call_log_ids": numbers})


def calls_of_theme(connection: Connection, place: ProjectRow, theme_id: str) -> list[str]:
    """Return the providers' IDs of all calls of a theme, newest first."""
    numbers = numbers_of_theme(connection, place, theme_id)
    found = seen_calls(
        connection, [place], CallFilter(numbers=numbers), Page(size=len(numbers) + 1)
    )
    return [row.call_id for row in found.rows]
