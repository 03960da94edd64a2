"""What audits cost, and what they may cost a month."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from failure_insights.audit.costs import CostsRow, EstimateRow, costs_of, estimates_of
from failure_insights.store.projects import find_metric
from failure_insights.store.spending import put_cap
from failure_insights.web.api.answers import answer
from failure_insights.web.api.insights import ProjectName
from failure_insights.web.api.request_models import CapBody, Name
from failure_insights.web.auth.api_keys import CallerOf

router = APIRouter(prefix="/api/projects/{project}", tags=["Costs"])


@router.get("/costs/", response_model=CostsRow)
def costs(request: Request, caller: CallerOf, project: ProjectName) -> Response:
    """Return this month against its cap, the next daily audit's estimate, and past months."""
    settings = request.app.state.settings
    with caller.engine.connect() as connection:
        place = caller.project(connection, project)
        return answer(costs_of(connection, settings, place, datetime.now(UTC)))


@router.put("/costs/cap/", response_model=CostsRow)
def put_monthly_cap(
    request: Request, caller: CallerOf, project: ProjectName, body: CapBody
) -> Response:
    """Set what the project's audits may cost in a calendar month, or take the cap off."""
    settings = request.app.state.settings
    with caller.engine.begin() as connection:
        place = caller.project(connection, project)
        put_cap(connection, place.id, body.monthly_cap)
        return answer(costs_of(connection, settings, place, datetime.now(UTC)))


@router.get("/costs/estimate/", response_model=EstimateRow)
def estimate(
    request: Request,
    caller: CallerOf,
    project: ProjectName,
    metric_name: Annotated[Name, Query(description="Name or slug.")],
    window_days: Annotated[
        int | None, Query(ge=1, le=90, description="Days to read, instead of the pool rule.")
    ] = None,
    max_calls: Annotated[
        int | None, Query(ge=1, le=1000, description="Transcripts to read at most.")
    ] = None,
) -> Response:
    """Return what an audit of a metric would cost now, before it is asked for."""
    settings = request.app.state.settings
    with caller.engine.connect() as connection:
        place = caller.project(connection, project)
        metric = find_metric(connection, place.id, metric_name)
        metric.card.require_eligible()
        (row,) = estimates_of(
            connection,
            settings,
            [metric],
            datetime.now(UTC),
            window_days=window_days,
            max_calls=max_calls,
        )
        return answer(row)
