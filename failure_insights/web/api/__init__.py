"""The HTTP API, a file for each thing that it is about."""

from fastapi import APIRouter

from failure_insights.web.api import calls, cards, insights, observe, webhooks

router = APIRouter()
for part in (insights, calls, cards, observe, webhooks):
    router.include_router(part.router)
