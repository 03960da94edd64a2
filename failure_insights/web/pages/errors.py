"""Answer errors with pages, and lead to signing in where that is needed."""

import logging
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException

from failure_insights.errors import FailureInsightsError
from failure_insights.web.pages.html import render_html
from failure_insights.web.statuses import DATABASE_AWAY, status_of

_log = logging.getLogger(__name__)


class SignInNeeded(FailureInsightsError):
    """Nobody is signed in, or not any more."""

    code = "sign_in_needed"


def show_errors(app: FastAPI) -> None:
    """Have the app answer every error with a page."""
    app.add_exception_handler(SignInNeeded, _to_sign_in)
    app.add_exception_handler(FailureInsightsError, _ours)
    app.add_exception_handler(RequestValidationError, _bad_fields)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DataError, _unstorable)
    for kind in DATABASE_AWAY:
        app.add_exception_handler(kind, _database_away)
    app.add_exception_handler(Exception, _unexpected)


def _page(request: Request, status: int, words: str) -> Response:
    """Return a page that says what went wrong."""
    words = words[:1].upper() + words[1:]
    return render_html(request, "problem.html", status, code=status, words=words)


def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, FailureInsightsError)
    return _page(request, status_of(error), str(error))


def _bad_fields(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    words = "; ".join(f"{item['loc'][-1]}: {item['msg']}" for item in error.errors())
    return _page(request, 422, f"This address or form cannot be used: {words}.")


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = "there is no such page" if error.status_code == 404 else error.detail
    return _page(request, error.status_code, words)


def _unstorable(request: Request, _: Exception) -> Response:
    return _page(request, 404, "this address holds a number or character that nothing here has")


def _database_away(request: Request, error: Exception) -> Response:
    # Its words name the database's address, and who asks may not be signed in.
    _log.error("The database did not answer: %s", type(error).__name__)
    return _page(request, 503, "the database does not answer; try again soon")


def _unexpected(request: Request, error: Exception) -> Response:
    # Starlette logs the traceback itself; visitors see no word of it.
    return _page(request, 500, f"this is a fault on our side ({type(error).__name__})")


def _to_sign_in(request: Request, _: Exception) -> Response:
    """Lead to the sign-in page, and from there back to where the visitor wanted to go."""
    if "HX-Request" in request.headers:
        # A piece of a page cannot be the sign-in page; the whole page goes there.
        return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
    target = request.url.path if request.method == "GET" else "/"
    if request.method == "GET" and request.url.query:
        target += f"?{request.url.query}"
    address = "/sign-in" if target == "/" else f"/sign-in?{urlencode({'next': target})}"
    return RedirectResponse(address, 303)
