"""Cekura's insights: ask for audits, read their rows, and count what failed over time."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from failure_insights.audit.costs import estimates_of
from failure_insights.errors import BadInput, UnknownName
from failure_insights.store.failure_counts import Scope, metric_counts
from failure_insights.store.insight_lists import find_insight
from failure_insights.store.insight_rows import InsightRow
from failure_insights.store.paging import Page
from failure_insights.store.projects import MetricRow, eligible_pairs, find_metric, metric_of_id
from failure_insights.store.queue import delete_insight, request_audit
from failure_insights.store.read_insights import insight_rows
from failure_insights.store.seen_rows import (
    CallFilter,
    call_numbers,
    insight_dates,
    project_of_row,
    seen_calls,
    seen_insights,
)
from failure_insights.web.api.answers import MAX_ID, answer
from failure_insights.web.api.request_models import MaxCalls, Name, WindowDays
from failure_insights.web.auth.api_keys import Caller, CallerOf
from failure_insights.web.cekura import rows
from failure_insights.web.cekura.predefined import PREDEFINED
from failure_insights.web.cekura.scope import (
    Id,
    ScopeMeant,
    one_project,
    project_meant,
    projects_meant,
)

INSIGHTS = "/observability/v1/metric-failure-mode-insights"

router = APIRouter(prefix=INSIGHTS)

#: Rows of one answer; Cekura's lists of insights have no pages, so these come on request only.
MOST_INSIGHTS = 100
#: Cekura counts this far back where no range is named.
DEFAULT_RANGE = timedelta(hours=24)

InsightId = Annotated[int, Path(ge=1, le=MAX_ID)]
ModeIndex = Annotated[int, Query(ge=0, le=5)]


class Generate(BaseModel):
    """Asks for one audit: of the metric of an ID, or of a project's metric of a name."""

    model_config = ConfigDict(extra="ignore")
    project: int | None = Field(None, ge=1, le=MAX_ID)
    metric: int | None = Field(None, ge=1, le=MAX_ID)
    predefined_metric: int | None = None
    metric_name: Name | None = None
    window_days: WindowDays | None = None
    max_calls: MaxCalls | None = None


class BulkGenerate(BaseModel):
    """Asks for an audit of every metric of a project that is audited, or of these."""

    model_config = ConfigDict(extra="ignore")
    project: int | None = Field(None, ge=1, le=MAX_ID)
    metric_names: list[Name] | None = Field(None, max_length=1000)


@router.get("/")
def list_(
    caller: CallerOf,
    project: Id | None = None,
    project_id: Id | None = None,
    metric: Id | None = None,
    metric_id: Id | None = None,
    metric_name: Name | None = None,
    date: date | None = None,
    latest_only: bool = False,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
) -> Response:
    """List insights, newest first, 100 a page."""
    with caller.engine.connect() as connection:
        found = seen_insights(
            connection,
            projects_meant(connection, caller, project, project_id),
            Page(page, MOST_INSIGHTS),
            metric_id=metric if metric is not None else metric_id,
            metric_name=metric_name,
            day=date,
            latest_only=latest_only,
        )
        return answer(shaped(connection, found))


@router.get("/available_dates/")
def available_dates(
    caller: CallerOf, project: Id | None = None, project_id: Id | None = None
) -> Response:
    """List the dates that have an insight with themes, newest first."""
    with caller.engine.connect() as connection:
        projects = projects_meant(connection, caller, project, project_id)
        return answer({"dates": insight_dates(connection, projects)})


@router.get("/failure-rates/")
def failure_rates(
    caller: CallerOf,
    scope: ScopeMeant,
    project: Id | None = None,
    project_id: Id | None = None,
    metric_name: Name | None = None,
) -> Response:
    """Return the percentage of judged calls that failed each metric; default: of 24 hours."""
    end = scope.end or datetime.now(UTC)
    start = scope.start or end - DEFAULT_RANGE
    with caller.engine.connect() as connection:
        place = one_project(connection, caller, project, project_id)
        metric_id = metric_name and find_metric(connection, place.id, metric_name).id
        counts = metric_counts(
            connection, place, Scope(start, end, scope.agent_ids), metric_id or None
        )
    return answer(
        {
            "project": place.id,
            "date_from": start,
            "date_to": end,
            "failure_rates": [
                {
                    "metric": count.metric_id,
                    "metric_name": count.name,
                    "evaluated_calls": count.judged,
                    "failed_calls": count.failed,
                    # Null, not 0: nobody judged a call.
                    "failure_rate": round(100 * count.failed / count.judged, 2)
                    if count.judged
                    else None,
                }
                for count in counts
            ],
        }
    )


@router.get("/pricing/")
def pricing(
    request: Request, caller: CallerOf, project: Id | None = None, project_id: Id | None = None
) -> Response:
    """Return what an audit of each metric would cost now, in US dollars instead of credits."""
    settings = request.app.state.settings
    with caller.engine.connect() as connection:
        ids = [place.id for place in projects_meant(connection, caller, project, project_id)]
        metrics = eligible_pairs(connection, ids)
        estimates = estimates_of(connection, settings, metrics, datetime.now(UTC))
    return answer(
        {
            "currency": "USD",
            "model": settings.model if settings.uses_agent else None,
            "metrics": [
                {"metric": metric.id, **estimate}
                for metric, estimate in zip(metrics, estimates, strict=True)
            ],
        }
    )


