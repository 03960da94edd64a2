"""Answer errors of the API as `application/problem+json` (RFC 9457), never with a traceback."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException

from failure_insights.errors import BadInput, DatabaseUnreachable, FailureInsightsError
from failure_insights.web.api.answer_models import FieldProblem, Problem
from failure_insights.web.statuses import DATABASE_AWAY, status_of

PROBLEM = "application/problem+json"

#: The codes of problems that no error of ours has named.
_CODES: Mapping[int, str] = {
    401: "no_key_in_force",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    422: BadInput.code,
    429: "too_many_requests",
    500: "internal_error",
    503: DatabaseUnreachable.code,
}

_log = logging.getLogger(__name__)


def problem(
    status: int,
    detail: str,
    *,
    code: str | None = None,
    errors: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem.

    Args:
        code: for programs; None: the one that problems of this status have.
        errors: each bad field with the reason.
    """
    body: Problem = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code or _CODES.get(status, f"http_{status}"),
        "detail": detail,
    }
    if errors:
        body["errors"] = [*errors]
    return Response(orjson.dumps(body), status, headers, media_type=PROBLEM)


def say_problems(app: FastAPI) -> None:
    """Have the app answer every error as a problem."""
    app.add_exception_handler(FailureInsightsError, _ours)
    app.add_exception_handler(RequestValidationError, _bad_fields)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DataError, _unstorable)
    for kind in DATABASE_AWAY:
        app.add_exception_handler(kind, _database_away)
    app.add_exception_handler(Exception, _unexpected)


def _ours(_: Request, error: Exception) -> Response:
    assert isinstance(error, FailureInsightsError)
    return problem(status_of(error), str(error), code=error.code)


def _bad_fields(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors: list[FieldProblem] = [
        {"field": ".".join(map(str, item["loc"])), "reason": item["msg"]} for item in error.errors()
    ]
    first = errors[0]
    return problem(422, _printable(f"{first['field']}: {first['reason']}"), errors=errors)


def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    # FastAPI says 400 where a body is no JSON; the API says 422 for all bad input.
    status = 422 if error.status_code == 400 else error.status_code
    return problem(status, _printable(str(error.detail)), headers=error.headers)


def _unstorable(_: Request, __: Exception) -> Response:
    return problem(422, "a value is out of range or holds a character that cannot be stored")


def _database_away(_: Request, error: Exception) -> Response:
    return database_away(error)


def database_away(error: Exception) -> Response:
    """Return the problem for an error of `DATABASE_AWAY`."""
    _log.error("the database did not answer: %s", type(error).__name__)
    return problem(503, "the database does not answer; try again", headers={"Retry-After": "5"})


def _unexpected(_: Request, error: Exception) -> Response:
    # Starlette logs the traceback itself; callers see no word of it.
    return problem(500, f"something went wrong on our side ({type(error).__name__})")


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
