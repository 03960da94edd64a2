"""The HTTP API, a file for each thing that it is about."""

from fastapi import APIRouter

from failure_insights.web.api import calls, insights

router = APIRouter()
for part in (insights, calls):
    router.include_router(part.router)
