"""Cekura's Deep Research: our digest of a project's days, over all metrics, on request."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from failure_insights.audit.digests import make_digest
from failure_insights.domain.pools import date_of
from failure_insights.errors import UnknownName
from failure_insights.store.digests import (
    DigestRow,
    delete_digest,
    find_digest,
    list_digests,
    newest_audited_day,
)
from failure_insights.store.paging import Page
from failure_insights.store.projects import ProjectRow
from failure_insights.store.seen_rows import call_numbers, project_of_row
from failure_insights.store.theme_acts import ThemeChange, change_theme
from failure_insights.web.api.answers import MAX_ID, answer
from failure_insights.web.api.request_models import Words
from failure_insights.web.auth.api_keys import CallerOf
from failure_insights.web.cekura.scope import Id, one_project, projects_meant

router = APIRouter(prefix="/observability/v1/deep-research-insights")

#: Digests of each project that one answer holds.
MOST_DIGESTS = 100
#: Cekura's own default.
DEFAULT_DAYS = 7

DigestId = Annotated[int, Path(ge=1, le=MAX_ID)]


class Generate(BaseModel):
    """Asks for a digest of the last days. A focus is not followed: all that changed is told."""

    model_config = ConfigDict(extra="ignore")
    project: int | None = Field(None, ge=1, le=MAX_ID)
    window_days: int = Field(DEFAULT_DAYS, ge=1, le=30)
    focus: str = Field("", max_length=2_000)


class Dismissal(BaseModel):
    """Dismisses what a digest tells under a title, for the whole project."""

    model_config = ConfigDict(extra="ignore")
    project: int | None = Field(None, ge=1, le=MAX_ID)
    mode_title: str = Field(min_length=1, max_length=500)
    insight: int | None = Field(None, ge=1, le=MAX_ID)
    note: Words | None = None


@router.get("/")
def list_(caller: CallerOf, project: Id | None = None, project_id: Id | None = None) -> Response:
    """List digests, the newest day of each project first."""
    with caller.engine.connect() as connection:
        places = projects_meant(connection, caller, project, project_id)
        found = [
            _shaped(connection, place, row)
            for place in places
            for row in list_digests(connection, place, Page(size=MOST_DIGESTS)).rows
        ]
    return answer(found)


@router.get("/pricing/")
def pricing(caller: CallerOf) -> Response:  # noqa: ARG001
    """Return what a digest costs on request: nothing, since it counts what audits found."""
    return answer({"currency": "USD", "low": 0.0, "high": 0.0, "model": None})


@router.post("/generate/")
def generate(request: Request, caller: CallerOf, body: Generate) -> Response:
    """Make a digest of the last days; it is there at once."""
    now = datetime.now(UTC)
    with caller.engine.connect() as connection:
        place = one_project(connection, caller, body.project)
        day = newest_audited_day(connection, place.id) or date_of(now)
    settings = request.app.state.settings
    row = make_digest(caller.engine, settings, place, day, now, body.window_days, in_words=False)
    with caller.engine.connect() as connection:
        shaped = _shaped(connection, place, row)
    return answer({**shaped, "focus": body.focus, "focus_fallback": bool(body.focus)})


@router.post("/dismiss_mode/")
def dismiss_mode(caller: CallerOf, body: Dismissal) -> Response:
    """Dismiss the themes that a digest tells under a title; each can be taken back."""
    with caller.engine.begin() as connection:
        place = one_project(connection, caller, body.project)
        if body.insight is None:
            digests = list_digests(connection, place, Page(size=MOST_DIGESTS)).rows
        else:
            digests = [find_digest(connection, place, body.insight)]
        theme_ids = {
            theme["theme_id"]
            for digest in digests
            for story in digest["stories"]
            if story["title"] == body.mode_title
            for theme in story["themes"]
        }
        if not theme_ids:
            raise UnknownName(f"no digest tells of {body.mode_title[:80]!r}")
        change = ThemeChange(state="dismissed", reason="other", note=body.note or "")
        for theme_id in sorted(theme_ids):
            change_theme(connection, place, theme_id, change, caller.key.name)
    return answer({"mode_title": body.mode_title, "dismissed_theme_ids": sorted(theme_ids)})


@router.get("/{digest_id:int}/")
def read(caller: CallerOf, digest_id: DigestId) -> Response:
    """Read one digest."""
    with caller.engine.connect() as connection:
        place = project_of_row(connection, caller.key, "digest", digest_id)
        return answer(_shaped(connection, place, find_digest(connection, place, digest_id)))


@router.delete("/{digest_id:int}/", status_code=204)
def delete(caller: CallerOf, digest_id: DigestId) -> Response:
    """Delete a digest; its themes stay."""
    with caller.engine.begin() as connection:
        project_of_row(connection, caller.key, "digest", digest_id)
        delete_digest(connection, digest_id)
    return Response(status_code=204)


def _shaped(connection: Connection, place: ProjectRow, row: DigestRow) -> Mapping[str, Any]:
    """Return a digest as Cekura has its Deep Research."""
    calls = {call for story in row["stories"] for call in story["call_ids"]}
    numbers = call_numbers(connection, place.id, calls)
    return {
        "id": row["id"],
        "project": place.id,
        "status": "succeeded",
        "window_days": row["days"],
        "max_calls": None,
        "focus": "",
        "focus_fallback": False,
        "window_start": row["window_end"] - timedelta(days=row["days"]),
        "window_end": row["window_end"],
        "num_calls_analyzed": row["failing_calls"],
        "headline": row["headline"],
        "failure_modes": [
            {
                "title": story["title"],
                "details": f"{story['kind']}; {story['suggested_fix']}".removesuffix("; "),
                "severity": story["themes"][0]["severity"],
                "count": story["count"],
                "metrics": story["metrics"],
                "theme_ids": [theme["theme_id"] for theme in story["themes"]],
                "call_log_ids": [numbers[c] for c in story["call_ids"] if c in numbers],
                "call_ids": story["call_ids"],
            }
            for story in row["stories"]
        ],
        "error_message": "",
        "created_at": row["made_at"],
        "updated_at": row["made_at"],
    }
