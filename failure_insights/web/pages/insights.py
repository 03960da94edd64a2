"""The Insights page: its cards, and Generate."""

from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from failure_insights.domain.metrics import PassRule
from failure_insights.errors import BadInput, UnknownName
from failure_insights.store.access import visible_project, visible_projects
from failure_insights.store.alerts import undelivered
from failure_insights.store.cards import CardRow, read_cards
from failure_insights.store.digests import newest_digest
from failure_insights.store.projects import (
    ProjectRow,
    ViewRow,
    find_metric,
    put_pass_rule,
    views_of,
)
from failure_insights.store.queue import request_audit
from failure_insights.web.pages import links
from failure_insights.web.pages.html import render_html
from failure_insights.web.pages.visitor import Store, VisibleProject, Visitor

router = APIRouter()

#: The event that a page hears when a card's audit is done.
AUDITED = "audited"
#: The phase of a card that the page shows short.
SHORT = "short"
#: Cards of the page that are whole from the beginning. Those after them are loaded as they come
#: into view: 50 whole ones are a page of 977 kB.
WHOLE_CARDS = 8


@router.get("/")
def insights_page(
    request: Request,
    visitor: Visitor,
    connection: Store,
    project: str = "",
    view: str = "",
    whole: bool = False,
) -> Response:
    """The Insights page: one card for each eligible metric of the project."""
    projects = visible_projects(connection, visitor)
    if not projects:
        return render_html(request, "insights.html", projects=[])
    chosen = visible_project(connection, visitor, project) if project else projects[0]
    views = views_of(connection, chosen)
    chosen_view = _view_of(views, view)
    cards = read_cards(connection, chosen, chosen_view)
    return render_html(
        request,
        "insights.html",
        projects=projects,
        project=chosen,
        views=views,
        view=chosen_view,
        cards=cards,
        undelivered=undelivered(connection, chosen.id),
        digest=None if chosen_view else newest_digest(connection, chosen),
        whole_cards=len(cards) if whole else WHOLE_CARDS,
        new=sorted(
            ((card, mode) for card in cards for mode in card.new_themes),
            key=lambda pair: -pair[1]["count"],
        ),
        failing=sum(card.failing for card in cards if card.has_themes),
    )


@router.get("/projects/{project}/metrics/{metric}/card")
def card(
    request: Request,
    connection: Store,
    project: VisibleProject,
    metric: str,
    view: str = "",
    phase: str = "",
) -> Response:
    """One card; nothing (204) while its audit is in the phase that the page shows already.

    A card that the page shows short is news to nobody: it comes without a word to be read out.
    """
    chosen_view = _view_of(views_of(connection, project), view)
    row = _card(connection, project, chosen_view, metric)
    if phase == SHORT:
        return render_html(request, "card.html", project=project, view=chosen_view, card=row)
    if row.phase == phase:
        return Response(status_code=204)
    answer = _render_card(request, project, chosen_view, row)
    if not row.open:
        answer.headers["HX-Trigger"] = AUDITED
    return answer


@router.post("/projects/{project}/metrics/{metric}/audits")
def generate(
    request: Request,
    connection: Store,
    project: VisibleProject,
    metric: str,
    view: Annotated[str, Form()] = "",
    window_days: Annotated[str, Form()] = "",
    max_calls: Annotated[str, Form()] = "",
) -> Response:
    """Ask for an audit, or join the same request while it is open; then show the card."""
    chosen_view = _view_of(views_of(connection, project), view)
    audited = find_metric(connection, project.id, metric)
    audited.card.require_eligible()

    def request_it() -> None:
        days = _number(window_days, "Window", "days", 90)
        calls = _number(max_calls, "Transcripts to read", "calls", 1000)
        request_audit(connection, audited.key, audited.id, audited.card.name, days, calls)

    return _card_after(request, connection, project, chosen_view, audited.slug, request_it)


@router.post("/projects/{project}/metrics/{metric}/rule")
def set_pass_rule(
    request: Request,
    connection: Store,
    project: VisibleProject,
    metric: str,
    rule: Annotated[str, Form(max_length=200)],
    view: Annotated[str, Form()] = "",
) -> Response:
    """Set when a metric's scores pass, which judges what has no verdict; then show the card."""
    chosen_view = _view_of(views_of(connection, project), view)
    judged = find_metric(connection, project.id, metric)

    def set_it() -> None:
        put_pass_rule(connection, project.id, judged.slug, PassRule.parse(rule))

    return _card_after(request, connection, project, chosen_view, judged.slug, set_it)


def _card_after(
    request: Request,
    connection: Connection,
    project: ProjectRow,
    view: ViewRow | None,
    metric: str,
    act: Callable[[], None],
) -> Response:
    """Do what a card's form asks, then show the card, with what was wrong with the form.

    Without htmx the browser is sent to the page, or told what was wrong on a page of its own.
    """
    is_htmx = "HX-Request" in request.headers
    complaint = ""
    try:
        act()
    except BadInput as error:
        if not is_htmx:
            raise
        complaint = str(error)
    if not is_htmx:
        return RedirectResponse(
            links.insights(project.slug, view.slug if view else None, metric), 303
        )
    row = _card(connection, project, view, metric)
    return _render_card(request, project, view, row, complaint)


def _card(connection: Connection, project: ProjectRow, view: ViewRow | None, slug: str) -> CardRow:
    cards = read_cards(connection, project, view, slug)
    if not cards:
        raise UnknownName(f"there is no card for metric {slug!r} here")
    return cards[0]


def _render_card(
    request: Request,
    project: ProjectRow,
    view: ViewRow | None,
    card: CardRow,
    complaint: str = "",
) -> Response:
    """Return one card as a piece of the page, with what was wrong with the form, if anything."""
    status = 422 if complaint else 200
    return render_html(
        request,
        "card_alone.html",
        status,
        project=project,
        view=view,
        card=card,
        complaint=complaint,
    )


def _view_of(views: Sequence[ViewRow], slug: str) -> ViewRow | None:
    """Return the view of that slug; None for no slug, which is all agents."""
    if not slug:
        return None
    for view in views:
        if view.slug == slug:
            return view
    raise UnknownName(f"there is no view {slug!r} in this project")


def _number(given: str, label: str, unit: str, most: int) -> int | None:
    """Return the number of a form's field; None for an empty one, which leaves it to the rule."""
    if not given.strip():
        return None
    if given.strip().isdecimal() and 1 <= int(given) <= most:
        return int(given)
    raise BadInput(f"{label}: give a whole number of {unit} from 1 to {most}, or leave it empty.")
