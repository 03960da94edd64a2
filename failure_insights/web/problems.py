"""Errors as the API says them: `application/problem+json` (RFC 9457), never a traceback."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from starlette.exceptions import HTTPException

from failure_insights.errors import (
    BadInput,
    DatabaseUnreachable,
    FailureInsightsError,
    NotEligible,
    UnknownName,
)

PROBLEM = "application/problem+json"

_STATUS: Mapping[type[FailureInsightsError], int] = {
    BadInput: 422,
    NotEligible: 422,
    UnknownName: 404,
}

#: The database cannot be asked now, but perhaps soon. Callers are not told where it is.
DATABASE_AWAY = (OperationalError, NoFreeConnection, DatabaseUnreachable)

_log = logging.getLogger(__name__)


def problem(
    status: int,
    detail: str,
    errors: Sequence[Mapping[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem; `errors` names each bad field with the reason."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors is not None:
        body["errors"] = errors
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
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
    return problem(status, str(error))


def _bad_fields(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"field": ".".join(map(str, item["loc"])), "reason": item["msg"]} for item in error.errors()
    ]
    first = errors[0]
    return problem(422, _printable(f"{first['field']}: {first['reason']}"), errors)


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
