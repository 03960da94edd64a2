"""Serve the style sheet, the scripts and the icon; their addresses change with their content."""

import hashlib
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Response
from starlette.exceptions import HTTPException

router = APIRouter()

MEDIA_TYPES = {
    "app.css": "text/css; charset=utf-8",
    "app.js": "text/javascript; charset=utf-8",
    "htmx.min.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


@router.get("/static/{name}")
def static(name: str) -> Response:
    """A style sheet or script; its address changes with its content, so it is kept for a year."""
    if name not in MEDIA_TYPES:
        raise HTTPException(404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(_content(name), media_type=MEDIA_TYPES[name], headers=headers)


@cache
def static_url(name: str) -> str:
    """Return a file's address, which changes with its content so that browsers may keep it."""
    return f"/static/{name}?v={hashlib.sha256(_content(name)).hexdigest()[:12]}"


@cache
def _content(name: str) -> bytes:
    """Return the content of one of `MEDIA_TYPES`."""
    return (files("failure_insights.web") / "static" / name).read_bytes()
