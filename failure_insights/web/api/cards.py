"""Projects and what belongs to one: agents, metric cards, views."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request, Response

from failure_insights.domain.metrics import MetricCard, PassRule, default_type
from failure_insights.store.insight_lists import Page
from failure_insights.store.project_lists import list_of_project, list_projects
from failure_insights.store.projects import put_metric, put_view
from failure_insights.web.api import card_models
from failure_insights.web.api.answers import AskedPage, answer, page_of
from failure_insights.web.api.insights import ProjectName
from failure_insights.web.api.models import Name
from failure_insights.web.auth.api_keys import CallerOf

router = APIRouter(prefix="/api/projects", tags=["Projects"])

#: Names may hold slashes: "Yes/No" is a metric's name that people write.
OwnName = Annotated[Name, Path(description="Name; a new one makes a new row.")]


@router.get("/", response_model=card_models.ProjectList)
def projects(request: Request, caller: CallerOf, asked: AskedPage) -> Response:
    """List the projects that the key may see."""
    with caller.engine.connect() as connection:
        return page_of(request, asked, list_projects(connection, caller.key, asked))


@router.get("/{project}/agents/", response_model=card_models.AgentList)
def agents(request: Request, caller: CallerOf, project: ProjectName, asked: AskedPage) -> Response:
    """List a project's agents."""
    return _list("agents", request, caller, project, asked)


@router.get("/{project}/metrics/", response_model=card_models.MetricList)
def metrics(request: Request, caller: CallerOf, project: ProjectName, asked: AskedPage) -> Response:
    """List a project's metric cards, with whether each is audited."""
    return _list("metrics", request, caller, project, asked)


@router.get("/{project}/views/", response_model=card_models.ViewList)
def views(request: Request, caller: CallerOf, project: ProjectName, asked: AskedPage) -> Response:
    """List a project's views with their agents."""
    return _list("views", request, caller, project, asked)


@router.put("/{project}/metrics/{name:path}/", response_model=card_models.MetricCard)
def put_metric_card(
    caller: CallerOf, project: ProjectName, name: OwnName, body: card_models.MetricCardBody
) -> Response:
    """Make a metric's card, or replace it. Results that are stored keep their verdict."""
    rule = None if body.pass_rule is None else str(PassRule.parse(body.pass_rule))
    card = MetricCard(
        name=name,
        type=body.type or default_type(name),
        prompt=body.prompt,
        description=body.description,
        pass_rule=rule,
        score_type=body.score_type,
    )
    with caller.engine.begin() as connection:
        place = caller.project(connection, project)
        stored = put_metric(connection, place.id, card)
    return answer(
        {
            "name": stored.card.name,
            "slug": stored.slug,
            "type": stored.card.type,
            "prompt": stored.card.prompt,
            "description": stored.card.description,
            "pass_rule": stored.card.pass_rule,
            "score_type": stored.card.score_type,
            "is_eligible": stored.card.is_eligible,
        }
    )


@router.put("/{project}/views/{name:path}/", response_model=card_models.View)
def put_view_of_agents(
    caller: CallerOf, project: ProjectName, name: OwnName, body: card_models.ViewBody
) -> Response:
    """Make a view, or replace its agents."""
    with caller.engine.begin() as connection:
        place = caller.project(connection, project)
        view = put_view(connection, place.id, name, body.agents)
    return answer({"name": view.name, "slug": view.slug, "agents": view.agents})


def _list(
    what: Literal["agents", "metrics", "views"],
    request: Request,
    caller: CallerOf,
    project: str,
    page: Page,
) -> Response:
    with caller.engine.connect() as connection:
        listed = list_of_project(connection, what, caller.project(connection, project), page)
    return page_of(request, page, listed)
