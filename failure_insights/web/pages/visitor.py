"""Give pages their visitor, what the visitor may see, and a connection to the store."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Connection, Engine

from failure_insights.store.access import visible_project
from failure_insights.store.database import reachable
from failure_insights.store.keys import ApiKey, key_by_id
from failure_insights.store.projects import ProjectRow
from failure_insights.store.sessions import has_ended
from failure_insights.web.auth.session import read_session
from failure_insights.web.pages.errors import SignInNeeded

#: What the one-time link opens: everything, as a key for all projects does.
_OWNER = ApiKey(id=0, name="", all_projects=True)


def _connection(request: Request) -> Iterator[Connection]:
    """Give a connection in a transaction that ends with the endpoint."""
    engine: Engine = request.app.state.engine
    with reachable(engine) as connection, connection.begin():
        yield connection


Store = Annotated[Connection, Depends(_connection, scope="function")]


def _visitor(request: Request, connection: Store) -> ApiKey:
    """Return the key that the visitor signed in with; revoking it ends its sessions at once.

    Raises:
        SignInNeeded: the request has no valid session.
    """
    session = read_session(request)
    if session is None or has_ended(connection, session.id):
        raise SignInNeeded("Sign in first.")
    key = _OWNER if session.key_id is None else key_by_id(connection, session.key_id)
    if key is None:
        raise SignInNeeded("The API key that you signed in with was revoked.")
    return key


Visitor = Annotated[ApiKey, Depends(_visitor)]


def _project(connection: Store, visitor: Visitor, project: str) -> ProjectRow:
    """Return the project of the page's address; UnknownName where the visitor may not see it."""
    return visible_project(connection, visitor, project)


#: The project of a path with `{project}`. A page that has none takes `Visitor`.
VisibleProject = Annotated[ProjectRow, Depends(_project)]
