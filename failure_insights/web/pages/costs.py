"""What audits cost: the page of a project, and the line beside a card's Generate."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from failure_insights.audit.costs import costs_of, estimates_of
from failure_insights.errors import BadInput
from failure_insights.store.projects import find_metric
from failure_insights.store.spending import put_cap
from failure_insights.web.pages import links
from failure_insights.web.pages.html import render_html
from failure_insights.web.pages.visitor import Store, VisibleProject

router = APIRouter()


@router.get("/projects/{project}/costs")
def costs_page(request: Request, connection: Store, project: VisibleProject) -> Response:
    """This month against its cap, what the next daily audit may cost, and past months."""
    settings = request.app.state.settings
    costs = costs_of(connection, settings, project, datetime.now(UTC))
    return render_html(request, "costs.html", project=project, costs=costs)


@router.post("/projects/{project}/costs")
def set_cap(
    connection: Store, project: VisibleProject, cap: Annotated[str, Form(max_length=20)] = ""
) -> Response:
    """Set what the project's audits may cost a month; an empty field takes the cap off."""
    put_cap(connection, project.id, _dollars(cap))
    return RedirectResponse(links.costs(project.slug), 303)


@router.get("/projects/{project}/metrics/{metric}/estimate")
def card_estimate(
    request: Request, connection: Store, project: VisibleProject, metric: str
) -> Response:
    """What an audit of the metric may cost now, as a card says it beside Generate."""
    row = find_metric(connection, project.id, metric)
    settings = request.app.state.settings
    (estimate,) = estimates_of(connection, settings, [row], datetime.now(UTC))
    return render_html(request, "estimate.html", estimate=estimate)


def _dollars(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        dollars = float(text.strip().removeprefix("$").replace(",", ""))
    except ValueError:
        dollars = -1.0
    if not 0 <= dollars < 1e9:
        raise BadInput("Cap: give US dollars a month, such as 50, or leave it empty for none.")
    return dollars
