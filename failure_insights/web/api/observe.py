"""Cekura's webhook: one call as its clients send it, with its metric results or without."""

import json
from datetime import UTC, datetime

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from failure_insights.errors import BadInput, UnknownName
from failure_insights.ingest.batch import LineResult
from failure_insights.ingest.import_calls import import_calls
from failure_insights.sources import cekura
from failure_insights.sources.fields import NativeCall
from failure_insights.store.access import projects_of_call
from failure_insights.store.calls import CallRow, read_call
from failure_insights.web.api.answer_models import Observed
from failure_insights.web.api.answers import answer
from failure_insights.web.api.request_models import ObserveBody
from failure_insights.web.auth.api_keys import Caller, CallerOf

router = APIRouter(prefix="/observability/v1", tags=["Cekura's webhook"])


@router.post(
    "/observe/",
    status_code=201,
    response_model=Observed,
    responses={200: {"model": Observed, "description": "The call was known before."}},
)
def observe(caller: CallerOf, body: ObserveBody) -> Response:
    """Take one call as Cekura's webhook does. The same call again changes only what differs.

    What is left out of a known call stays as it is, so that results may come afterwards alone.
    """
    sent = cekura.read_call(body.model_dump(exclude_none=True))
    with caller.engine.connect() as connection:
        project = _project_of(connection, caller, body.project, sent)
        known = _known(connection, caller, project, body.call_id)
    call = _whole(sent, known, has_transcript=body.transcript_json is not None)
    result = _import(caller, project, call)
    with caller.engine.connect() as connection:
        place = caller.project(connection, project)
        stored = read_call(connection, place, str(result.call_id))
    return answer(_observed(stored, result), 201 if result.status == "new" else 200)


def _observed(call: CallRow, result: LineResult) -> Observed:
    assert result.status != "rejected"
    return {
        "id": call["id"],
        "call_id": call["call_id"],
        "project": call["project"],
        "agent": call["agent"],
        "timestamp": call["started_at"],
        "call_ended_reason": call["ended_reason"],
        "metadata": call["metadata"],
        "metrics": call["metrics"],
        "status": result.status,
    }


def _import(caller: Caller, project: str, call: NativeCall) -> LineResult:
    results: list[LineResult] = []
    # Through JSON, so that a call is checked as one that comes in a file.
    line = json.dumps(call, default=datetime.isoformat)
    import_calls(caller.engine, [line], project=project, on_line=results.append)
    (result,) = results
    if result.status == "rejected":
        raise BadInput(str(result.reason))
    return result


def _whole(sent: NativeCall, known: CallRow | None, *, has_transcript: bool) -> NativeCall:
    """Return the call to store; what a client left out is as it was, or now for the time."""
    if known:
        return {
            **{name: value for name, value in known.items() if name != "id"},
            **sent,
            "transcript": sent["transcript"] or known["transcript"],
            "metrics": sent.get("metrics", []),
        }
    if not has_transcript:
        raise BadInput("transcript_json is missing, and no call of this ID is there to judge")
    if "agent" not in sent:
        raise BadInput("agent or assistant_id is missing: one of them says whose call this is")
    return {"started_at": datetime.now(UTC), **sent}


def _project_of(connection: Connection, caller: Caller, named: str | None, sent: NativeCall) -> str:
    """Return the project of a call; Cekura's body does not name one, so the key tells.

    Raises:
        UnknownName: no such project, or another key's.
        BadInput: several projects would do, or there is none.
    """
    if named is not None:
        return caller.project_to_fill(connection, named)
    slugs = projects_of_call(connection, caller.key, sent.get("call_id"), sent.get("agent"))
    if len(slugs) == 1:
        return slugs[0]
    raise BadInput(
        "this key sees several projects or none, and the call's ID and agent do not tell which "
        "is meant; name one as 'project', or use a key for one project"
    )


def _known(connection: Connection, caller: Caller, project: str, call_id: str) -> CallRow | None:
    try:
        return read_call(connection, caller.project(connection, project), call_id.strip())
    except UnknownName:
        return None
