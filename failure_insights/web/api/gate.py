"""Check each API request before a route sees it: its path, its key, its share, its size."""

import re
from collections.abc import Collection

from fastapi import Response
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from failure_insights.store.sources import SourceRow, webhook_at
from failure_insights.web.api.problems import database_away, problem
from failure_insights.web.auth.api_keys import Caller, authenticate, shown_key
from failure_insights.web.auth.rate_limit import RateLimit
from failure_insights.web.statuses import DATABASE_AWAY

#: A source's own address, for providers that sign and can send no key.
_WEBHOOK = re.compile(r"/observability/v1/(?P<kind>[a-z]+)/observe/(?P<address>[\w-]{16})/?", re.A)

#: Counted the larger way, so that no body of 50 MB is refused.
MEGABYTE = 2**20
#: A bulk of calls.
MAX_CALLS_BYTES = 50 * MEGABYTE
#: One call with its transcript, or a metric card with its prompt.
MAX_BODY_BYTES = 10 * MEGABYTE


class Gate:
    """ASGI middleware around the API; the paths that are open to all pass untouched.

    The key is checked first, before a body is read: whoever has none learns nothing else.
    """

    def __init__(self, app: ASGIApp, open_paths: Collection[str], limit: RateLimit) -> None:
        self.app = app
        self.open_paths = open_paths
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self.open_paths:
            return await self.app(scope, receive, send)
        if refusal := await self._admit(scope):
            return await refusal(scope, receive, send)
        allowed = _allowed_bytes(scope)
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > allowed:
            return await _too_large(allowed)(scope, receive, send)
        await self.app(scope, _counted(receive, allowed), send)

    async def _admit(self, scope: Scope) -> Response | None:
        """Settle the path and the caller; return the answer where the request goes no further."""
        try:
            engine, shown = scope["app"].state.engine, shown_key(Headers(scope=scope))
            webhook, caller = await run_in_threadpool(_who, engine, scope["path"], shown)
        except DATABASE_AWAY as error:
            return database_away(error)
        if webhook is None and caller is None:
            return problem(
                401,
                "send an API key that is in force as 'Authorization: Bearer KEY' or as "
                "'X-CEKURA-API-KEY: KEY'; 'failure-insights keys create' makes one",
                headers={"WWW-Authenticate": "Bearer"},
            )
        # Shares of webhooks are counted under negative numbers, which no key has.
        share = -webhook.id if webhook else caller.key.id if caller else 0
        if wait := self.limit.take(share):
            return problem(
                429,
                f"more than {self.limit.per_minute} requests a minute with this key; "
                f"try again in {wait} s",
                headers={"Retry-After": str(wait)},
            )
        if "\x00" in scope["path"]:
            return problem(404, "no name or ID holds the character NUL")
        scope["caller"] = caller
        scope["webhook"] = webhook
        _settle_slash(scope)
        return None


def _who(engine: Engine, path: str, shown: str | None) -> tuple[SourceRow | None, Caller | None]:
    return _webhook_of(engine, path), authenticate(engine, shown)


def _webhook_of(engine: Engine, path: str) -> SourceRow | None:
    """Return the source whose own address this is; its route checks who signed the delivery."""
    match = _WEBHOOK.fullmatch(path)
    if not match:
        return None
    with engine.connect() as connection:
        return webhook_at(connection, match["kind"], match["address"])


def _settle_slash(scope: Scope) -> None:
    """Have every path end with a slash, so that it is one route with it and without.

    An encoded slash at the end belongs to the name before it.
    """
    raw = scope.get("raw_path") or scope["path"].encode()
    if not raw.endswith(b"/"):
        scope["path"] += "/"


def _allowed_bytes(scope: Scope) -> int:
    return MAX_CALLS_BYTES if scope["path"].endswith("/calls/") else MAX_BODY_BYTES


def _too_large(allowed: int) -> Response:
    return problem(413, _too_large_detail(allowed))


def _too_large_detail(allowed: int) -> str:
    return f"the body is larger than {allowed // MEGABYTE} MB; send it in parts"


def _counted(receive: Receive, allowed: int) -> Receive:
    """Return a `receive` that ends a body of unknown length where it grows too large."""
    read = 0

    async def counted() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > allowed:
            raise HTTPException(413, _too_large_detail(allowed))
        return message

    return counted
