"""Parts are stopped with all that they started, and what a killed command left is ended."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from failure_insights.commands.restarts import Keeper, Part
from failure_insights.commands.supervisor import NOTES, Command, StartFailed, end_leftovers, running
from failure_insights.errors import DatabaseUnreachable

pytestmark = pytest.mark.slow

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


def python(script: str) -> Command:
    return Command([sys.executable, "-c", script])


def first_line(log: Path) -> int:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if log.exists() and "\n" in (said := log.read_text()):
            return int(said.splitlines()[0])
        time.sleep(0.05)
    raise AssertionError(f"{log} stayed empty")


@contextmanager
def running_elsewhere(script: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(python(script).words, start_new_session=True)
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
def test_stopping_ends_children_that_do_not_hear_and_orphans(script: str, tmp_path: Path) -> None:
    commands = {"Part": python(script)}
    with running(commands, tmp_path, stop_timeout_s=0.5, kill_timeout_s=0.5) as parts:
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
from failure_insights.commands.supervisor import Command, Processes
Processes(Path({str(tmp_path)!r})).start("Part", Command([sys.executable, "-c", {DEAF!r}]))
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run(python(left).words, check=False)
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


def test_a_part_that_is_started_again_keeps_its_log_and_what_its_children_are_at(
    tmp_path: Path,
) -> None:
    with running({"Part": python(LEAVES)}, tmp_path, stop_timeout_s=0.5) as parts:
        orphan = first_line(tmp_path / "part.log")
        parts.by_name["Part"].wait()
        assert parts.stopped("Part") == "with status 0"
        parts.start_again("Part")
        wait_for(lambda: len((tmp_path / "part.log").read_text().splitlines()) == 2)
        assert is_running(orphan)
    assert not is_running(orphan)


def test_a_part_that_keeps_stopping_is_started_again_after_longer_and_longer_pauses() -> None:
    times: list[float] = []
    lines: list[str] = []
    part = Part("Part", lambda: "with status 1", lambda: times.append(time.monotonic()))
    keeper = Keeper([part], lines.append, first_pause_s=0.1, longest_pause_s=0.4)
    wait_for(lambda: keeper.tend() or len(times) == 5)
    pauses = [round(after - before, 1) for before, after in pairwise(times)]
    assert pauses == pytest.approx([0.2, 0.4, 0.4, 0.4], abs=0.1)
    assert lines[:3] == [
        "Part stopped with status 1. It is started again in 0.1 s.",
        "Part is started again.",
        "Part stopped with status 1. It is started again in 0.2 s.",
    ]


def test_a_part_that_ran_long_enough_is_started_again_at_once() -> None:
    runs = [False]
    part = Part("Part", lambda: None if runs[0] else "", lambda: runs.__setitem__(0, True))
    lines: list[str] = []
    keeper = Keeper([part], lines.append, 0.1, 10, sound_after_s=0.2)
    for _ in range(3):
        wait_for(lambda: keeper.tend() or runs[0])
        time.sleep(0.25)
        keeper.tend()
        runs[0] = False
    assert len([line for line in lines if line.endswith("in 0.1 s.")]) == 3


def test_a_part_that_cannot_be_started_is_named_and_tried_again() -> None:
    def fail() -> None:
        raise DatabaseUnreachable("The disk is full.")

    lines: list[str] = []
    keeper = Keeper([Part("Postgres", lambda: "by itself", fail)], lines.append, 0.05)
    wait_for(lambda: keeper.tend() or len(lines) >= 4)
    assert lines[1] == "Postgres cannot be started: The disk is full."
    assert lines[2] == "Postgres stopped by itself. It is started again in 0.1 s."


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
