"""The API's application: keys, JSON, problems, and its own OpenAPI document and docs page."""

from collections.abc import Iterable

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from failure_insights.settings import Settings
from failure_insights.web.agent_tools.http import PART, add_agent_tools
from failure_insights.web.api import (
    alerts,
    calls,
    cards,
    costs,
    digests,
    docs,
    health,
    insights,
    observe,
    result_marks,
    theme_tests,
    themes,
    webhooks,
)
from failure_insights.web.api.gate import Gate
from failure_insights.web.api.openapi import describe
from failure_insights.web.api.problems import say_problems
from failure_insights.web.auth.rate_limit import RateLimit
from failure_insights.web.cekura.routers import ROUTERS as CEKURA

_DESCRIPTION = """Root causes of failing voice-agent calls: ask for an audit, poll its row, read
the failure modes. Every endpoint takes an API key, as a bearer token or as `X-CEKURA-API-KEY`."""
_DOCUMENT = "/openapi.json"

#: Endpoints that take a key or a signature, and those that are open to all.
_KEYED = (
    insights.router,
    themes.router,
    theme_tests.router,
    result_marks.router,
    calls.router,
    cards.router,
    costs.router,
    digests.router,
    alerts.router,
    observe.router,
    webhooks.router,
)
_OPEN = (health.router, docs.router)


def _paths(routers: Iterable[APIRouter]) -> set[str]:
    routes = (route for router in routers for route in router.routes)
    return {route.path for route in routes if isinstance(route, APIRoute)}


_OPEN_PATHS = {_DOCUMENT, *_paths(_OPEN)}
#: The first parts of all paths of the API; no page's path begins with one.
API_PARTS = {path.split("/")[1] for path in _OPEN_PATHS | _paths((*_KEYED, *CEKURA))} | {PART}


def create_api(settings: Settings) -> FastAPI:
    """Return the API; whoever serves it sets `state.engine`."""
    api = FastAPI(
        title="Failure Insights",
        version="1",
        description=_DESCRIPTION,
        openapi_url=_DOCUMENT,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        strict_content_type=False,
    )
    api.state.settings = settings
    api.add_middleware(Gate, open_paths=_OPEN_PATHS, limit=RateLimit(settings.requests_per_minute))
    say_problems(api)
    for part in (*_KEYED, *_OPEN):
        api.include_router(part)
    for part in CEKURA:
        api.include_router(part, include_in_schema=False)
    add_agent_tools(api)
    describe(api)
    return api
