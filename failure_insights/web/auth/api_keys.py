"""Authenticate callers of the API by the key in a request's headers; limit them to its projects."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPBearer
from sqlalchemy import Connection, Engine
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from failure_insights.domain.metrics import slugify
from failure_insights.errors import UnknownName
from failure_insights.store.access import visible_project
from failure_insights.store.keys import ApiKey, key_in_force
from failure_insights.store.projects import ProjectRow

_bearer = HTTPBearer(auto_error=False, description="An API key: `failure-insights keys create`.")
_cekura = APIKeyHeader(
    name="X-CEKURA-API-KEY", auto_error=False, description="The same key, as Cekura's clients send."
)


@dataclass(frozen=True, slots=True)
class Caller:
    """The key of a request, and the database as it may be seen with that key."""

    key: ApiKey
    engine: Engine

    def project(self, connection: Connection, name: str) -> ProjectRow:
        """Return a project that the caller may see; UnknownName for any other."""
        return visible_project(connection, self.key, name)

    def project_to_fill(self, connection: Connection, name: str) -> str:
        """Return the project that calls of this caller go into, as `import_calls` takes it.

        With a key for all projects a name that is not there yet is a new project's, as in an
        import; UnknownName for any other that the caller may not see.
        """
        try:
            return self.project(connection, name).slug
        except UnknownName:
            if not self.key.all_projects:
                raise
        slugify(name)
        return name


async def _caller(
    request: Request,
    _: Annotated[object, Depends(_bearer)],
    __: Annotated[object, Depends(_cekura)],
) -> Caller:
    caller = request.scope.get("caller")
    if not isinstance(caller, Caller):
        raise HTTPException(401, "this request was not authenticated")
    return caller


#: Every endpoint of the API takes this. The gate has checked the key before (see `auth/gate.py`).
CallerOf = Annotated[Caller, Depends(_caller)]


def shown_key(headers: Headers) -> str | None:
    """Return the key that a request shows, or None: a bearer token or Cekura's header."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return headers.get("x-cekura-api-key")


def authenticate(engine: Engine, shown: str | None) -> Caller | None:
    """Return the caller, or None where no key in force was shown. Nothing is remembered, so that
    a revoked key ends with the request that is under way."""
    if not shown:
        return None
    with engine.connect() as connection:
        key = key_in_force(connection, shown)
    return Caller(key, engine) if key else None