@router.post("/generate/")
def generate(caller: CallerOf, body: Generate) -> Response:
    """Ask for one audit; the same request while one is open joins it."""
    with caller.engine.begin() as connection:
        metric = _metric_meant(connection, caller, body)
        requested = _request(connection, [metric], body.window_days, body.max_calls)
        return answer(shaped(connection, requested)[0])


@router.post("/bulk_generate/")
def bulk_generate(caller: CallerOf, body: BulkGenerate) -> Response:
    """Ask for an audit of every metric of the project that is audited; return their rows."""
    with caller.engine.begin() as connection:
        place = one_project(connection, caller, body.project)
        if body.metric_names is None:
            metrics = eligible_pairs(connection, [place.id])
        else:
            metrics = [find_metric(connection, place.id, name) for name in body.metric_names]
        return answer(shaped(connection, _request(connection, metrics)))


@router.get("/{insight_id:int}/")
def read(caller: CallerOf, insight_id: InsightId) -> Response:
    """Read one insight; poll it until its status is none of `pending` and `running`."""
    with caller.engine.connect() as connection:
        return answer(shaped(connection, [insight_meant(connection, caller, insight_id)])[0])


@router.delete("/{insight_id:int}/", status_code=204)
def delete(caller: CallerOf, insight_id: InsightId) -> Response:
    """Delete an insight that is done, with its themes of that day."""
    with caller.engine.begin() as connection:
        insight_meant(connection, caller, insight_id)
        if not delete_insight(connection, insight_id):
            raise BadInput(f"insight {insight_id} is under way; delete it when it is done")
    return Response(status_code=204)


@router.get("/{insight_id:int}/failure-mode-agents/")
def failure_mode_agents(
    caller: CallerOf, insight_id: InsightId, index: ModeIndex | None = None
) -> Response:
    """Return the agents of one failure mode's calls, or of all, with counts."""
    with caller.engine.connect() as connection:
        place = project_of_row(connection, caller.key, "insight", insight_id)
        row = find_insight(connection, place, insight_id)
        modes = row["failure_modes"] if index is None else [mode_at(row, index)]
        call_ids = [call for mode in modes for call in mode["call_ids"]]
        which = CallFilter(call_ids=call_ids)
        calls = seen_calls(connection, [place], which, Page(size=len(call_ids) + 1)).rows
    counts = Counter((call.agent_id, call.agent) for call in calls)
    return answer(
        {
            "agents": [
                {"id": agent_id, "name": name, "count": count}
                for (agent_id, name), count in counts.most_common()
            ]
        }
    )


def insight_meant(connection: Connection, caller: Caller, insight_id: int) -> InsightRow:
    """Return the insight of an ID; UnknownName where it is none of the caller's."""
    place = project_of_row(connection, caller.key, "insight", insight_id)
    return find_insight(connection, place, insight_id)


def mode_at(row: InsightRow, index: int) -> Any:
    """Return the failure mode of this index from 0."""
    if index >= len(row["failure_modes"]):
        raise BadInput(f"insight {row['id']} has no failure mode {index}; the first is 0")
    return row["failure_modes"][index]


def shaped(connection: Connection, found: Iterable[InsightRow]) -> list[rows.Insight]:
    """Return insights as Cekura has them."""
    found = list(found)
    numbers: dict[int | None, dict[str, int]] = {}
    for project_id in {row["project_id"] for row in found}:
        of_project = [row for row in found if row["project_id"] == project_id]
        numbers[project_id] = (
            {}
            if project_id is None
            else call_numbers(connection, project_id, rows.call_ids_in(of_project))
        )
    return [rows.insight(row, numbers[row["project_id"]]) for row in found]


def _metric_meant(connection: Connection, caller: Caller, body: Generate) -> MetricRow:
    if body.metric is not None:
        place = project_of_row(connection, caller.key, "metric", body.metric)
        if body.project is not None and project_meant(connection, caller, body.project) != place:
            raise UnknownName(f"there is no metric {body.metric} in project {body.project}")
        return metric_of_id(connection, body.metric)
    name = body.metric_name or PREDEFINED.get(body.predefined_metric or 0)
    if name is None:
        raise BadInput("metric or metric_name is missing: one of them says what to audit")
    return find_metric(connection, one_project(connection, caller, body.project).id, name)


def _request(
    connection: Connection,
    metrics: Iterable[MetricRow],
    window_days: int | None = None,
    max_calls: int | None = None,
) -> list[InsightRow]:
    """Write a request for each metric, or join the open one; return their rows."""
    ids = []
    for metric in metrics:
        metric.card.require_eligible()
        insight_id, _ = request_audit(
            connection, metric.key, metric.id, metric.name, window_days, max_calls
        )
        ids.append(insight_id)
    return insight_rows(connection, ids)
