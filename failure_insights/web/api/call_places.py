"""Where a call goes that names no place of ours: its project and its agent."""

from sqlalchemy import Connection

from failure_insights.errors import BadInput, UnknownName
from failure_insights.store.access import projects_of_call
from failure_insights.store.projects import agent_of_id
from failure_insights.web.auth.api_keys import Caller


def project_of_call(
    connection: Connection, caller: Caller, named: str | None, call_id: object, agent: object
) -> str:
    """Return the project of a call; providers' bodies do not name one, so the key tells.

    Raises:
        UnknownName: no such project, or another key's.
        BadInput: several projects would do, or there is none.
    """
    if named is not None:
        return caller.project_to_fill(connection, named)
    slugs = projects_of_call(connection, caller.key, call_id, agent)
    if len(slugs) == 1:
        return slugs[0]
    raise BadInput(
        "this key sees several projects or none, and the call's ID and agent do not tell which "
        "is meant; name one as 'project', or use a key for one project",
        code="project_needed",
    )


def agent_named(connection: Connection, caller: Caller, project: str, given: str) -> str:
    """Return the agent that an `agent_id` means: of that name, else of that ID, else a new one."""
    try:
        place = caller.project(connection, project)
    except UnknownName:
        return given  # a project that its first call will make
    return agent_of_id(connection, place.id, given) or given
