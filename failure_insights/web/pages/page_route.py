"""What every page shares: who looks, the store it reads, and errors that are pages too."""

import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, OperationalError
from starlette.exceptions import HTTPException

from failure_insights.errors import (
    BadInput,
    DatabaseUnreachable,
    FailureInsightsError,
    NotEligible,
    UnknownName,
)
from failure_insights.store.access import visible_project
from failure_insights.store.database import reachable
from failure_insights.store.keys import ApiKey, key_by_id
from failure_insights.store.projects import ProjectRow
from failure_insights.web.auth.session import ForgedForm, Session, SignInNeeded, read_session
from failure_insights.web.pages.html import render_html

_STATUS: dict[type[FailureInsightsError], int] = {
    UnknownName: 404,
    BadInput: 422,
    NotEligible: 422,
    ForgedForm: 403,
}

_log = logging.getLogger(__name__)

#: What the one-time link opens: everything, as a key for all projects does.
_OWNER = ApiKey(id=0, name="", all_projects=True)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page: the session, and the key that says which projects it may see."""

    session: Session
    key: ApiKey

    def project(self, connection: Connection, slug: str) -> ProjectRow:
        """Return a project that the visitor may see; UnknownName for any other."""
        return visible_project(connection, self.key, slug)


def store_engine(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


def store_connection(engine: Annotated[Engine, Depends(store_engine)]) -> Any:
    """Give a connection in a transaction that ends with the endpoint."""
    with reachable(engine) as connection, connection.begin():
        yield connection


Store = Annotated[Connection, Depends(store_connection, scope="function")]


def visitor(request: Request, connection: Store) -> Visitor:
    """Return who looks; a key that was revoked ends its sessions at once.

    Raises:
        SignInNeeded: the request has no valid session.
    """
    session = read_session(request)
    if session is None or not session.signed_in:
        raise SignInNeeded("Sign in first.")
    key = _OWNER if session.key_id is None else key_by_id(connection, session.key_id)
    if key is None:
        raise SignInNeeded("The API key that you signed in with was revoked.")
    return Visitor(session, key)


SignedIn = Annotated[Visitor, Depends(visitor)]


class PageRoute(APIRoute):
    """A route whose errors are pages, and that leads to signing in where that is needed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_page(request: Request) -> Response:
            try:
                return await handle(request)
            except SignInNeeded:
                return _to_sign_in(request)
            except (DatabaseUnreachable, OperationalError) as error:
                # Its words name the database's address, and who asks may not be signed in.
                _log.error("The database did not answer: %s", type(error).__name__)
                return problem_page(request, 503, "the database does not answer; try again soon")
            except DataError:
                words = "this address holds a number or character that nothing here has"
                return problem_page(request, 404, words)
            except FailureInsightsError as error:
                status = next((s for kind, s in _STATUS.items() if isinstance(error, kind)), 500)
                return problem_page(request, status, str(error))
            except RequestValidationError as error:
                words = "; ".join(f"{e['loc'][-1]}: {e['msg']}" for e in error.errors())
                return problem_page(request, 422, f"This address or form cannot be used: {words}.")
            except HTTPException as error:
                return problem_page(request, error.status_code, error.detail)

        return handle_page


def problem_page(request: Request, status: int, words: str) -> Response:
    """Return a page that says what went wrong."""
    words = words[:1].upper() + words[1:]
    return render_html(
        request, "problem.html", status, code=status, words=words, session=read_session(request)
    )


def _to_sign_in(request: Request) -> Response:
    """Lead to the sign-in page, and from there back to where the visitor wanted to go."""
    wanted = request.url.path if request.method == "GET" else "/"
    if request.method == "GET" and request.url.query:
        wanted += f"?{request.url.query}"
    if "HX-Request" in request.headers:
        # A piece of a page cannot be the sign-in page; the whole page goes there.
        return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
    address = "/sign-in" if wanted == "/" else f"/sign-in?{urlencode({'next': wanted})}"
    return RedirectResponse(address, 303)
