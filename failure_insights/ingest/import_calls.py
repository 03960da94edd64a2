"""Taking calls into the store, from a file or a request: line by line, batch by batch.

What a second line of the same call does: in the same import it is refused; in a later one it
changes the call where it differs, and adds or changes metric results, which are never removed.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy import Engine

from failure_insights.domain.metrics import slugify
from failure_insights.errors import BadInput
from failure_insights.ingest.batch import Line, LineResult, store_batch
from failure_insights.sources import BadCall, NotACall, Reader, native
from failure_insights.sources.json_text import object_of

#: A batch is one transaction: large enough that its fixed cost is small, and small enough that
#: memory stays flat.
BATCH_LINES = 500
BATCH_BYTES = 4 * 2**20


@dataclass(slots=True)
class ImportReport:
    """How many calls were new, changed (or got other results), the same, or refused."""

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0

    def count(self, result: LineResult) -> None:
        setattr(self, result.status, getattr(self, result.status) + 1)


def import_calls(
    engine: Engine,
    lines: Iterable[bytes | str],
    *,
    project: str | None = None,
    read: Reader = native.read,
    on_line: Callable[[LineResult], None] | None = None,
    on_progress: Callable[[ImportReport], None] | None = None,
) -> ImportReport:
    """Store the calls of these lines and return how many were new, updated, unchanged, rejected.

    Projects, agents and metrics are made on first sight. Each batch is a transaction of its own:
    what was stored stays if a later line cannot be read from its source. Imports may run at once.
    While Postgres takes a batch, the lines of the next are read.

    Args:
        engine: the store.
        lines: one call each; blank ones are skipped, and a byte order mark.
        project: the project of every call; None: each line's own.
        read: takes a line's object and the project; see `sources.reader`.
        on_line: told what became of each line, in order, once its batch is stored.
        on_progress: told the counts so far after each batch.

    Raises:
        BadInput: no slug can be made of `project`.
    """
    if project is not None:
        slugify(project)
    report = ImportReport()

    def stored(results: Future[Sequence[LineResult]] | None) -> None:
        for result in results.result() if results else ():
            report.count(result)
            if on_line:
                on_line(result)
        if results and on_progress:
            on_progress(report)

    with SeenCalls() as seen, ThreadPoolExecutor(1) as writer:
        under_way: Future[Sequence[LineResult]] | None = None
        try:
            for batch in _batches(_read(lines, project, read)):
                before, under_way = under_way, None
                stored(before)
                under_way = writer.submit(store_batch, engine, batch, seen.first_line)
        finally:
            stored(under_way)
    return report


class SeenCalls:
    """The line of each call so far, on disk: memory must not grow with the file.

    One thread opens and closes it, another asks it, never at once.
    """

    def __enter__(self) -> "SeenCalls":
        # No name: SQLite keeps the database in a file of its own that goes when it is closed.
        self._calls = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._calls.execute("PRAGMA journal_mode = OFF")
        self._calls.execute(
            "CREATE TABLE seen (project TEXT, call_id TEXT, line INTEGER,"
            " PRIMARY KEY (project, call_id)) WITHOUT ROWID"
        )
        self._calls.execute("BEGIN")
        return self

    def __exit__(self, *_: object) -> None:
        self._calls.close()

    def first_line(self, project_slug: str, call_id: str, line: int) -> int:
        """Return the first line that had the call: this one, if none had before."""
        new = self._calls.execute(
            "INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", (project_slug, call_id, line)
        )
        if new.rowcount == 1:
            return line
        found = self._calls.execute(
            "SELECT line FROM seen WHERE project = ? AND call_id = ?", (project_slug, call_id)
        )
        return int(found.fetchone()[0])


def _read(lines: Iterable[bytes | str], project: str | None, read: Reader) -> Iterator[Line]:
    for number, raw in enumerate(lines, start=1):
        line = _without_mark(raw) if number == 1 else raw
        if not line.strip():
            continue
        try:
            yield Line(number, len(line), read(object_of(line), project).call)
        except NotACall:
            continue
        except BadInput as error:
            call_id = error.call_id if isinstance(error, BadCall) else None
            yield Line(number, len(line), None, call_id, str(error))


def _without_mark(line: bytes | str) -> bytes | str:
    if isinstance(line, bytes):
        return line.removeprefix(b"\xef\xbb\xbf")
    return line.removeprefix("\ufeff")


def _batches(lines: Iterator[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    size = 0
    try:
        for line in lines:
            batch.append(line)
            size += line.size
            if len(batch) == BATCH_LINES or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
    except Exception:
        # The lines broke off: those that came before are kept all the same.
        if batch:
            yield batch
        raise
    if batch:
        yield batch
