"""Processes that are started together and stopped together, so that none is left."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from failure_insights.domain.metrics import slugify
from failure_insights.errors import FailureInsightsError

START_TIMEOUT_S = 120.0
#: Between asking and telling: a run that is under way gets the time to end its audits as failed.
STOP_TIMEOUT_S = 20.0
IMPATIENT_S = 3.0
KILL_TIMEOUT_S = 5.0

NOTES = "processes.json"
LAST_WORDS = 20


class StartFailed(FailureInsightsError):
    """A part did not start, or stopped by itself; the message says which and why."""

    code = "start_failed"


@dataclass(slots=True)
class Processes:
    """The parts by name, each the leader of a session, in which its own children are too."""

    #: A folder for what they say, a file each, and for `end_leftovers`; None: they say it to the
    #: terminal, and nothing is noted.
    state: Path | None = None
    #: Raises if something else that the parts need is gone.
    check_others: Callable[[], None] = lambda: None
    by_name: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        """Start a part: what it is called, its command, its environment and working folder."""
        with self._log(name).open("wb") if self.state else nullcontext() as log:
            self.by_name[name] = subprocess.Popen(
                command,
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if self.state:
            parts = [process.pid for process in self.by_name.values()]
            note = {"up": _mark(os.getpid()), "parts": [_mark(pid) for pid in parts]}
            (self.state / NOTES).write_text(json.dumps(note))

    def require_alive(self) -> None:
        """Raise StartFailed if a part has stopped by itself, or what `check_others` raises."""
        self.check_others()
        for name, process in self.by_name.items():
            if (status := process.poll()) is not None:
                raise StartFailed(
                    f"{name} stopped with status {status}. {self._last_words(name)}",
                    code="part_stopped",
                )

    def wait_for(self, url: str, name: str) -> None:
        """Wait until a part answers over HTTP, or raise StartFailed."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            self.require_alive()
            with suppress(URLError, OSError), urlopen(url, timeout=2) as reply:  # noqa: S310
                if reply.status < 500:
                    return
            time.sleep(0.1)
        raise StartFailed(
            f"{name} did not answer at {url} within {START_TIMEOUT_S:.0f} seconds. "
            f"{self._last_words(name)}",
            code="part_silent",
        )

    def stop(self, patience: float | None = None) -> None:
        """Ask every part to stop, then make those that did not, and what they left.

        Args:
            patience: seconds between the two.
        """
        for process in self.by_name.values():
            with suppress(ProcessLookupError):
                process.terminate()
        deadline = time.monotonic() + (patience or STOP_TIMEOUT_S)
        for process in self.by_name.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
        for process in self.by_name.values():
            end_session(process.pid)
            process.wait()
        self.by_name.clear()
        if self.state:
            (self.state / NOTES).unlink(missing_ok=True)

    def _log(self, name: str) -> Path:
        assert self.state
        return self.state / f"{slugify(name)}.log"

    def _last_words(self, name: str) -> str:
        if not self.state:
            return "Its words are above."
        said = self._log(name).read_text(errors="replace").splitlines()[-LAST_WORDS:]
        return "\n".join([f"The end of {self._log(name)}:", *said])


@contextmanager
def running(
    commands: Mapping[str, Sequence[str]],
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    state: Path | None = None,
    check_others: Callable[[], None] = lambda: None,
) -> Iterator[Processes]:
    """Start the commands, give them to the block, and leave no process behind."""
    processes = Processes(state, check_others)
    try:
        for name, command in commands.items():
            processes.start(name, command, environment, folder)
        yield processes
    except FailureInsightsError:
        # Without the part that failed, the others may wait for it in vain.
        processes.stop(IMPATIENT_S)
        raise
    finally:
        processes.stop()


def end_leftovers(state: Path) -> None:
    """End the parts that a killed command left, by its notes in its folder of `Processes`.

    Raises:
        StartFailed: that command is still running.
    """
    notes = state / NOTES
    try:
        note = json.loads(notes.read_text())
    except (OSError, ValueError):
        return
    if _is_running(note["up"]):
        raise StartFailed(
            f"Failure Insights is running here already: process {note['up']['pid']}, whose state "
            f"is under {state}. Stop it, or name another folder in FAILURE_INSIGHTS_HOME.",
            code="running_already",
        )
    for part in note["parts"]:
        # A leader of another time has a session that is not ours.
        if _is_running(part) or not psutil.pid_exists(part["pid"]):
            end_session(part["pid"])
    notes.unlink(missing_ok=True)


def end_session(session: int) -> None:
    """End every process of a session: asked first, killed if that does not do."""
    members = [process for process in psutil.process_iter() if _session(process) == session]
    for process in members:
        with suppress(psutil.Error):
            process.terminate()
    _, alive = psutil.wait_procs(members, KILL_TIMEOUT_S)
    for process in alive:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, KILL_TIMEOUT_S)


class Stopped(BaseException):
    """A signal asked everything to stop. No `except Exception` may take it for an error."""


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Turn the first SIGINT, SIGTERM or SIGHUP into `Stopped` inside the block."""
    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
        signals.append(signal.SIGHUP)

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        for name in signals:
            signal.signal(name, signal.SIG_IGN)
        raise Stopped

    for name in signals:
        signal.signal(name, stop)
    yield


def _session(process: psutil.Process) -> int | None:
    try:
        return os.getsid(process.pid)
    except OSError:
        return None


def _mark(pid: int) -> dict[str, float]:
    """Return what tells a process from a later one that has its ID."""
    try:
        return {"pid": pid, "created": psutil.Process(pid).create_time()}
    except psutil.NoSuchProcess:
        return {"pid": pid, "created": 0}


def _is_running(mark: Mapping[str, float]) -> bool:
    return _mark(int(mark["pid"])) == mark and mark["created"] > 0
