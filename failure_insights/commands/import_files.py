"""`failure-insights import`: calls from files, folders or standard input, with a bar."""

import io
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from failure_insights.commands.import_report import Watch, plural, tell_report
from failure_insights.commands.terminal import terminal
from failure_insights.errors import BadInput
from failure_insights.ingest.files.containers import may_hold_calls
from failure_insights.ingest.files.reading import values_in
from failure_insights.ingest.files.values import Place, Value
from failure_insights.ingest.import_calls import import_calls
from failure_insights.ingest.report import ImportReport
from failure_insights.settings import get_settings
from failure_insights.sources import reader
from failure_insights.store.opening import open_store

STDIN = "-"
_STDIN_NAME = "standard input"

Say = Callable[[str], None]


def import_files(paths: Sequence[str], format: str, project: str | None, say: Say) -> ImportReport:
    """Store the calls of these files, in their order, and return what became of them.

    The counts go to standard output, which programs read; what else there is to tell, to `say`.

    Args:
        paths: files, folders (all their files of calls, by name), and `-` for standard input.
        format: one of `sources.FORMATS`, or "auto": each call's own.
        project: the project of every call, its name or slug; None: each call's own.
        say: told of each bad value (its file, its line, the reason), and in what form files are.

    Raises:
        BadInput: there is no such format or file, or no slug can be made of the project.
            Nothing is imported then.
    """
    if format != "auto":
        reader(format)
    if paths.count(STDIN) > 1:
        raise BadInput("standard input (-) can be read once only", code="stdin_named_twice")
    files = [file for path in paths for file in _files_of(path, say)]
    settings = get_settings()
    engine = open_store(settings.database_url, settings.home)
    watch = Watch(say, format)
    with _bars() as bars:
        bar = bars.add_task("", total=_size(files), done="")

        def on_progress(report: ImportReport) -> None:
            rejected = f", {report.rejected:,} rejected" if report.rejected else ""
            bars.update(bar, done=f"{report.calls:,} calls{rejected}")

        def values() -> Iterator[Value]:
            for file in files:
                name = _STDIN_NAME if file == STDIN else file
                bars.update(bar, description=name)
                yield from _values_of(file, name, lambda size: bars.advance(bar, size))

        report = import_calls(
            engine,
            values(),
            project=project,
            format=format,
            on_line=watch.note,
            on_progress=on_progress,
        )
    watch.end([_STDIN_NAME if file == STDIN else file for file in files])
    print(
        f"{report.new} new, {report.updated} updated, {report.unchanged} unchanged, "
        f"{report.rejected} rejected",
        flush=True,
    )
    tell_report(report, say)
    return report


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


def _files_of(path: str, say: Say) -> Iterator[str]:
    """Yield the files that a path names, those of a folder in the order of their names."""
    if path == STDIN:
        yield path
    elif not Path(path).exists():
        raise BadInput(f"there is no file {path}; nothing was imported", code="no_such_file")
    elif not os.access(path, os.R_OK):
        raise BadInput(
            f"{path} may not be read by this user; nothing was imported", code="file_unreadable"
        )
    elif Path(path).is_dir():
        yield from _files_in(path, say)
    else:
        yield path


def _files_in(folder: str, say: Say) -> Sequence[str]:
    """Return the files of calls in a folder and its folders, in the order of their names."""
    if Path(folder).resolve() == Path(folder).resolve().parent:
        raise BadInput(
            f"{folder} is the whole file system; name a folder of calls", code="folder_too_large"
        )
    taken: list[str] = []
    others = 0
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        calls = [name for name in files if may_hold_calls(name)]
        taken += [os.path.join(place, name) for name in calls]
        others += len(files) - len(calls)
    if not taken:
        raise BadInput(
            f"the folder {folder} has no file of calls, such as *.json or *.csv",
            code="no_files_in_folder",
        )
    if others:
        say(f"{folder}: {plural(others, 'file')} passed over, by their names no files of calls")
    return sorted(taken)


def _values_of(file: str, name: str, advance: Callable[[int], object]) -> Iterator[Value]:
    try:
        if file == STDIN:
            yield from values_in(cast(BinaryIO, _Watched(sys.stdin.buffer, advance)), name)
            return
        with Path(file).open("rb") as opened:
            yield from values_in(cast(BinaryIO, _Watched(opened, advance)), name)
    except OSError as error:
        # A disk or a mount that fails in the middle must not cost the files after it.
        reason = f"cannot be read: {error.strerror or error}"
        yield Value(Place(1, file=name), "a file", 0, None, reason)


def _size(files: Sequence[str]) -> int | None:
    """Return the bytes of all files; None where one is a pipe, whose end nobody knows."""
    sizes = []
    for file in files:
        status = os.fstat(sys.stdin.fileno()) if file == STDIN else Path(file).stat()
        if not stat.S_ISREG(status.st_mode):
            return None
        sizes.append(status.st_size)
    return sum(sizes)


class _Watched(io.RawIOBase):
    """A file that tells how many bytes were read of it."""

    def __init__(self, file: BinaryIO, advance: Callable[[int], object]) -> None:
        self._file = file
        self._advance = advance

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._file.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self._advance(len(data))
        return len(data)
