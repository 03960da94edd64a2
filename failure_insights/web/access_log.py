"""Uvicorn's access log without anybody's words: which route was asked for, not which call."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

#: What our own addresses are made of; any other part of one is a name, an ID or a stranger's.
ROUTE_WORDS = frozenset(
    {
        *("api", "projects", "metric_failure_mode_insights", "calls", "agents", "metrics", "views"),
        *("observability", "about", "v1", "observe", "insights", "groups", "card", "audits"),
        *("sign-in", "sign-out", "static", "docs", "openapi.json", "healthz"),
    }
)


def route_of(address: str) -> str:
    """Return an address without its query, `*` in place of each name and ID.

    A query may hold the token of a sign-in link, and a path may hold a caller's number.
    """
    path = address.partition("?")[0]
    return "/".join(part if part in ROUTE_WORDS else "*" * bool(part) for part in path.split("/"))


class _RoutesOnly(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        match record.args:
            case (client, method, str(address), *rest):
                record.args = (client, method, route_of(address), *rest)
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
