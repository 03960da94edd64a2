"""One call: its transcript, what each judge said, and what insights quote of it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from failure_insights.domain.calls import Turn
from failure_insights.store.calls import find_call, findings_of_call
from failure_insights.store.projects import ProjectRow
from failure_insights.web.pages.html import render_html
from failure_insights.web.pages.visitor import Store, VisibleProject

router = APIRouter()

#: Characters of a turn that are shown; the rest is folded, unless a quote stands in it.
LONG_TURN = 2_000
AUDIO_WORDS = ("recording", "audio")
#: What failed comes first, and what has no verdict last.
_ORDER: Mapping[bool | None, int] = {False: 0, True: 1, None: 2}


@router.get("/projects/{project}/calls/{call_id:path}")
def call_page(
    request: Request,
    connection: Store,
    project: VisibleProject,
    call_id: str,
    insight: int | None = None,
) -> Response:
    """A call; with an insight, that one's quotes are marked rather than the newest ones'."""
    return _page(request, connection, project, call_id, insight)


@router.get("/projects/{project}/calls")
def call_page_of_odd_id(
    request: Request,
    connection: Store,
    project: VisibleProject,
    call_id: str,
    insight: int | None = None,
) -> Response:
    """A call whose ID no path can carry."""
    return _page(request, connection, project, call_id, insight)


def _page(
    request: Request,
    connection: Connection,
    project: ProjectRow,
    call_id: str,
    insight_id: int | None,
) -> Response:
    call = find_call(connection, project, call_id)
    call_id = call["call_id"]
    quotes: dict[int | None, list[str]] = defaultdict(list)
    findings = findings_of_call(connection, project, call_id, insight_id)
    for finding in findings:
        if finding.quote:
            quotes[finding.turn].append(finding.quote)
    return render_html(
        request,
        "call.html",
        project=project,
        call=call,
        turns=[Turn(**turn) for turn in call["transcript"]],
        quotes=quotes,
        findings={finding.metric_name: finding for finding in findings},
        # What failed is what the reader came for.
        results=sorted(
            call["metrics"], key=lambda result: (_ORDER[result["passed"]], result["name"])
        ),
        audio=next(audio_links(call["metadata"]), None),
        long_turn=LONG_TURN,
    )


def audio_links(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Yield the web addresses that the metadata names as a recording, at any depth."""
    for key, value in metadata.items():
        if isinstance(value, Mapping):
            yield from audio_links(value)
        elif (
            isinstance(value, str)
            and any(word in key.casefold() for word in AUDIO_WORDS)
            and _is_web_address(value)
        ):
            yield value


def _is_web_address(value: str) -> bool:
    try:
        return urlsplit(value).scheme in ("http", "https") and bool(urlsplit(value).netloc)
    except ValueError:
        return False
