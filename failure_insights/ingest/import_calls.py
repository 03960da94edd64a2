"""Taking calls into the store, from files, requests or providers: value by value, batch by batch.

What several messages of one call make of it is in `domain.merging`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from typing import Any

from sqlalchemy import Engine

from failure_insights.domain.metrics import slugify
from failure_insights.domain.names import name_key
from failure_insights.errors import BadInput, UnknownName
from failure_insights.ingest.batch import Stored, store_batch
from failure_insights.ingest.files.json_values import json_values
from failure_insights.ingest.files.text import encoding_of, pieces_of
from failure_insights.ingest.files.values import Place, Value
from failure_insights.ingest.report import ImportReport, Line, LineResult
from failure_insights.sources import (
    FORMATS,
    BadCall,
    NotACall,
    ReadCall,
    Reader,
    advice,
    detect,
    reader,
)
from failure_insights.sources.reading import shown
from failure_insights.store.projects import find_project

#: A batch is one transaction: large enough that its fixed cost is small, and small enough that
#: memory stays flat.
BATCH_LINES = 500
BATCH_CHARACTERS = 4 * 2**20

#: Formats of providers that send a call in several messages; see `domain.merging`.
SENT_IN_MESSAGES = frozenset({"vapi", "retell", "elevenlabs"})

_READERS: Mapping[str, Reader] = {name: reader(name) for name in FORMATS}


def import_calls(
    engine: Engine,
    values: Iterable[bytes | str | Value],
    *,
    project: str | None = None,
    format: str = "auto",
    read: Reader | None = None,
    only_this_project: bool = False,
    on_line: Callable[[LineResult], None] | None = None,
    on_progress: Callable[[ImportReport], None] | None = None,
) -> ImportReport:
    """Store the calls of these values and return what became of them.

    Projects, agents and metrics are made on first sight. Each batch is a transaction of its own:
    what was stored stays if a later value cannot be read from its source. Imports may run at once.
    While Postgres takes a batch, the values of the next are read.

    Args:
        engine: the store.
        values: what `files.reading.values_in` gives; or lines, JSON text each.
        project: name or slug of the project of every call; None: each call's own.
        format: one of `sources.FORMATS`, or "auto": each value's own is detected.
        read: instead of the format's reader.
        only_this_project: refuse calls that name another project than `project`.
        on_line: told what became of each value, in order, once its batch is stored.
        on_progress: told the counts so far after each batch.

    Raises:
        BadInput: there is no such format, or no slug can be made of `project`.
    """
    if format != "auto" and format not in _READERS:
        reader(format)
    name = None if project is None else name_of_project(engine, project)
    if name is not None:
        slugify(name)
    same = {name_key(name), project} if name and only_this_project else None

    def lines() -> Iterator[Line]:
        for value in _values(values):
            yield _line_of(value, name, format, read, same)

    return store_lines(engine, lines(), on_line=on_line, on_progress=on_progress)


def store_lines(
    engine: Engine,
    lines: Iterable[Line],
    *,
    on_line: Callable[[LineResult], None] | None = None,
    on_progress: Callable[[ImportReport], None] | None = None,
) -> ImportReport:
    """Store calls that have been read; see `import_calls`."""
    report = ImportReport()

    def stored(batch: Future[Stored] | None) -> None:
        if batch is None:
            return
        for result in batch.result().results:
            report.count(result)
            if on_line:
                on_line(result)
        report.note_batch(batch.result().told, batch.result().unjudged)
        if on_progress:
            on_progress(report)

    with ThreadPoolExecutor(1) as writer:
        under_way: Future[Stored] | None = None
        try:
            for batch in _batches(iter(lines)):
                before, under_way = under_way, None
                stored(before)
                under_way = writer.submit(store_batch, engine, batch)
        finally:
            stored(under_way)
    return report


def line_of_call(call: ReadCall, format: str, place: Place | None = None) -> Line:
    """Return a call that has been read as a line."""
    corrects = format not in SENT_IN_MESSAGES
    return Line(
        place or Place(1), call, call.call.call_id, corrects=corrects, format=format, size=1_000
    )


def name_of_project(engine: Engine, name_or_slug: str) -> str:
    """Return the name of a stored project that is meant, or what was given where there is none."""
    with engine.connect() as connection:
        try:
            return find_project(connection, name_or_slug).name
        except UnknownName:
            return name_or_slug


def _values(values: Iterable[bytes | str | Value]) -> Iterator[Value]:
    for number, value in enumerate(values, start=1):
        if isinstance(value, Value):
            yield value
            continue
        for read in json_values(_text(value)):
            place = Place(number, read.place.item)
            yield Value(place, read.form, read.size, read.payload, read.problem, read.not_numbers)


def _text(line: bytes | str) -> Iterable[str]:
    return (line,) if isinstance(line, str) else pieces_of(BytesIO(line), encoding_of(line[:4]))


def _line_of(
    value: Value,
    project: str | None,
    format: str,
    read: Reader | None,
    same_project: set[str | None] | None,
) -> Line:
    if value.payload is None:
        return Line(value.place, reason=value.problem, size=value.size, form=value.form)
    name = (detect(value.payload) if format == "auto" else format) if read is None else None
    own: dict[str, Any] = {
        "size": value.size,
        "form": value.form,
        "format": name,
        "not_numbers": value.not_numbers,
    }
    try:
        call = (read or _READERS[name or "native"])(value.payload, project)
        if same_project is not None:
            _require_project(value.payload, project, same_project, call)
    except NotACall as event:
        return Line(value.place, None, event.call_id, event.reason, is_event=True, **own)
    except BadInput as error:
        call_id = error.call_id if isinstance(error, BadCall) else None
        advised = advice(value.payload) if read is None and name is None else ""
        reason = f"{error}; {advised}" if advised else str(error)
        return Line(value.place, None, call_id, reason, **own)
    corrects = name not in SENT_IN_MESSAGES
    return Line(value.place, call, call.call.call_id, corrects=corrects, **own)


def _require_project(
    payload: Mapping[str, Any], project: str | None, same: set[str | None], read: ReadCall
) -> None:
    """Refuse a call that names another project than that of the address it was sent to."""
    named = payload.get("project")
    if named is None or (isinstance(named, str) and (named in same or name_key(named) in same)):
        return
    raise BadCall(
        f"project is {shown(named)}, and this address takes calls of {shown(project)}; leave it "
        "out, or send the call there",
        read.call.call_id,
    )


def _batches(lines: Iterator[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    size = 0
    try:
        for line in lines:
            batch.append(line)
            size += line.size
            if len(batch) == BATCH_LINES or size >= BATCH_CHARACTERS:
                yield batch
                batch, size = [], 0
    except Exception:
        # The values broke off: those that came before are kept all the same.
        if batch:
            yield batch
        raise
    if batch:
        yield batch
