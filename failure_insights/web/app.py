"""The web application: the API for programs and the pages for people, at one address."""

import gc
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.middleware import Middleware
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from failure_insights.settings import Settings, get_settings
from failure_insights.store.opening import open_store
from failure_insights.web.access_log import RouteInAccessLog, routes_only_in_access_log
from failure_insights.web.api.app import API_PARTS, create_api
from failure_insights.web.pages.app import create_pages
from failure_insights.web.security_headers import SecurityHeaders


def create_app(engine: Engine | None = None, settings: Settings | None = None) -> Router:
    """Return both applications as one, for `uvicorn --factory failure_insights.web.app:create_app`.

    Args:
        engine: the database; default: the settings', brought up to date when the app starts.
        settings: default: the process's.
    """
    settings = settings or get_settings()
    api, pages = create_api(settings), create_pages(settings)
    for part in (api, pages):
        part.state.engine = engine

    @asynccontextmanager
    async def lifespan(_: Router) -> AsyncIterator[None]:
        if engine is None:
            api.state.engine = pages.state.engine = open_store(settings.database_url, settings.home)
            # What start-up made stays for ever; looking through it again at every collection
            # was most of a page's 95th percentile (127 ms, 73 without).
            gc.collect()
            gc.freeze()
        with routes_only_in_access_log():
            async with api.state.agent_tools.running():
                yield

    return Router(
        # No route of its own: a Mount would refuse names with a line break.
        default=_ByFirstPart(API_PARTS, api, pages),
        middleware=[Middleware(RouteInAccessLog), Middleware(SecurityHeaders)],
        lifespan=lifespan,
        redirect_slashes=False,
    )


class _ByFirstPart:
    """Sends a request to one application where the first part of its path is one of `parts`, and
    to another for all the rest. Unlike a Mount for each it leaves the path whole, as the OpenAPI
    document has it."""

    def __init__(self, parts: Collection[str], app: FastAPI, otherwise: FastAPI) -> None:
        self.parts = parts
        self.app = app
        self.otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_ours = scope["path"].split("/")[1] in self.parts
        await (self.app if is_ours else self.otherwise)(scope, receive, send)


def __getattr__(name: str) -> ASGIApp:
    """Make `app` when `uvicorn failure_insights.web.app:app` asks for it."""
    if name == "app":
        return create_app()
    raise AttributeError(name)
