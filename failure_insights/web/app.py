"""The web application: the API, and the dashboard beside it."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response
from sqlalchemy import Engine, text

from failure_insights.settings import Settings, get_settings
from failure_insights.store.opening import open_store
from failure_insights.web.access_log import routes_only_in_access_log
from failure_insights.web.api import router as api
from failure_insights.web.api.answer_models import Health
from failure_insights.web.api.answers import answer
from failure_insights.web.api.docs import router as docs
from failure_insights.web.api.openapi import describe
from failure_insights.web.auth.api_keys import RateLimit
from failure_insights.web.auth.gate import Gate
from failure_insights.web.pages.insights import router as pages
from failure_insights.web.problems import say_problems
from failure_insights.web.security import SecurityHeaders

DESCRIPTION = """Root causes of failing voice-agent calls: ask for an audit, poll its row, read
the failure modes. Every endpoint takes an API key, as a bearer token or as `X-CEKURA-API-KEY`."""


def create_app(engine: Engine | None = None, settings: Settings | None = None) -> FastAPI:
    """Return the application.

    Args:
        engine: the database; default: the settings', brought up to date when the app starts.
        settings: default: the process's.
    """
    settings = settings or get_settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if engine is None:
            app.state.engine = open_store(settings.database_url, settings.home)
            # What start-up made stays for ever; looking through it again at every collection
            # was most of a page's 95th percentile (127 ms, 73 without).
            gc.collect()
            gc.freeze()
        with routes_only_in_access_log():
            yield

    app = FastAPI(
        title="Failure Insights",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        strict_content_type=False,
    )
    app.state.engine = engine
    app.state.settings = settings
    app.add_middleware(
        Gate, engine=lambda: app.state.engine, limit=RateLimit(settings.requests_per_minute)
    )
    app.add_middleware(SecurityHeaders)
    say_problems(app)
    app.include_router(api)
    app.include_router(docs)
    app.include_router(pages)

    @app.get("/healthz", tags=["Health"], response_model=Health)
    def healthz() -> Response:
        """Say whether the API and its database answer. Needs no key."""
        with app.state.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        return answer({"status": "ok"})

    describe(app)
    return app


app = create_app()
