"""Cekura's call logs: list, read and delete calls, on both of its versions' paths."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection

from failure_insights.domain.names import row_number
from failure_insights.errors import BadInput
from failure_insights.store.calls import delete_call, find_call
from failure_insights.store.names import ProjectRow
from failure_insights.store.paging import Page
from failure_insights.store.seen_rows import CallFilter, SeenCall, project_of_row, seen_calls
from failure_insights.web.api.answers import MAX_ID, answer, page_of
from failure_insights.web.auth.api_keys import CallerOf
from failure_insights.web.cekura import rows
from failure_insights.web.cekura.scope import Id, moment, projects_meant

router = APIRouter()

CALL_LOGS = ("/observability/v1/call-logs", "/observability/v2/call-logs")
MOST_CALLS = 500

CallNumber = Annotated[int, Path(ge=1, le=MAX_ID)]
Ids = Annotated[str | None, Query(max_length=20_000)]


@router.get(f"{CALL_LOGS[0]}/")
@router.get(f"{CALL_LOGS[1]}/")
def list_(
    request: Request,
    caller: CallerOf,
    project: Id | None = None,
    project_id: Id | None = None,
    agent_id: Id | None = None,
    timestamp_from: str | None = None,
    timestamp_to: str | None = None,
    call_ids: Ids = None,
    success: bool | None = None,
    filters_v2: str | None = None,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    page_size: Annotated[int, Query(ge=1, le=MOST_CALLS)] = 20,
) -> Response:
    """List calls, newest first, without their words."""
    if filters_v2:
        raise BadInput(
            "filters_v2 is not read here; filter by project_id, agent_id, timestamp_from, "
            "timestamp_to, call_ids and success"
        )
    ids = [part.strip() for part in call_ids.split(",")] if call_ids else None
    which = CallFilter(
        agent_id=agent_id,
        start=moment(timestamp_from, "timestamp_from"),
        end=moment(timestamp_to, "timestamp_to", is_end=True),
        call_ids=ids,
        numbers=None if ids is None else [n for n in map(row_number, ids) if n is not None],
        passed=success,
    )
    asked = Page(page, page_size)
    with caller.engine.connect() as connection:
        projects = projects_meant(connection, caller, project, project_id)
        found = seen_calls(connection, projects, which, asked)
    return page_of(request, asked, found.of(rows.call_summary))


@router.get(f"{CALL_LOGS[0]}/{{number:int}}/")
@router.get(f"{CALL_LOGS[1]}/{{number:int}}/")
def read(caller: CallerOf, number: CallNumber) -> Response:
    """Read a call: its transcript, and what each metric's judge said of it."""
    with caller.engine.connect() as connection:
        place = project_of_row(connection, caller.key, "call", number)
        row = call_meant(connection, place, number)
        return answer(rows.call(row, find_call(connection, place, row.call_id)))


@router.delete(f"{CALL_LOGS[0]}/{{number:int}}/", status_code=204)
@router.delete(f"{CALL_LOGS[1]}/{{number:int}}/", status_code=204)
def delete(caller: CallerOf, number: CallNumber) -> Response:
    """Delete a call with its transcript and results, and what insights quote of it."""
    with caller.engine.begin() as connection:
        place = project_of_row(connection, caller.key, "call", number)
        delete_call(connection, place, call_meant(connection, place, number).call_id)
    return Response(status_code=204)


def call_meant(connection: Connection, place: ProjectRow, number: int) -> SeenCall:
    """Return the project's call of this number, which is there."""
    (row,) = seen_calls(connection, [place], CallFilter(numbers=[number]), Page()).rows
    return row
