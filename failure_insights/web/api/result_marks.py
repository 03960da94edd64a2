"""What people say of judges' results: marks, error rates, and what goes to those who relabel."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from failure_insights.domain.result_marks import MarkVerdict
from failure_insights.export.marks import MarkShape, mark_lines
from failure_insights.store.projects import find_metric
from failure_insights.store.result_marks import (
    MarkRow,
    judge_error_rates,
    list_marks,
    mark_result,
    marked_calls,
    take_back_mark,
)
from failure_insights.web.api.answer_models import JudgeErrorRates, MarkList
from failure_insights.web.api.answers import MAX_ID, RequestedPage, answer, page_of
from failure_insights.web.api.examples import MARK_LINE
from failure_insights.web.api.insights import ProjectName
from failure_insights.web.api.request_models import MarkBody, Name, UndoBody
from failure_insights.web.auth.api_keys import CallerOf

router = APIRouter(prefix="/api/projects/{project}/result_marks", tags=["Judges"])

MetricOf = Annotated[Name | None, Query(description="Name, slug or ID of the metric.")]


@router.post("/", response_model=MarkRow, status_code=201)
def mark(caller: CallerOf, project: ProjectName, body: MarkBody) -> Response:
    """Say that a judge's result is wrong, or that it stands: this confirms or rejects a suspected
    judge error or a finding about the metric. Later audits leave a confirmed one out of the pool
    and say how many they left out."""
    with caller.engine.begin() as connection:
        place = caller.project(connection, project)
        row = mark_result(
            connection,
            place,
            body.metric_name,
            body.call_id,
            body.verdict,
            body.by or caller.key.name,
            expected=body.expected,
            note=body.note,
        )
    return answer(row, 201)


@router.get("/", response_model=MarkList)
def list_(
    request: Request,
    caller: CallerOf,
    project: ProjectName,
    page: RequestedPage,
    metric_name: MetricOf = None,
    verdict: MarkVerdict | None = None,
) -> Response:
    """List what people said of results, the newest first."""
    with caller.engine.connect() as connection:
        place = caller.project(connection, project)
        listed = list_marks(connection, place, page, metric_name=metric_name, verdict=verdict)
    return page_of(request, page, listed)


@router.get("/rates/", response_model=JudgeErrorRates)
def rates(
    caller: CallerOf,
    project: ProjectName,
    metric_name: Annotated[Name, Query(description="Name, slug or ID of the metric.")],
) -> Response:
    """Tell how often a metric's judge was wrong, by the week of the calls: the last 12 that have
    any. Only what people marked counts as wrong."""
    with caller.engine.connect() as connection:
        place = caller.project(connection, project)
        metric = find_metric(connection, place.id, metric_name)
        content = JudgeErrorRates(
            metric_name=metric.name, results=judge_error_rates(connection, place, metric.slug)
        )
    return answer(content)


@router.get(
    "/export/",
    response_class=Response,
    responses={
        200: {
            "description": "JSON lines.",
            "content": {
                "application/x-ndjson": {"schema": {"type": "string"}, "example": MARK_LINE}
            },
        }
    },
)
def export(
    caller: CallerOf,
    project: ProjectName,
    metric_name: MetricOf = None,
    verdict: MarkVerdict | None = None,
    shape: MarkShape = "relabel",
) -> Response:
    """Export marked results with their transcripts: `relabel` holds all that is known, `few_shot`
    transcript, right verdict and reason, as examples for a judge's prompt."""
    with caller.engine.connect() as connection:
        place = caller.project(connection, project)
        marks = marked_calls(connection, place, metric_name=metric_name, verdict=verdict)
        content = b"".join(mark_lines(marks, shape))
    return Response(content, media_type="application/x-ndjson")


@router.post("/{mark_id}/undo/", response_model=MarkRow)
def undo(
    caller: CallerOf,
    project: ProjectName,
    mark_id: Annotated[int, Path(ge=1, le=MAX_ID)],
    body: UndoBody,
) -> Response:
    """Take a mark back; the answer is what it was."""
    with caller.engine.begin() as connection:
        place = caller.project(connection, project)
        return answer(take_back_mark(connection, place, mark_id, body.by or caller.key.name))
