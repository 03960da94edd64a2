"""Themes by themselves: what people do with them, and what was done."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from failure_insights.domain.theme_life import ThemeState, Trend
from failure_insights.store.theme_acts import (
    ThemeChange,
    acts_of,
    change_theme,
    split_calls,
    undo_act,
)
from failure_insights.store.theme_lists import ThemeRow, find_theme, list_themes
from failure_insights.web.api.answer_models import ActList, ThemeList
from failure_insights.web.api.answers import MAX_ID, RequestedPage, answer, page_of
from failure_insights.web.api.insights import ProjectName
from failure_insights.web.api.request_models import Name, SplitBody, ThemeId, ThemePatch, UndoBody
from failure_insights.web.auth.api_keys import CallerOf

router = APIRouter(prefix="/api/projects/{project}/themes", tags=["Themes"])

OwnId = Annotated[ThemeId, Path(description="The same from day to day.")]


@router.get("/", response_model=ThemeList)
def list_(
    request: Request,
    caller: CallerOf,
    project: ProjectName,
    page: RequestedPage,
    metric_name: Annotated[Name | None, Query(description="Name or slug.")] = None,
    state: ThemeState | None = None,
    trend: Trend | None = None,
) -> Response:
    """List themes, the latest seen first. Without `state` and `trend`: those of the last 30 days,
    and those that people watch, resolved or dismissed."""
    with caller.engine.connect() as connection:
        place = caller.project(connection, project)
        listed = list_themes(
            connection, place, page, metric_name=metric_name, state=state, trend=trend
        )
    return page_of(request, page, listed)


@router.get("/{theme_id}/", response_model=ThemeRow)
def read(caller: CallerOf, project: ProjectName, theme_id: OwnId) -> Response:
    """Read one theme."""
    with caller.engine.connect() as connection:
        return answer(find_theme(connection, caller.project(connection, project), theme_id))


@router.patch("/{theme_id}/", response_model=ThemeRow)
def change(caller: CallerOf, project: ProjectName, theme_id: OwnId, body: ThemePatch) -> Response:
    """Watch, resolve, dismiss or activate a theme, rename it, merge it into another, give it an
    owner or a ticket. Each thing that changes is an act, which can be taken back."""
    with caller.engine.begin() as connection:
        place = caller.project(connection, project)
        wanted = ThemeChange(**body.model_dump(exclude={"by"}))
        change_theme(connection, place, theme_id, wanted, body.by or caller.key.name)
        return answer(find_theme(connection, place, theme_id))


@router.post("/{theme_id}/split/", response_model=ThemeRow)
def split(caller: CallerOf, project: ProjectName, theme_id: OwnId, body: SplitBody) -> Response:
    """Split calls off a theme: wherever audits are read they count for another theme, for another
    cause of a title, or for no theme."""
    with caller.engine.begin() as connection:
        place = caller.project(connection, project)
        by = body.by or caller.key.name
        split_calls(
            connection, place, theme_id, body.call_ids, by, title=body.title, into=body.into
        )
        return answer(find_theme(connection, place, theme_id))


@router.get("/{theme_id}/history/", response_model=ActList)
def history(
    request: Request, caller: CallerOf, project: ProjectName, theme_id: OwnId, page: RequestedPage
) -> Response:
    """List what people did with a theme, the newest first."""
    with caller.engine.connect() as connection:
        find_theme(connection, caller.project(connection, project), theme_id)
        return page_of(request, page, acts_of(connection, theme_id, page))


@router.post("/{theme_id}/history/{act_id}/undo/", response_model=ThemeRow)
def undo(
    caller: CallerOf,
    project: ProjectName,
    theme_id: OwnId,
    act_id: Annotated[int, Path(ge=1, le=MAX_ID)],
    body: UndoBody,
) -> Response:
    """Take an act back, unless a later one changed the same."""
    with caller.engine.begin() as connection:
        place = caller.project(connection, project)
        undo_act(connection, place, theme_id, act_id, body.by or caller.key.name)
        return answer(find_theme(connection, place, theme_id))
