"""Answer API requests: JSON with UTC times, and lists in pages."""

import json
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

import orjson
from fastapi import Depends, Query, Request, Response

from failure_insights.store.paging import Listed, Page
from failure_insights.web.auth.listening import is_loopback

MAX_PAGE_SIZE = 100

#: Postgres' bigint: a higher ID cannot be asked for.
MAX_ID = 2**63 - 1


async def _requested_page(
    page: Annotated[int, Query(ge=1, le=1_000_000, description="From 1.")] = 1,
    page_size: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE, description="Rows a page.")] = 20,
) -> Page:
    return Page(page, page_size)


#: The page of a list that a request asks for.
RequestedPage = Annotated[Page, Depends(_requested_page)]


def answer(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return JSON; times that know no zone are UTC and written with Z."""
    try:
        body = orjson.dumps(content, option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC)
    except TypeError:
        # A stranger's metadata may hold a number of more than 64 bits.
        body = json.dumps(content, default=_text).encode()
    return Response(body, status, headers, media_type="application/json")


def _text(value: Any) -> str:
    return str(orjson.loads(orjson.dumps(value, option=orjson.OPT_UTC_Z)))


def page_of(request: Request, page: Page, listed: Listed[Any]) -> Response:
    """Return one page of a list with links to the next and the one before it."""
    last = page.number * page.size >= listed.total
    content = {
        "count": listed.total,
        "next": None if last else _link(request, page, page.number + 1, listed.newest),
        "previous": None
        if page.number == 1
        else _link(request, page, page.number - 1, listed.newest),
        "results": listed.rows,
    }
    return answer(content)


def _link(request: Request, page: Page, number: int, newest: int | None) -> str:
    query: dict[str, Any] = {"page": number, "page_size": page.size}
    if newest is not None:
        query["max_id"] = newest
    # The path as it is in the scope has its percent-encoding taken off.
    url = request.url.replace(path=quote(request.scope["path"]))
    if not is_loopback(url.hostname or ""):
        # The Host header is whatever the client, or a proxy before us, wrote.
        public = urlsplit(request.app.state.settings.public_url)
        url = url.replace(scheme=public.scheme, netloc=public.netloc)
    return str(url.include_query_params(**query))
