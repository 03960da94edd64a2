"""Cekura's projects, agents and metrics: list and read them, and write metric cards."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from failure_insights.domain.metrics import MetricCard, PassRule, default_type
from failure_insights.errors import BadInput, UnknownName
from failure_insights.store.paging import Page
from failure_insights.store.projects import ProjectRow, card_of, find_metric, put_metric
from failure_insights.store.seen_rows import project_of_row, seen_agents, seen_metrics
from failure_insights.web.api.answers import MAX_ID, RequestedPage, answer, page_of
from failure_insights.web.api.request_models import Name, Words
from failure_insights.web.auth.api_keys import CallerOf
from failure_insights.web.cekura import rows
from failure_insights.web.cekura.scope import Id, one_project, project_meant, projects_meant

router = APIRouter()

_PROJECTS = "/user/v1/projects"
_AGENTS = ("/test_framework/v1/aiagents", "/test_framework/v2/aiagents")
_METRICS = ("/test_framework/v1/metrics", "/test_framework/v2/metrics")
#: Lists that Cekura gives whole.
_ALL = Page(size=10_000)

RowId = Annotated[int, Path(ge=1, le=MAX_ID)]


class MetricBody(BaseModel):
    """A metric as Cekura's clients write it; fields that a card does not have are ignored."""

    model_config = ConfigDict(extra="ignore")
    name: Name | None = None
    project: int | None = Field(None, ge=1, le=MAX_ID)
    type: str | None = None
    eval_type: str | None = None
    prompt: Words | None = None
    description: Words | None = None
    pass_rule: Name | None = None
    about: Words | None = None


@router.get(f"{_PROJECTS}/")
def projects(caller: CallerOf) -> Response:
    """List the projects that the key sees."""
    with caller.engine.connect() as connection:
        return answer([rows.project(row) for row in projects_meant(connection, caller)])


@router.get(f"{_PROJECTS}/{{number:int}}/")
def project(caller: CallerOf, number: RowId) -> Response:
    """Read one project."""
    with caller.engine.connect() as connection:
        return answer(rows.project(project_meant(connection, caller, number)))


@router.get(f"{_AGENTS[0]}/")
@router.get(f"{_AGENTS[1]}/")
def agents(
    request: Request, caller: CallerOf, page: RequestedPage, project_id: Id | None = None
) -> Response:
    """List agents by project and name."""
    with caller.engine.connect() as connection:
        places = projects_meant(connection, caller, project_id)
        found = seen_agents(connection, places, page)
    return page_of(request, page, found.of(rows.agent))


@router.get(f"{_AGENTS[1]}/short_list/")
def short_list(caller: CallerOf, project_id: Id | None = None) -> Response:
    """List the IDs and names of agents."""
    with caller.engine.connect() as connection:
        found = seen_agents(connection, projects_meant(connection, caller, project_id), _ALL)
    return answer([{"id": row.id, "name": row.name} for row in found.rows])


@router.get(f"{_AGENTS[0]}/{{number:int}}/")
@router.get(f"{_AGENTS[1]}/{{number:int}}/")
def agent(caller: CallerOf, number: RowId) -> Response:
    """Read one agent."""
    with caller.engine.connect() as connection:
        place = project_of_row(connection, caller.key, "agent", number)
        (row,) = seen_agents(connection, [place], Page(), number).rows
    return answer(rows.agent(row))


@router.get(f"{_METRICS[0]}/")
def metrics(
    caller: CallerOf,
    project_id: Id | None = None,
    project: Id | None = None,
    agent_id: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
) -> Response:
    """List metric cards by project and name."""
    with caller.engine.connect() as connection:
        places = projects_meant(connection, caller, project_id, project)
        found = seen_metrics(connection, places, _ALL, agent_id=agent_id)
    return answer([rows.metric(row) for row in found.rows])


@router.get(f"{_METRICS[1]}/")
def metrics_in_pages(
    request: Request,
    caller: CallerOf,
    page: RequestedPage,
    project_id: Id | None = None,
    agent_id: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
) -> Response:
    """List metric cards by project and name, in pages."""
    with caller.engine.connect() as connection:
        places = projects_meant(connection, caller, project_id)
        found = seen_metrics(connection, places, page, agent_id=agent_id)
    return page_of(request, page, found.of(rows.metric))


@router.post(f"{_METRICS[0]}/", status_code=201)
@router.post(f"{_METRICS[1]}/", status_code=201)
def create_metric(caller: CallerOf, body: MetricBody) -> Response:
    """Make a metric's card."""
    if body.name is None:
        raise BadInput("name is missing: results come in under it")
    with caller.engine.begin() as connection:
        place = one_project(connection, caller, body.project)
        if metric := _metric_named(connection, place, body.name):
            raise BadInput(f"there is a metric {body.name!r} already, of ID {metric}; update it")
        card = _changed(MetricCard(body.name, default_type(body.name)), body)
        stored = put_metric(connection, place.id, card)
        return answer(_metric(connection, place, stored.id), 201)


@router.get(f"{_METRICS[0]}/{{number:int}}/")
@router.get(f"{_METRICS[1]}/{{number:int}}/")
def metric(caller: CallerOf, number: RowId) -> Response:
    """Read one metric's card."""
    with caller.engine.connect() as connection:
        place = project_of_row(connection, caller.key, "metric", number)
        return answer(_metric(connection, place, number))


@router.patch(f"{_METRICS[0]}/{{number:int}}/")
@router.patch(f"{_METRICS[1]}/{{number:int}}/")
def update_metric(caller: CallerOf, number: RowId, body: MetricBody) -> Response:
    """Change the fields of a card that are sent; its name stays, since results come in under it."""
    with caller.engine.begin() as connection:
        place = project_of_row(connection, caller.key, "metric", number)
        (row,) = seen_metrics(connection, [place], Page(), number).rows
        if body.name not in (None, row.name):
            raise BadInput(f"metric {row.name!r} keeps its name: its results come in under it")
        put_metric(connection, place.id, _changed(card_of(row), body))
        return answer(_metric(connection, place, number))


@router.get("/test_framework/v1/predefined-metrics/")
def predefined_metrics(caller: CallerOf) -> Response:  # noqa: ARG001
    """List the predefined metrics that are known by name."""
    return answer(rows.predefined_metrics())


def _metric(connection: Connection, place: ProjectRow, number: int) -> dict[str, Any]:
    (row,) = seen_metrics(connection, [place], Page(), number).rows
    return rows.metric(row)


def _metric_named(connection: Connection, place: ProjectRow, name: str) -> int | None:
    try:
        return find_metric(connection, place.id, name).id
    except UnknownName:
        return None


def _changed(card: MetricCard, body: MetricBody) -> MetricCard:
    """Return the card with the fields that were sent."""
    changes: dict[str, Any] = {
        field: value
        for field in ("prompt", "description", "about")
        if (value := getattr(body, field)) is not None
    }
    if body.pass_rule is not None:
        changes["pass_rule"] = str(PassRule.parse(body.pass_rule))
    if body.type is not None:
        changes["type"] = _one_of(rows.METRIC_TYPES, "type", body.type)
    if body.eval_type is not None:
        changes["score_type"] = _one_of(rows.SCORE_TYPES, "eval_type", body.eval_type)
    return replace(card, **changes)


def _one_of(known: Any, field: str, given: str) -> Any:
    if given not in known:
        raise BadInput(f"{field} {given[:40]!r} is not one of {', '.join(known)}")
    return known[given]
