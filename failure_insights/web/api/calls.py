"""Calls: taking in many at once, and reading one back."""

from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Annotated, Any

import orjson
from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from failure_insights.domain.metrics import slugify
from failure_insights.errors import BadInput
from failure_insights.ingest.batch import LineResult
from failure_insights.ingest.import_calls import ImportReport, import_calls
from failure_insights.sources import BadCall, ReadCall, native
from failure_insights.sources.reading import shown
from failure_insights.store.calls import CallRow, read_call
from failure_insights.web.api import answer_models, examples
from failure_insights.web.api.answers import answer
from failure_insights.web.api.bodies import CHUNK, lines_of, spool, spooled
from failure_insights.web.api.insights import ProjectName
from failure_insights.web.auth.api_keys import Caller, CallerOf

router = APIRouter(prefix="/api/projects/{project}/calls", tags=["Calls"])

#: No call is shorter than 50 bytes, so that no body of calls has more.
MAX_LINES = 1_000_000

_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"type": "array", "items": {"$ref": "#/components/schemas/CallBody"}},
            "example": [examples.CALL_BODY],
        },
        "application/x-ndjson": {
            "schema": {"type": "string", "description": "One call a line."},
            "example": orjson.dumps(examples.CALL_BODY).decode(),
        },
    },
}


@router.post("/", response_model=answer_models.ImportReport, openapi_extra={"requestBody": _BODY})
async def take_in(request: Request, caller: CallerOf, project: ProjectName) -> Response:
    """Take calls in, up to 50 MB: a JSON array, or JSON lines. A bad one is named with its place
    and the reason, and the good ones are kept; the same calls again change nothing."""
    place = await run_in_threadpool(_place, caller, project)
    with await spooled(request) as body:
        return await run_in_threadpool(_import, caller, place, lines_of(body))


@router.get("/{call_id:path}/", response_model=CallRow)
def read(
    caller: CallerOf,
    project: ProjectName,
    call_id: Annotated[str, Path(max_length=500, description="May hold slashes.")],
) -> Response:
    """Read a call: its transcript, and what each metric's judge said of it."""
    with caller.engine.connect() as connection:
        return answer(read_call(connection, caller.project(connection, project), call_id))


def _place(caller: Caller, project: str) -> str:
    with caller.engine.connect() as connection:
        return caller.project_to_fill(connection, project)


def _import(caller: Caller, project: str, lines: Iterable[bytes]) -> Response:
    report, results = ImportReport(), spool()
    last = 0

    def note(result: LineResult) -> None:
        nonlocal last
        report.count(result)
        results.write(b"," if last else b"")
        results.write(orjson.dumps(result))
        last = result.line

    try:
        import_calls(caller.engine, _bounded(lines), project=project, read=_read, on_line=note)
    except BadInput as error:
        note(LineResult(last + 1, "rejected", None, str(error)))
    except BaseException:
        results.close()
        raise
    results.seek(0)
    return StreamingResponse(_told(report, results), media_type="application/json")


def _told(report: ImportReport, results: IO[bytes]) -> Iterator[bytes]:
    """Yield the report's JSON; its results may be too many to hold."""
    with results:
        yield orjson.dumps(report).removesuffix(b"}") + b',"results":['
        while chunk := results.read(CHUNK):
            yield chunk
        yield b"]}"


def _bounded(lines: Iterable[bytes]) -> Iterator[bytes]:
    for number, line in enumerate(lines, start=1):
        if number > MAX_LINES:
            raise BadInput(f"more than {MAX_LINES:,} lines; nothing after them is read")
        yield line


def _read(payload: Mapping[str, Any], project: str | None) -> ReadCall:
    """Return the call of an object, which goes into the project of the request's address."""
    read = native.read(payload, project)
    named = payload.get("project")
    if named is not None and (not isinstance(named, str) or _is_other(named, read.call.project)):
        raise BadCall(
            f"project is {shown(named)}, and this address takes calls of "
            f"{shown(project)}; leave it out, or send the call there",
            read.call.call_id,
        )
    return read


def _is_other(named: str, project: str) -> bool:
    try:
        return named != project and slugify(named) != slugify(project)
    except BadInput:
        return True
