"""Processes that are started together and stopped together, so that none is left."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType

import httpx
import psutil

from failure_insights.domain.metrics import slugify
from failure_insights.errors import FailureInsightsError

#: Seconds in which a part has to answer after its start.
START_TIMEOUT_S = 120.0
#: Seconds between asking to stop and making it: a run that is under way gets the time to end its
#: audits as failed.
STOP_TIMEOUT_S = 20.0
#: The same where a part has failed to start, and the others may wait for it in vain.
FAILED_TIMEOUT_S = 3.0
#: Seconds between asking the processes of a session to end and killing them.
KILL_TIMEOUT_S = 5.0
POLL_S = 0.1

NOTES = "processes.json"
#: Lines of a part's log that are shown when it fails.
LAST_LINES = 20


class StartFailed(FailureInsightsError):
    """A part did not start, or stopped by itself; the message says which and why."""

    code = "start_failed"


@dataclass(slots=True)
class Command:
    """What a part runs: its command, environment and working folder."""

    words: Sequence[str]
    environment: Mapping[str, str] | None = None
    folder: Path | None = None


@dataclass(slots=True)
class Processes:
    """The parts by name, each the leader of a session, in which its own children are too."""

    #: A folder for their logs, a file each, and for `end_leftovers`; None: they write to the
    #: terminal, and nothing is noted.
    state: Path | None = None
    #: Raises if something else that the parts need is gone.
    check_others: Callable[[], None] = lambda: None
    stop_timeout_s: float = STOP_TIMEOUT_S
    kill_timeout_s: float = KILL_TIMEOUT_S
    by_name: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _commands: dict[str, Command] = field(default_factory=dict)
    #: Sessions that may have members: those of the parts, and of dead ones that left children.
    _sessions: list["_Session"] = field(default_factory=list)

    def start(self, name: str, command: Command) -> None:
        """Start a part under a new name, with a new log."""
        if self.state:
            self._log(name).unlink(missing_ok=True)
        self._commands[name] = command
        self._start(name)

    def start_again(self, name: str) -> None:
        """Start a part that has stopped; its log goes on.

        Its children go on too until everything stops: a run outlives the code server that started
        it.
        """
        self._sessions = [session for session in self._sessions if session.members()]
        self._start(name)

    def stopped(self, name: str) -> str | None:
        """Return None while a part runs, else the status that it stopped with, in words."""
        status = self.by_name[name].poll()
        return None if status is None else f"with status {status}"

    def require_alive(self) -> None:
        """Raise StartFailed if a part has stopped by itself, or what `check_others` raises."""
        self.check_others()
        for name in self.by_name:
            if reason := self.stopped(name):
                raise StartFailed(
                    f"{name} stopped {reason}. {self._last_lines(name)}", code="part_stopped"
                )

    def wait_for(self, is_ready: Callable[[], bool], name: str) -> None:
        """Wait until a part is ready, or raise StartFailed."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            self.require_alive()
            if is_ready():
                return
            time.sleep(POLL_S)
        raise StartFailed(
            f"{name} did not answer within {START_TIMEOUT_S:.0f} seconds. {self._last_lines(name)}",
            code="part_silent",
        )

    def stop(self, timeout_s: float | None = None) -> None:
        """Ask every part to stop, then make those that did not, and what they left.

        Args:
            timeout_s: seconds between the two; None: `stop_timeout_s`.
        """
        for process in self.by_name.values():
            with suppress(ProcessLookupError):
                process.terminate()
        deadline = time.monotonic() + (self.stop_timeout_s if timeout_s is None else timeout_s)
        for process in self.by_name.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(POLL_S, deadline - time.monotonic()))
        for session in self._sessions:
            session.end(self.kill_timeout_s)
        for process in self.by_name.values():
            process.wait()
        self.by_name.clear()
        self._sessions.clear()
        if self.state:
            (self.state / NOTES).unlink(missing_ok=True)

    def _start(self, name: str) -> None:
        command = self._commands[name]
        with self._log(name).open("ab") if self.state else nullcontext() as log:
            process = subprocess.Popen(
                command.words,
                env=command.environment,
                cwd=command.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.by_name[name] = process
        self._sessions.append(_Session.of(process.pid))
        if self.state:
            note = {
                "up": asdict(_Session.of(os.getpid())),
                "parts": [asdict(session) for session in self._sessions],
            }
            (self.state / NOTES).write_text(json.dumps(note))

    def _log(self, name: str) -> Path:
        assert self.state
        return self.state / f"{slugify(name)}.log"

    def _last_lines(self, name: str) -> str:
        if not self.state:
            return "Its log is above."
        lines = self._log(name).read_text(errors="replace").splitlines()[-LAST_LINES:]
        return "\n".join([f"The end of {self._log(name)}:", *lines])


@contextmanager
def running(
    commands: Mapping[str, Command],
    state: Path | None = None,
    check_others: Callable[[], None] = lambda: None,
    stop_timeout_s: float = STOP_TIMEOUT_S,
    kill_timeout_s: float = KILL_TIMEOUT_S,
) -> Iterator[Processes]:
    """Start the commands, give them to the block, and leave no process behind."""
    processes = Processes(state, check_others, stop_timeout_s, kill_timeout_s)
    try:
        for name, command in commands.items():
            processes.start(name, command)
        yield processes
    except FailureInsightsError:
        processes.stop(FAILED_TIMEOUT_S)
        raise
    finally:
        processes.stop()


def answers_http(url: str) -> bool:
    """Return whether an address of this machine answers, whatever but a server error."""
    try:
        # A proxy of the environment is for other machines.
        return httpx.get(url, timeout=2, trust_env=False).status_code < 500
    except httpx.HTTPError:
        return False


def accepts(address: Path) -> bool:
    """Return whether somebody listens on a Unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(address))
        except OSError:
            return False
    return True


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
    if _Session(**note["up"]).leader_runs():
        raise StartFailed(
            f"Failure Insights is running here already: process {note['up']['pid']}, whose state "
            f"is under {state}. Stop it, or name another folder in FAILURE_INSIGHTS_HOME.",
            code="running_already",
        )
    for part in note["parts"]:
        _Session(**part).end()
    notes.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Session:
    """The processes of one session: a part that leads it, and what it has started."""

    #: Of the leader; a later process may have the same ID, but not the same time.
    pid: int
    #: Seconds since 1970; 0: it was gone already.
    created: float

    @classmethod
    def of(cls, pid: int) -> "_Session":
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return cls(pid, 0)

    def leader_runs(self) -> bool:
        return self.created > 0 and _Session.of(self.pid) == self

    def members(self) -> list[psutil.Process]:
        """Return its running processes; none where the ID is another process's by now."""
        if psutil.pid_exists(self.pid) and not self.leader_runs():
            return []
        return [process for process in psutil.process_iter() if _session_of(process) == self.pid]

    def end(self, timeout_s: float = KILL_TIMEOUT_S) -> None:
        """Ask every process to end, and kill those that did not after `timeout_s` seconds."""
        members = self.members()
        for process in members:
            with suppress(psutil.Error):
                process.terminate()
        _, alive = psutil.wait_procs(members, timeout_s)
        for process in alive:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(alive, timeout_s)


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


def _session_of(process: psutil.Process) -> int | None:
    try:
        return os.getsid(process.pid)
    except OSError:
        return None
