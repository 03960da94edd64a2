"""Projects and what belongs to one: agents, metric cards, views."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from failure_insights.domain.metrics import MetricCard, PassRule, default_type
from failure_insights.store.access import list_projects
from failure_insights.store.project_lists import (
    MetricCardRow,
    list_agents,
    list_metric_cards,
    list_views,
    metric_card,
)
from failure_insights.store.projects import (
    ViewRow,
    about_project,
    describe_project,
    put_metric,
    put_view,
)
from failure_insights.web.api import answer_models
from failure_insights.web.api.answers import RequestedPage, answer, page_of
from failure_insights.web.api.insights import ProjectName
from failure_insights.web.api.request_models import AboutBody, MetricCardBody, Name, ViewBody
from failure_insights.web.auth.api_keys import CallerOf

router = APIRouter(prefix="/api/projects", tags=["Projects"])

#: Names may hold slashes: "Yes/No" is a metric's name that people write.
OwnName = Annotated[Name, Path(description="Name; a new one makes a new row.")]


@router.get("/", response_model=answer_models.ProjectList)
def projects(request: Request, caller: CallerOf, page: RequestedPage) -> Response:
    """List the projects that the key may see."""
    with caller.engine.connect() as connection:
        return page_of(request, page, list_projects(connection, caller.key, page))


@router.get("/{project}/agents/", response_model=answer_models.AgentList)
def agents(
    request: Request, caller: CallerOf, project: ProjectName, page: RequestedPage
) -> Response:
    """List a project's agents."""
    with caller.engine.connect() as connection:
        place = caller.project(connection, project)
        return page_of(request, page, list_agents(connection, place, page))


@router.get("/{project}/metrics/", response_model=answer_models.MetricList)
def metrics(
    request: Request, caller: CallerOf, project: ProjectName, page: RequestedPage
) -> Response:
    """List a project's metric cards, with whether each is audited."""
    with caller.engine.connect() as connection:
        place = caller.project(connection, project)
        return page_of(request, page, list_metric_cards(connection, place, page))


@router.get("/{project}/views/", response_model=answer_models.ViewList)
def views(
    request: Request, caller: CallerOf, project: ProjectName, page: RequestedPage
) -> Response:
    """List a project's views with their agents."""
    with caller.engine.connect() as connection:
        place = caller.project(connection, project)
        return page_of(request, page, list_views(connection, place, page))


@router.put("/{project}/metrics/{name:path}/", response_model=MetricCardRow)
def put_metric_card(
    caller: CallerOf, project: ProjectName, name: OwnName, body: MetricCardBody
) -> Response:
    """Make a metric's card, or replace it. A new pass rule judges the stored scores that have no
    verdict, or one of an earlier rule; verdicts that came as such stay."""
    rule = None if body.pass_rule is None else str(PassRule.parse(body.pass_rule))
    card = MetricCard(
        name=name,
        type=body.type or default_type(name),
        prompt=body.prompt,
        description=body.description,
        pass_rule=rule,
        score_type=body.score_type,
        about=body.about,
    )
    with caller.engine.begin() as connection:
        place = caller.project(connection, project)
        stored = put_metric(connection, place.id, card)
        return answer(metric_card(connection, place, stored.slug))


@router.put("/{project}/about/", response_model=answer_models.About)
def put_about(caller: CallerOf, project: ProjectName, body: AboutBody) -> Response:
    """Say what the project's agents are supposed to do. Auditors read it with every call."""
    with caller.engine.begin() as connection:
        place = caller.project(connection, project)
        describe_project(connection, place.id, body.about)
        return answer({"about": about_project(connection, place.id)})


@router.get("/{project}/about/", response_model=answer_models.About)
def about(caller: CallerOf, project: ProjectName) -> Response:
    """Return what is written about the project for auditors."""
    with caller.engine.connect() as connection:
        place = caller.project(connection, project)
        return answer({"about": about_project(connection, place.id)})


@router.put("/{project}/views/{name:path}/", response_model=ViewRow)
def put_view_of_agents(
    caller: CallerOf, project: ProjectName, name: OwnName, body: ViewBody
) -> Response:
    """Make a view, or replace its agents."""
    with caller.engine.begin() as connection:
        place = caller.project(connection, project)
        return answer(put_view(connection, place.id, name, body.agents))
