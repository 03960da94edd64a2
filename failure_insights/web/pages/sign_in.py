"""Signing in, by the one-time link or an API key, and signing out."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from failure_insights.store.keys import key_in_force
from failure_insights.web.auth.session import (
    ForgedForm,
    end_session,
    keep_session,
    new_session,
    read_session,
    redeem_link,
)
from failure_insights.web.pages.html import render_html
from failure_insights.web.pages.page_route import PageRoute, Store

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/sign-in")
def sign_in_page(request: Request, token: str = "", next: str = "/") -> Response:
    """Open the one-time link, or show the form for an API key."""
    if token:
        if redeem_link(request.app.state.settings, token):
            return keep_session(request, _to("/"), new_session(signed_in=True))
        session = read_session(request)
        if session and session.signed_in:
            return _to("/")
        return _form(request, next, "This link has been used, or is more than a day old.")
    return _form(request, next)


@router.post("/sign-in")
def sign_in(
    request: Request,
    connection: Store,
    key: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """Sign in with an API key."""
    session = read_session(request)
    if session is None:
        return _form(request, next, "Your browser sent no cookie; allow cookies for this site.")
    session.require_csrf(csrf)
    found = key_in_force(connection, key.strip())
    if found is None:
        return _form(request, next, "No API key in force reads so. It is shown once, when made.")
    opened = new_session(signed_in=True, key_id=found.id)
    return keep_session(request, _to(next if _is_ours(next) else "/"), opened)


@router.post("/sign-out")
def sign_out(request: Request, csrf: Annotated[str, Form()] = "") -> Response:
    """End the session in this browser."""
    session = read_session(request)
    if session is None:
        return _to("/sign-in")
    if not session.signed_in:
        raise ForgedForm("You are not signed in.")
    session.require_csrf(csrf)
    return end_session(_to("/sign-in"))


def _form(request: Request, next: str, complaint: str = "") -> Response:
    session = read_session(request) or new_session()
    response = render_html(
        request,
        "sign_in.html",
        401 if complaint else 200,
        complaint=complaint,
        next=next,
        csrf=session.csrf_token,
        session=None,
    )
    return keep_session(request, response, session)


def _to(address: str) -> Response:
    return RedirectResponse(address, 303)


def _is_ours(address: str) -> bool:
    """Whether an address leads to this site: browsers read `//` and `/\\` as another host."""
    plain = address.isprintable() and "\\" not in address
    return plain and address.startswith("/") and not address.startswith("//")
