"""The HTTP API, a file for each thing that it is about."""

from fastapi import APIRouter

from failure_insights.web.api import calls, cards, insights, observe

router = APIRouter()
for part in (insights, calls, cards, observe):
    router.include_router(part.router)
