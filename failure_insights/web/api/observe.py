"""Cekura's webhook: one call as its clients send it, with its metric results or without."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from sqlalchemy import Connection

from failure_insights.errors import BadInput, UnknownName
from failure_insights.ingest.payloads import store_calls
from failure_insights.ingest.report import ImportReport
from failure_insights.sources import cekura, native, times
from failure_insights.sources.fields import NativeCall
from failure_insights.sources.reading import Losses
from failure_insights.store.calls import CallRow, read_call
from failure_insights.web.api.answer_models import Observed
from failure_insights.web.api.answers import answer
from failure_insights.web.api.call_places import agent_named, project_of_call
from failure_insights.web.api.examples import OBSERVE_FORM
from failure_insights.web.api.request_bodies import object_of_body
from failure_insights.web.api.request_models import ObserveBody
from failure_insights.web.auth.api_keys import Caller, CallerOf

router = APIRouter(prefix="/observability/v1", tags=["Cekura's webhook"])


#: Fields of Cekura's that we have no column for.
_AS_METADATA = ("customer_number", "dynamic_variables", "feedback", "trace_id")
#: Fields that ask Cekura to do what is not done here; the answer names them.
_IGNORED = ("redact_fields", "metric_ids")
#: Fields of a stored call that no call is sent with.
_OUR_NUMBERS = ("id", "project_id", "agent_id")

_SCHEMA = {"$ref": "#/components/schemas/ObserveBody"}
_BODY = {
    "required": True,
    "content": {
        "application/json": {"schema": _SCHEMA},
        "multipart/form-data": {"schema": _SCHEMA, "example": OBSERVE_FORM},
    },
}


async def _sent(request: Request) -> ObserveBody:
    """Return what a client sent, as JSON or as a form."""
    fields = await object_of_body(request)
    try:
        return ObserveBody.model_validate(fields)
    except ValidationError as error:
        problems = [{**item, "loc": ("body", *item["loc"])} for item in error.errors()]
        raise RequestValidationError(problems) from None


@router.post(
    "/observe/",
    status_code=201,
    response_model=Observed,
    responses={200: {"model": Observed, "description": "The call was known before."}},
    openapi_extra={"requestBody": _BODY},
)
def observe(caller: CallerOf, body: Annotated[ObserveBody, Depends(_sent)]) -> Response:
    """Take one call as Cekura's webhook does, as JSON or as form data. The same call again changes
    only what differs.

    What is left out of a known call stays as it is, so that results may come afterwards alone.
    """
    losses = Losses()
    sent = cekura.read_call(_as_cekura_sends(body), losses)
    with caller.engine.connect() as connection:
        project = project_of_call(
            connection, caller, body.project, sent.get("call_id"), sent.get("agent")
        )
        known = _known(connection, caller, project, body.call_id)
        if "agent" in sent:
            sent["agent"] = agent_named(connection, caller, project, str(sent["agent"]))
    call = _whole(sent, known, has_transcript=body.transcript_json is not None)
    read = native.call_of(call, project, losses)
    report = ImportReport()
    store_calls(caller.engine, [read], "cekura", project, report)
    if report.rejected:
        raise BadInput(report.rejections[0])
    with caller.engine.connect() as connection:
        stored = read_call(connection, caller.project(connection, project), read.call.call_id)
    return answer(_observed(stored, report, body), 201 if report.new else 200)


def _as_cekura_sends(body: ObserveBody) -> dict[str, Any]:
    """Return the body with what we have no field for among its metadata."""
    fields = body.model_dump(exclude_none=True)
    kept = {name: fields[name] for name in _AS_METADATA if fields.get(name)}
    if kept:
        fields["metadata"] = {**kept, **fields.get("metadata", {})}
    if "timestamp" in fields:
        started = times.moment("timestamp", fields["timestamp"], naive_is_utc=True)
        fields["timestamp"] = started.isoformat()
    return fields


def _observed(call: CallRow, report: ImportReport, body: ObserveBody) -> Observed:
    return {
        "id": call["id"],
        "call_id": call["call_id"],
        "project": call["project"],
        "agent": call["agent"],
        "timestamp": call["started_at"],
        "call_ended_reason": call["ended_reason"],
        "metadata": call["metadata"],
        "metrics": call["metrics"],
        "status": report.taken_as,
        "left_out": {str(kind): count for kind, count in report.left_out.items()},
        "ignored": [name for name in _IGNORED if getattr(body, name) is not None],
    }


def _whole(sent: NativeCall, known: CallRow | None, *, has_transcript: bool) -> NativeCall:
    """Return the call to store; what a client left out is as it was, or now for the time."""
    if known:
        return {
            **{name: value for name, value in known.items() if name not in _OUR_NUMBERS},
            "started_at": known["started_at"].isoformat(),
            **sent,
            "transcript": sent["transcript"] or known["transcript"],
            "metrics": sent.get("metrics", []),
        }
    if not has_transcript:
        raise BadInput(
            "transcript_json is missing, and no call of this ID is there to judge",
            code="transcript_missing",
        )
    if "agent" not in sent:
        raise BadInput(
            "agent or assistant_id is missing: one of them says whose call this is",
            code="agent_missing",
        )
    return {"started_at": datetime.now(UTC).isoformat(), **sent}


def _known(connection: Connection, caller: Caller, project: str, call_id: str) -> CallRow | None:
    try:
        return read_call(connection, caller.project(connection, project), call_id.strip())
    except UnknownName:
        return None
