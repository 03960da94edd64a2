"""Turning what the store holds into HTML: the templates, their filters and the static files."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from failure_insights.domain.breakdown import METRIC_FINDINGS
from failure_insights.domain.origins import ORIGIN_LABELS
from failure_insights.domain.pools import NOT_ENOUGH_DATA
from failure_insights.web.pages import links
from failure_insights.web.pages.history_line import history_line

MEDIA_TYPES = {
    "app.css": "text/css; charset=utf-8",
    "app.js": "text/javascript; charset=utf-8",
    "htmx.min.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


def render_html(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a template's page; no cache keeps it, since it shows people's calls."""
    dagster_url = request.app.state.settings.dagster_url
    body = _templates().get_template(template).render(dagster_url=dagster_url, **values)
    return HTMLResponse(body, status, {"Cache-Control": "no-store"})


@cache
def static_file(name: str) -> bytes:
    """Return the content of one of `MEDIA_TYPES`."""
    return (files("failure_insights.web") / "static" / name).read_bytes()


@cache
def static_url(name: str) -> str:
    """Return a file's address, which changes with its content so that browsers may keep it."""
    return f"/static/{name}?v={hashlib.sha256(static_file(name)).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a turn's text: quoted by an insight, or between quotes."""

    text: str
    quoted: bool


def spans(content: str, quotes: Sequence[str]) -> list[Span]:
    """Return the text cut at the quotes that stand in it; the pieces make up the text."""
    if not quotes:
        return [Span(content, False)]
    marked = bytearray(len(content))
    for quote in quotes:
        at = content.find(quote) if quote else -1
        if at >= 0:
            marked[at : at + len(quote)] = b"\1" * len(quote)
    pieces, start = [], 0
    for end in range(1, len(content) + 1):
        if end == len(content) or marked[end] != marked[start]:
            pieces.append(Span(content[start:end], bool(marked[start])))
            start = end
    return pieces


def percent(share: float) -> str:
    """Return a share (0 to 1) as whole percent; one that is small but there is not 0 %."""
    return "<1%" if 0 < share < 0.01 else f"{share:.0%}"


def day(value: date) -> str:
    return f"{value.day} {value:%b}"


def moment(value: datetime) -> str:
    return f"{value.day} {value:%b %Y, %H:%M} UTC"


def duration(seconds: float) -> str:
    """Return a duration as people say it."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def brief_id(call_id: str) -> str:
    """Return a long ID without its middle: what tells IDs apart stands at their ends."""
    return call_id if len(call_id) <= 30 else f"{call_id[:14]}…{call_id[-13:]}"


def clock(seconds: float) -> str:
    """Return an offset into a call as `m:ss`."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def code_words(text: str) -> Markup:
    """Return our own prose with what stands between backticks as code."""
    parts = escape(text).split("`")
    for place in range(1, len(parts), 2):
        parts[place] = Markup("<code>{}</code>").format(parts[place])
    return Markup("").join(parts)


def as_json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


class _Environment(Environment):
    """Looks a name up in a row (a dict) as a key first: a page does so 20,000 times, and Jinja's
    own order, attributes first, took a fifth of its time."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


@cache
def _templates() -> Environment:
    environment = _Environment(
        loader=PackageLoader("failure_insights.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "as_json": as_json,
        "brief_id": brief_id,
        "clock": clock,
        "code_words": code_words,
        "day": day,
        "duration": duration,
        "moment": moment,
        "percent": percent,
    }
    environment.globals |= {
        "history_line": history_line,
        "links": links,
        "metric_findings": METRIC_FINDINGS,
        "not_enough_data": NOT_ENOUGH_DATA,
        "origin_labels": ORIGIN_LABELS,
        "plural": plural,
        "spans": spans,
        "static_url": static_url,
    }
    return environment
