"""Whether the API and its database answer."""

from fastapi import APIRouter, Request, Response

from failure_insights.store.database import require_answer
from failure_insights.web.api.answer_models import Health
from failure_insights.web.api.answers import answer

router = APIRouter(tags=["Health"])


@router.get("/healthz", response_model=Health)
def healthz(request: Request) -> Response:
    """Say whether the API and its database answer. Needs no key."""
    with request.app.state.engine.connect() as connection:
        require_answer(connection)
    return answer(Health(status="ok"))
