"""Digests: what is new, grew, regressed or went away, over all metrics of a project."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from failure_insights.audit.digests import make_digest
from failure_insights.domain.pools import date_of
from failure_insights.store.digests import (
    DigestRow,
    find_digest,
    list_digests,
    newest_audited_day,
)
from failure_insights.web.api.answer_models import DigestList
from failure_insights.web.api.answers import MAX_ID, RequestedPage, answer, page_of
from failure_insights.web.api.insights import ProjectName
from failure_insights.web.api.request_models import DigestRequest
from failure_insights.web.auth.api_keys import CallerOf

router = APIRouter(prefix="/api/projects/{project}/digests", tags=["Digests"])


@router.get("/", response_model=DigestList)
def list_(
    request: Request,
    caller: CallerOf,
    project: ProjectName,
    page: RequestedPage,
    days: Annotated[
        int | None, Query(ge=1, le=30, description="Only digests of so many days.")
    ] = None,
) -> Response:
    """List a project's digests, the newest day first."""
    with caller.engine.connect() as connection:
        place = caller.project(connection, project)
        return page_of(request, page, list_digests(connection, place, page, days=days))


@router.get("/{digest_id}/", response_model=DigestRow)
def read(
    caller: CallerOf, project: ProjectName, digest_id: Annotated[int, Path(ge=1, le=MAX_ID)]
) -> Response:
    """Read one digest."""
    with caller.engine.connect() as connection:
        return answer(find_digest(connection, caller.project(connection, project), digest_id))


@router.post(
    "/", status_code=201, response_model=DigestRow, responses={201: {"description": "Made."}}
)
def make(request: Request, caller: CallerOf, project: ProjectName, body: DigestRequest) -> Response:
    """Make a digest of the last days, which takes the place of one of the same days."""
    now = datetime.now(UTC)
    with caller.engine.connect() as connection:
        place = caller.project(connection, project)
        day = body.date or newest_audited_day(connection, place.id) or date_of(now)
    row = make_digest(
        caller.engine,
        request.app.state.settings,
        place,
        day,
        now,
        body.days,
        in_words=body.in_words,
    )
    return answer(row, 201)
