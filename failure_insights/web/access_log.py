"""Log the route of each request in uvicorn's access log, instead of its address.

A query may hold the token of a sign-in link, and a path may hold a caller's number.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Written where no route was found, or the request was refused before.
NO_ROUTE = "*"
#: The route of the request that this task answers. Uvicorn logs inside its `send`.
_route: ContextVar[str] = ContextVar("route", default=NO_ROUTE)


class RouteInAccessLog:
    """ASGI middleware that tells the access log which route answered."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_route(message: Message) -> None:
            if message["type"] == "http.response.start":
                _route.set(getattr(scope.get("route"), "path", NO_ROUTE))
            await send(message)

        await self.app(scope, receive, send_with_route)


class _RoutesOnly(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        match record.args:
            case (client, method, _, *rest):
                record.args = (client, method, _route.get(), *rest)
        return True


@contextmanager
def routes_only_in_access_log() -> Iterator[None]:
    """Have uvicorn, whoever started it, log routes instead of addresses while the app runs."""
    logger, routes_only = logging.getLogger("uvicorn.access"), _RoutesOnly()
    logger.addFilter(routes_only)
    try:
        yield
    finally:
        logger.removeFilter(routes_only)
