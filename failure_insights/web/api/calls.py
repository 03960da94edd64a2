"""Calls: taking in many at once, and reading one back."""

from collections.abc import Iterable, Iterator
from typing import IO, Annotated, BinaryIO, cast

import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from failure_insights.ingest.files.reading import values_in
from failure_insights.ingest.files.values import Value
from failure_insights.ingest.import_calls import import_calls
from failure_insights.ingest.report import ImportReport, LineResult
from failure_insights.sources import FORMATS
from failure_insights.store.calls import CallRow, find_call
from failure_insights.web.api import answer_models, examples
from failure_insights.web.api.answers import answer
from failure_insights.web.api.bodies import CHUNK, spool, spooled
from failure_insights.web.api.insights import ProjectName
from failure_insights.web.auth.api_keys import Caller, CallerOf

router = APIRouter(prefix="/api/projects/{project}/calls", tags=["Calls"])

#: No call is shorter than 50 bytes, so that no body of calls has more.
MAX_LINES = 1_000_000
#: A gzipped body may hold as much; transcripts shrink to a fifth.
MAX_UNPACKED_BYTES = 500 * 2**20

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


FormatName = Annotated[
    str,
    Query(
        description="Whose format the calls have; auto: each one's own is detected.",
        json_schema_extra={"enum": ["auto", *FORMATS]},
    ),
]


@router.post("/", response_model=answer_models.ImportReport, openapi_extra={"requestBody": _BODY})
async def take_in(
    request: Request, caller: CallerOf, project: ProjectName, format: FormatName = "auto"
) -> Response:
    """Take calls in, up to 50 MB: JSON of any layout (an array, lines, a page of a list), CSV or
    Parquet, also gzipped. A bad one is named with its place and the reason, and the good ones are
    kept; the same calls again change nothing."""
    place = await run_in_threadpool(_place, caller, project)
    with await spooled(request) as body:
        return await run_in_threadpool(_import, caller, place, format, body)


@router.get("/{call_id:path}/", response_model=CallRow)
def read(
    caller: CallerOf,
    project: ProjectName,
    call_id: Annotated[
        str,
        Path(max_length=500, description="The provider's, which may hold slashes, or the `id`."),
    ],
) -> Response:
    """Read a call: its transcript, and what each metric's judge said of it."""
    with caller.engine.connect() as connection:
        return answer(find_call(connection, caller.project(connection, project), call_id))


def _place(caller: Caller, project: str) -> str:
    with caller.engine.connect() as connection:
        return caller.project_to_fill(connection, project)


def _import(caller: Caller, project: str, format: str, body: IO[bytes]) -> Response:
    results = spool()

    def note(result: LineResult) -> None:
        line: answer_models.ImportedLine = {
            "line": result.line,
            "status": result.status,
            "call_id": result.call_id,
            "reason": result.reason,
        }
        results.write(b"," if results.tell() else b"")
        results.write(orjson.dumps(line))

    try:
        report = import_calls(
            caller.engine,
            _bounded(values_in(cast(BinaryIO, body), most_bytes=MAX_UNPACKED_BYTES)),
            project=project,
            format=format,
            only_this_project=True,
            on_line=note,
        )
    except BaseException:
        results.close()
        raise
    results.seek(0)
    return StreamingResponse(_told(report, results), media_type="application/json")


def _told(report: ImportReport, results: IO[bytes]) -> Iterator[bytes]:
    """Yield the report's JSON; its results may be too many to hold."""
    unjudged: list[answer_models.UnjudgedMetric] = [
        {"metric": metric, "results": count} for (_, metric), count in report.unjudged.items()
    ]
    told = {
        "new": report.new,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "rejected": report.rejected,
        "passed_over": report.passed_over,
        "left_out": report.left_out,
        "unjudged": unjudged,
        "without_turns": report.without_turns.count,
        "without_results": report.without_results.count,
        "told": report.told,
    }
    with results:
        yield orjson.dumps(told).removesuffix(b"}") + b',"results":['
        while chunk := results.read(CHUNK):
            yield chunk
        yield b"]}"


def _bounded(values: Iterable[Value]) -> Iterator[Value]:
    for number, value in enumerate(values, start=1):
        if number > MAX_LINES:
            reason = f"more than {MAX_LINES:,} lines; nothing after them is read"
            yield Value(value.place, value.form, 0, None, reason)
            return
        yield value
