"""The dashboard's router and its first page: Insights, its cards, and Generate."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection
from starlette.exceptions import HTTPException

from failure_insights.errors import BadInput, UnknownName
from failure_insights.store.access import visible_projects
from failure_insights.store.cards import CardRow, read_cards
from failure_insights.store.projects import ProjectRow, ViewRow, find_metric, views_of
from failure_insights.store.queue import request_audit
from failure_insights.web.pages import audits, calls, links, sign_in
from failure_insights.web.pages.html import MEDIA_TYPES, render_html, static_file
from failure_insights.web.pages.page_route import PageRoute, SignedIn, Store, Visitor

#: The event that a page hears when a card's audit is done.
AUDITED = "audited"

pages = APIRouter(route_class=PageRoute, include_in_schema=False)


@pages.get("/")
def insights_page(
    request: Request, who: SignedIn, connection: Store, project: str = "", view: str = ""
) -> Response:
    """The Insights page: one card for each eligible metric of the project."""
    projects = visible_projects(connection, who.key)
    if not projects:
        return render_html(request, "insights.html", projects=[], session=who.session)
    shown = who.project(connection, project) if project else projects[0]
    views = views_of(connection, shown)
    seen_as = _view(views, view)
    cards = read_cards(connection, shown, seen_as)
    return render_html(
        request,
        "insights.html",
        session=who.session,
        projects=projects,
        project=shown,
        views=views,
        view=seen_as,
        cards=cards,
        new=sorted(
            ((card, mode) for card in cards for mode in card.new_themes),
            key=lambda found: -found[1]["count"],
        ),
        failing=sum(card.failing for card in cards if card.has_themes),
    )


@pages.get("/projects/{project}/metrics/{metric}/card")
def card(
    request: Request,
    who: SignedIn,
    connection: Store,
    project: str,
    metric: str,
    view: str = "",
    phase: str = "",
) -> Response:
    """One card; nothing (204) while its audit is in the phase that the page shows already."""
    shown = who.project(connection, project)
    seen_as = _view(views_of(connection, shown), view)
    found = _card(connection, shown, seen_as, metric)
    if found.phase == phase:
        return Response(status_code=204)
    answer = _render_card(request, who, shown, seen_as, found)
    if not found.open:
        answer.headers["HX-Trigger"] = AUDITED
    return answer


@pages.post("/projects/{project}/metrics/{metric}/audits")
def generate(
    request: Request,
    who: SignedIn,
    connection: Store,
    project: str,
    metric: str,
    csrf: Annotated[str, Form()] = "",
    view: Annotated[str, Form()] = "",
    window_days: Annotated[str, Form()] = "",
    max_calls: Annotated[str, Form()] = "",
) -> Response:
    """Ask for an audit, or join the same request while it is open; then show the card."""
    who.session.require_csrf(csrf)
    shown = who.project(connection, project)
    seen_as = _view(views_of(connection, shown), view)
    found = find_metric(connection, shown.id, metric)
    found.card.require_eligible()
    is_htmx = "HX-Request" in request.headers
    try:
        days = _number(window_days, "Window", "days", 90)
        calls = _number(max_calls, "Transcripts to read", "calls", 1000)
    except BadInput as error:
        if not is_htmx:
            raise
        card = _card(connection, shown, seen_as, found.slug)
        return _render_card(request, who, shown, seen_as, card, str(error))
    request_audit(connection, found.key, found.id, found.card.name, days, calls)
    if not is_htmx:
        view_slug = seen_as.slug if seen_as else None
        return RedirectResponse(links.insights(shown.slug, view_slug, found.slug), 303)
    return _render_card(request, who, shown, seen_as, _card(connection, shown, seen_as, found.slug))


def _card(connection: Connection, project: ProjectRow, view: ViewRow | None, slug: str) -> CardRow:
    cards = read_cards(connection, project, view, slug)
    if not cards:
        raise UnknownName(f"there is no card for metric {slug!r} here")
    return cards[0]


def _render_card(
    request: Request,
    who: Visitor,
    project: ProjectRow,
    view: ViewRow | None,
    card: CardRow,
    complaint: str = "",
) -> Response:
    """Return one card as a piece of the page, with what was wrong with the form, if anything."""
    return render_html(
        request,
        "card_alone.html",
        422 if complaint else 200,
        session=who.session,
        project=project,
        view=view,
        card=card,
        complaint=complaint,
    )


def _view(views: list[ViewRow], slug: str) -> ViewRow | None:
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


@pages.get("/static/{name}")
def static(name: str) -> Response:
    """A style sheet or script; its address changes with its content, so it is kept for a year."""
    if name not in MEDIA_TYPES:
        raise HTTPException(404, f"there is no file {name!r} here")
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(static_file(name), media_type=MEDIA_TYPES[name], headers=headers)


router = APIRouter()
for part in (pages, audits.router, calls.router, sign_in.router):
    router.include_router(part)
