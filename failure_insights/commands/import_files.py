"""`failure-insights import`: calls from files or standard input, with a bar and the bad lines."""

import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import Engine

from failure_insights.commands.terminal import terminal
from failure_insights.errors import BadInput
from failure_insights.ingest.batch import LineResult
from failure_insights.ingest.import_calls import ImportReport, import_calls
from failure_insights.settings import get_settings
from failure_insights.sources import Reader, reader
from failure_insights.sources.native import MAX_LINE_BYTES
from failure_insights.store.opening import open_store

STDIN = "-"


def import_files(
    files: Sequence[str], format: str, project: str | None, say: Callable[[str], None]
) -> ImportReport:
    """Store the calls of these files, in their order, and return what became of the lines.

    Each file is an import of its own: a call that a later file has again is updated.

    Args:
        files: paths of JSON lines; `-` is standard input.
        format: one of `sources.FORMATS`.
        project: the project of every call; None: each line's own.
        say: told of each bad line: its file, its number, the reason.

    Raises:
        BadInput: there is no such format or file, or no slug can be made of the project.
            Nothing is imported then.
    """
    read = reader(format)
    for file in files:
        _require_file(file)
    if files.count(STDIN) > 1:
        raise BadInput("standard input (-) can be read once only")
    settings = get_settings()
    engine = open_store(settings.database_url, settings.home)

    total = ImportReport()
    with _bars() as bars:
        for file in files:
            report = _import_file(engine, file, project, read, bars, say)
            if report.rejected and report.rejected == _lines(report):
                say(
                    f"{_named(file)}: no line is a call in the format {format}. It takes one JSON "
                    "object a line: `jq -c '.[]' FILE` makes such lines of a JSON array, and "
                    "--format names a provider's format."
                )
            for status in ("new", "updated", "unchanged", "rejected"):
                setattr(total, status, getattr(total, status) + getattr(report, status))
    return total


def _import_file(
    engine: Engine,
    file: str,
    project: str | None,
    read: Reader,
    bars: Progress,
    say: Callable[[str], None],
) -> ImportReport:
    name = _named(file)

    def on_line(result: LineResult) -> None:
        if result.status == "rejected":
            say(f"{name}:{result.line}: {result.reason}")

    def on_progress(report: ImportReport) -> None:
        bars.update(bar, done=f"{_lines(report):,} calls")

    with _opened(file) as source:
        bar = bars.add_task(name, total=_size(source), done="")
        lines = lines_of(source, lambda size: bars.advance(bar, size))
        return import_calls(
            engine, lines, project=project, read=read, on_line=on_line, on_progress=on_progress
        )


def _bars() -> Progress:
    """Return the bars, which are shown only where somebody watches."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[done]}"),
        TimeRemainingColumn(),
        console=terminal,
        transient=True,
        disable=not terminal.is_terminal,
    )


def lines_of(source: BinaryIO, advance: Callable[[int], None]) -> Iterator[bytes]:
    """Yield the lines of a source; of one that is too long only its beginning, to be refused.

    Args:
        source: where to read.
        advance: told the bytes of each line.
    """
    while line := source.readline(MAX_LINE_BYTES + 1):
        advance(len(line))
        rest = line
        while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = source.readline(MAX_LINE_BYTES + 1)
            advance(len(rest))
        yield line


def _require_file(file: str) -> None:
    if file == STDIN:
        return
    path = Path(file)
    if not path.exists():
        raise BadInput(f"there is no file {file}; nothing was imported")
    if path.is_dir():
        raise BadInput(f"{file} is a folder; name its files, such as {file.rstrip('/')}/*.jsonl")
    if not os.access(path, os.R_OK):
        raise BadInput(f"{file} may not be read by this user; nothing was imported")


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == STDIN:
        yield sys.stdin.buffer
        return
    with Path(file).open("rb") as source:
        yield source


def _size(source: BinaryIO) -> int | None:
    """Return the bytes of a file; None for a pipe, whose end nobody knows."""
    status = os.fstat(source.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _named(file: str) -> str:
    return "standard input" if file == STDIN else file


def _lines(report: ImportReport) -> int:
    return report.new + report.updated + report.unchanged + report.rejected
