"""Providers' webhooks as they are: with a key in a header, or signed as the provider signs.

A provider that can send a header posts to `/observability/v1/KIND/observe/` with an API key. One
that can only sign posts to the address of a source, `/observability/v1/KIND/observe/ADDRESS/`,
which says whose calls they are and where the signing secret is. A delivery again changes nothing.
"""

import logging
import time
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from failure_insights.errors import BadInput
from failure_insights.ingest.payloads import (
    of_agent,
    read_payload,
    store_calls,
)
from failure_insights.ingest.report import ImportReport
from failure_insights.settings import secret_named
from failure_insights.sources import ReadCall
from failure_insights.sources.cekura_tracers import unwrapped
from failure_insights.store.calls import read_call
from failure_insights.store.projects import find_project
from failure_insights.store.sources import SourceRow, end_pull
from failure_insights.web.api.answer_models import Delivered
from failure_insights.web.api.answers import answer
from failure_insights.web.api.call_places import agent_named, project_of_call
from failure_insights.web.api.examples import DELIVERY
from failure_insights.web.api.problems import problem
from failure_insights.web.api.request_bodies import object_of_body
from failure_insights.web.api.webhook_signatures import is_genuine
from failure_insights.web.auth.api_keys import Caller, CallerOf

router = APIRouter(prefix="/observability/v1", tags=["Webhooks of providers"])

WebhookKind = Literal["vapi", "retell", "elevenlabs", "livekit", "pipecat", "cekura"]

_log = logging.getLogger(__name__)

_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"type": "object", "description": "What the provider sends, as it is."},
            "example": DELIVERY,
        }
    },
}


@router.post(
    "/{kind}/observe/",
    response_model=Delivered,
    openapi_extra={"requestBody": _BODY},
)
async def take_delivery(
    request: Request,
    caller: CallerOf,
    kind: WebhookKind,
    project: Annotated[
        str | None,
        Query(max_length=200, description="Needed where the key sees several projects."),
    ] = None,
    agent_id: Annotated[
        str | None,
        Query(max_length=200, description="Name or ID of the agent, instead of the provider's."),
    ] = None,
) -> Response:
    """Take one delivery of a provider's webhook, with an API key in a header."""
    payload = await object_of_body(request)
    return await run_in_threadpool(_take_with_key, caller, kind, payload, project, agent_id)


@router.post(
    "/{kind}/observe/{address}/",
    response_model=Delivered,
    # Guarded by the signature instead of a key.
    openapi_extra={"requestBody": _BODY, "security": []},
)
async def take_signed_delivery(
    request: Request,
    kind: WebhookKind,  # noqa: ARG001
    address: Annotated[str, Path(description="Of a source: `failure-insights sources add`.")],  # noqa: ARG001
) -> Response:
    """Take one signed delivery at a source's own address; it needs no API key."""
    source = request.scope.get("webhook")
    if not isinstance(source, SourceRow):
        return problem(404, "there is no webhook at this address", code="unknown_webhook")
    body = await request.body()
    secret = secret_named(source.key_env or "")
    if secret is None:
        _log.error(
            "source %s: the variable %s is not set in this process", source.name, source.key_env
        )
        return problem(
            503,
            "this webhook's signing secret is not set; try again later",
            code="webhook_secret_not_set",
        )
    if not is_genuine(source.kind, secret, request.headers, body, time.time()):
        _log.warning("source %s: a delivery was not signed with its secret", source.name)
        return problem(
            401, "the delivery is not signed with this webhook's secret", code="delivery_not_signed"
        )
    payload = await object_of_body(request)
    engine: Engine = request.app.state.engine
    return await run_in_threadpool(_take_of_source, engine, source, payload)


def _take_with_key(
    caller: Caller,
    kind: WebhookKind,
    payload: Mapping[str, Any],
    named: str | None,
    agent_id: str | None,
) -> Response:
    report = ImportReport()
    # Only to know its ID and agent; which project it is of does not change how it is read.
    read = _read(kind, payload, "unknown", report)
    if read is None:
        return _passed_over(report)
    with caller.engine.connect() as connection:
        project = project_of_call(
            connection, caller, named, read.call.call_id, agent_id or read.call.agent
        )
        # The tracers of Cekura's package name the agent by a number, as an `agent_id` does.
        agent = agent_named(connection, caller, project, agent_id or read.call.agent)
    return _stored(caller.engine, of_agent(read, agent), kind, project, report)


def _take_of_source(engine: Engine, source: SourceRow, payload: Mapping[str, Any]) -> Response:
    report, error = ImportReport(), ""
    try:
        read = _read(source.kind, payload, source.project_name, report)
        if read is None:
            return _passed_over(report)
        read = of_agent(read, source.agent)
        return _stored(engine, read, source.kind, source.project_slug, report)
    except BadInput as refused:
        error = str(refused)
        raise
    finally:
        if report.new or report.updated or report.rejected or error:
            with engine.begin() as connection:
                end_pull(
                    connection,
                    source.id,
                    new=report.new,
                    updated=report.updated,
                    rejected=report.rejected,
                    error=error,
                )


def _read(
    kind: str, payload: Mapping[str, Any], project: str, report: ImportReport
) -> ReadCall | None:
    """Return the call of a delivery, or None for an event that is passed over.

    Raises:
        BadInput: it is neither.
    """
    read = read_payload(kind, unwrapped(kind, payload), project, report)
    if report.rejected:
        raise BadInput(report.rejections[0])
    return read


def _passed_over(report: ImportReport) -> Response:
    told: Delivered = {"status": "passed_over", "reason": next(iter(report.passed_over))}
    return answer(told)


def _stored(
    engine: Engine, read: ReadCall, kind: str, project: str, report: ImportReport
) -> Response:
    store_calls(engine, [read], kind, project, report)
    if report.rejected:
        raise BadInput(report.rejections[0])
    with engine.connect() as connection:
        place = find_project(connection, project)
        call = read_call(connection, place, read.call.call_id)
    told: Delivered = {
        "status": report.taken_as,
        "id": call["id"],
        "call_id": call["call_id"],
        "project": call["project"],
        "agent": call["agent"],
        "left_out": {str(kind): count for kind, count in report.left_out.items()},
    }
    return answer(told)
