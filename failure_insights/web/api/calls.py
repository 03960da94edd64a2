"""Calls: taking in many at once, and reading one back."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from failure_insights.store.call_log import read_call
from failure_insights.web.api import models
from failure_insights.web.api.answers import answer
from failure_insights.web.api.insights import ProjectName
from failure_insights.web.keys import CallerOf

router = APIRouter(prefix="/api/projects/{project}/calls", tags=["Calls"])


@router.get("/{call_id:path}/", response_model=models.Call)
def read(
    caller: CallerOf,
    project: ProjectName,
    call_id: Annotated[str, Path(max_length=500, description="May hold slashes.")],
) -> Response:
    """Read a call: its transcript, and what each metric's judge said of it."""
    with caller.engine.connect() as connection:
        return answer(read_call(connection, caller.project(connection, project), call_id))
