"""The pages' application: sessions, HTML, and errors that are pages too."""

from fastapi import Depends, FastAPI

from failure_insights.settings import Settings
from failure_insights.web.auth.same_origin import require_own_form
from failure_insights.web.pages import (
    alerts,
    audits,
    calls,
    costs,
    digests,
    insights,
    sign_in,
    static_files,
    theme_tests,
)
from failure_insights.web.pages.errors import show_errors


def create_pages(settings: Settings) -> FastAPI:
    """Return the pages; whoever serves them sets `state.engine`."""
    pages = FastAPI(
        openapi_url=None, redirect_slashes=False, dependencies=[Depends(require_own_form)]
    )
    pages.state.settings = settings
    show_errors(pages)
    for part in (
        insights,
        alerts,
        audits,
        calls,
        costs,
        digests,
        theme_tests,
        sign_in,
        static_files,
    ):
        pages.include_router(part.router)
    return pages
