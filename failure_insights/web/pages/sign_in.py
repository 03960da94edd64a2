"""Signing in, by the one-time link or an API key, and signing out."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from failure_insights.store.keys import key_in_force
from failure_insights.store.sessions import end_session
from failure_insights.web.auth.session import SESSION, begin_session, read_session, remove_cookie
from failure_insights.web.auth.sign_in_link import redeem_link
from failure_insights.web.pages.html import render_html
from failure_insights.web.pages.visitor import Store

router = APIRouter()


@router.get("/sign-in")
def sign_in_page(request: Request, token: str = "", next: str = "/") -> Response:
    """Open the one-time link, or show the form for an API key."""
    if not token:
        return _form(request, next)
    if redeem_link(request.app.state.settings, token):
        return begin_session(request, _to("/"), None)
    if read_session(request):
        return _to("/")
    return _form(request, next, "This link has been used, or is more than a day old.")


@router.post("/sign-in")
def sign_in(
    request: Request,
    connection: Store,
    key: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Sign in with an API key."""
    in_force = key_in_force(connection, key.strip())
    if in_force is None:
        return _form(request, next, "No API key in force reads so. It is shown once, when made.")
    return begin_session(request, _to(next if _is_ours(next) else "/"), in_force.id)


@router.post("/sign-out")
def sign_out(request: Request, connection: Store) -> Response:
    """End the session here and in the browser."""
    if session := read_session(request):
        end_session(connection, session.id, SESSION)
    return remove_cookie(_to("/sign-in"))


def _form(request: Request, next: str, complaint: str = "") -> Response:
    status = 401 if complaint else 200
    return render_html(request, "sign_in.html", status, complaint=complaint, next=next)


def _to(address: str) -> Response:
    return RedirectResponse(address, 303)


def _is_ours(address: str) -> bool:
    """Whether an address leads to this site: browsers read `//` and `/\\` as another host."""
    plain = address.isprintable() and "\\" not in address
    return plain and address.startswith("/") and not address.startswith("//")
