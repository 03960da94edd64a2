"""Find the projects that a key may see."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row

from failure_insights.domain.names import best_match
from failure_insights.errors import UnknownName
from failure_insights.store.database import query
from failure_insights.store.keys import ApiKey
from failure_insights.store.names import ProjectRow, spellings
from failure_insights.store.paging import Listed, Page
from failure_insights.store.project_lists import listed


def visible_projects(connection: Connection, key: ApiKey) -> list[ProjectRow]:
    """Return the projects that the key may see, by name."""
    rows = connection.execute(query("visible_projects", seen="projects_of_key"), scope_of(key))
    return [ProjectRow(*row) for row in rows]


def list_projects(connection: Connection, key: ApiKey, page: Page) -> Listed[ProjectRow]:
    """Return one page of the projects that a key may see, by slug."""
    statement = query("list_projects", seen="projects_of_key")
    return listed(connection, statement, ProjectRow, scope_of(key), page)


def visible_project(connection: Connection, key: ApiKey, name_or_slug: str) -> ProjectRow:
    """Return a project that the key may see, by its slug, its name, a spelling of it, or its ID.

    Raises:
        UnknownName: there is none of that name, or it is not the key's: the same words for both.
    """
    statement = query("visible_project", seen="projects_of_key")
    rows = connection.execute(statement, {**scope_of(key), **spellings(name_or_slug)})
    project = best_match([ProjectRow(*row) for row in rows], name_or_slug)
    if project is None:
        raise UnknownName(f"there is no project {name_or_slug!r}", code="unknown_project")
    return project


def projects_of_call(
    connection: Connection, key: ApiKey, call_id: object, agent: object
) -> list[str]:
    """Return the slugs of the projects that a call of a key could belong to.

    One: the only project that the key sees; else the only one of them that has the call; else the
    only one that has its agent. Otherwise all that the key sees.
    """
    statement = query("projects_of_call", seen="projects_of_key")
    values = {**scope_of(key), "call_id": call_id, "agent": agent}
    seen: list[Row[Any]] = [*connection.execute(statement, values)]
    for group in (
        seen,
        [row for row in seen if row.has_call],
        [row for row in seen if row.has_agent],
    ):
        if len(group) == 1:
            return [str(group[0].slug)]
    return [str(row.slug) for row in seen]


def scope_of(key: ApiKey) -> Mapping[str, object]:
    """Return the values of `projects_of_key`."""
    return {"key_id": key.id, "all_projects": key.all_projects}
