"""Asking for an audit, and reading insights."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from failure_insights.store.insight_lists import find_insight, list_insights
from failure_insights.store.insight_rows import InsightRow
from failure_insights.store.projects import find_metric
from failure_insights.store.queue import Status, request_audit
from failure_insights.store.read_insights import insight_rows
from failure_insights.store.sorted_calls import SinceThenRow, nothing_since, since_then
from failure_insights.web.api.answer_models import InsightList
from failure_insights.web.api.answers import MAX_ID, RequestedPage, answer, page_of
from failure_insights.web.api.request_models import InsightRequest, Name
from failure_insights.web.auth.api_keys import CallerOf

router = APIRouter(prefix="/api/projects/{project}/metric_failure_mode_insights", tags=["Insights"])

ProjectName = Annotated[Name, Path(description="Slug, name or ID of the project.")]
ViewName = Annotated[
    Name | None,
    Query(description="Only metrics and calls of this view's agents; shares are of its calls."),
]


@router.post(
    "/",
    status_code=202,
    response_model=InsightRow,
    responses={
        202: {"description": "A new request; `Location` is where to poll."},
        200: {"model": InsightRow, "description": "The same request, open already: joined."},
    },
)
def request_insight(caller: CallerOf, project: ProjectName, body: InsightRequest) -> Response:
    """Ask for one audit. Only the request is written here; Dagster does the work."""
    with caller.engine.begin() as connection:
        place = caller.project(connection, project)
        metric = find_metric(connection, place.id, body.metric_name)
        metric.card.require_eligible()
        insight_id, is_new = request_audit(
            connection,
            metric.key,
            metric.id,
            metric.card.name,
            body.window_days,
            body.max_calls,
        )
        row = insight_rows(connection, [insight_id])[0]
    location = f"/api/projects/{place.slug}/metric_failure_mode_insights/{insight_id}/"
    return answer(row, 202 if is_new else 200, {"Location": location})


@router.get("/", response_model=InsightList)
def list_(
    request: Request,
    caller: CallerOf,
    project: ProjectName,
    requested: RequestedPage,
    metric_name: Annotated[Name | None, Query(description="Name, slug or ID.")] = None,
    status: Status | None = None,
    view: ViewName = None,
    max_id: Annotated[
        int | None,
        Query(ge=1, le=MAX_ID, description="Set by `next`: pages stay still while rows arrive."),
    ] = None,
) -> Response:
    """List insights, newest first. Follow `next` to read each row once while others arrive."""
    page = replace(requested, newest=max_id)
    with caller.engine.connect() as connection:
        listed = list_insights(
            connection,
            caller.project(connection, project),
            page,
            metric_name=metric_name,
            status=status,
            view=view,
        )
    return page_of(request, page, listed)


@router.get("/{insight_id}/since/", response_model=SinceThenRow)
def since(
    caller: CallerOf, project: ProjectName, insight_id: Annotated[int, Path(ge=1, le=MAX_ID)]
) -> Response:
    """Return the failing calls that came after an audit, sorted into its themes; they are in none
    of its sums."""
    with caller.engine.connect() as connection:
        find_insight(connection, caller.project(connection, project), insight_id)
        rows = since_then(connection, [insight_id])
        return answer(rows.get(insight_id) or nothing_since(insight_id))


@router.get("/{insight_id}/", response_model=InsightRow)
def read(
    caller: CallerOf,
    project: ProjectName,
    insight_id: Annotated[int, Path(ge=1, le=MAX_ID)],
    view: ViewName = None,
) -> Response:
    """Read one insight; poll it until its status is none of `pending` and `running`."""
    with caller.engine.connect() as connection:
        place = caller.project(connection, project)
        return answer(find_insight(connection, place, insight_id, view))
