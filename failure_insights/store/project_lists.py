"""Lists of what a project holds, by pages: agents, metric cards, views; and of the projects."""

from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import Connection

from failure_insights.store.database import query
from failure_insights.store.insight_lists import Listed, Page
from failure_insights.store.keys import ApiKey
from failure_insights.store.projects import ProjectRow


def list_projects(connection: Connection, key: ApiKey, page: Page) -> Listed:
    """Return one page of the projects that a key may see, by slug."""
    scope = {"key_id": key.id, "all_projects": key.all_projects}
    return _listed(connection, "list_projects", scope, page)


def list_of_project(
    connection: Connection,
    what: Literal["agents", "metrics", "views"],
    project: ProjectRow,
    page: Page,
) -> Listed:
    """Return one page of a project's agents, metric cards or views, by name."""
    return _listed(connection, f"list_{what}", {"project_id": project.id}, page)


def _listed(connection: Connection, name: str, values: Mapping[str, Any], page: Page) -> Listed:
    found = connection.execute(query(name), {**values, **page.limits}).mappings().all()
    rows = [{key: value for key, value in row.items() if key != "total"} for row in found]
    # A page past the end has no row to say how many there are.
    if not found and page.number > 1:
        first = connection.execute(query(name), {**values, "limit": 1, "offset": 0}).mappings()
        found = first.all()
    return Listed(rows, found[0]["total"] if found else 0)
