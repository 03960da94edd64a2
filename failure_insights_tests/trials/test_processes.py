"""Parts are stopped with all that they started, and what a killed command left is ended."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from failure_insights.commands import supervisor
from failure_insights.commands.supervisor import NOTES, StartFailed, end_leftovers, running

SLEEPS = "import time; time.sleep(600)"
#: Starts a process that will not hear and ends only when it is killed, as its child.
DEAF = f"""
import signal, subprocess, sys
for name in (signal.SIGINT, signal.SIGTERM):
    signal.signal(name, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", {SLEEPS!r}])
print(child.pid, flush=True)
child.wait()
{SLEEPS}
"""
#: Starts a process and leaves it an orphan.
LEAVES = f"""
import subprocess, sys
print(subprocess.Popen([sys.executable, "-c", {SLEEPS!r}]).pid, flush=True)
"""


def python(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def first_line(log: Path) -> int:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if log.exists() and "\n" in (said := log.read_text()):
            return int(said.splitlines()[0])
        time.sleep(0.05)
    raise AssertionError(f"{log} stayed empty")


@contextmanager
def running_elsewhere(script: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(python(script), start_new_session=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("script", [DEAF, LEAVES])
def test_stopping_ends_children_that_do_not_hear_and_orphans(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "STOP_TIMEOUT_S", 0.5)
    monkeypatch.setattr(supervisor, "KILL_TIMEOUT_S", 0.5)
    with running({"Part": python(script)}, state=tmp_path) as parts:
        part = parts.by_name["Part"].pid
        child = first_line(tmp_path / "part.log")
        assert is_running(child)
    assert not is_running(child)
    assert not is_running(part)
    assert not (tmp_path / NOTES).exists()


def test_a_part_that_stops_by_itself_is_named_with_its_last_words(tmp_path: Path) -> None:
    script = "print('The disk is full.'); raise SystemExit(3)"
    with running({"Good": python(SLEEPS), "Bad": python(script)}, state=tmp_path) as parts:
        parts.by_name["Bad"].wait()
        with pytest.raises(StartFailed, match=r"The disk is full\.") as stopped:
            parts.require_alive()
    assert stopped.value.code == "part_stopped"


def test_what_a_killed_command_left_is_ended_by_the_next(tmp_path: Path) -> None:
    left = f"""
import os, signal, sys
from pathlib import Path
from failure_insights.commands.supervisor import Processes
Processes(Path({str(tmp_path)!r})).start("Part", [sys.executable, "-c", {DEAF!r}])
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run(python(left), check=False)
    (part,) = [part["pid"] for part in json.loads((tmp_path / NOTES).read_text())["parts"]]
    child = first_line(tmp_path / "part.log")
    assert is_running(part)
    assert is_running(child)
    end_leftovers(tmp_path)
    assert not is_running(part)
    assert not is_running(child)
    end_leftovers(tmp_path)  # and nothing is left to end


def test_a_command_that_runs_already_is_named_and_left_alone(tmp_path: Path) -> None:
    with running({"Part": python(SLEEPS)}, state=tmp_path) as parts:
        with pytest.raises(StartFailed, match=str(os.getpid())) as refused:
            end_leftovers(tmp_path)
        assert refused.value.code == "running_already"
        parts.require_alive()


def test_a_process_that_has_the_number_of_a_dead_part_is_left_alone(tmp_path: Path) -> None:
    with running_elsewhere(SLEEPS) as other:
        mark = {"pid": other.pid, "created": 1.0}
        note = {"up": {"pid": other.pid, "created": 2.0}, "parts": [mark]}
        (tmp_path / NOTES).write_text(json.dumps(note))
        end_leftovers(tmp_path)
        assert is_running(other.pid)
