"""Who calls: API keys in the request's headers, what they may see, and how often they may ask."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
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


#: Every endpoint of the API takes this. The gate has checked the key before (see `web.gate`).
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


@dataclass(slots=True)
class RateLimit:
    """A bucket a key: `per_minute` requests at once, refilled evenly. Each process has its own."""

    per_minute: int
    clock: Callable[[], float] = time.monotonic
    _buckets: dict[int, tuple[float, float]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def take(self, key_id: int) -> int | None:
        """Count a request; return None, or the seconds to wait where the key has used its share."""
        now = self.clock()
        with self._lock:
            left, then = self._buckets.get(key_id, (float(self.per_minute), now))
            left = min(self.per_minute, left + (now - then) * self.per_minute / 60)
            allowed = left >= 1
            self._buckets[key_id] = (left - 1 if allowed else left, now)
        return None if allowed else math.ceil((1 - left) * 60 / self.per_minute)
