"""Running `failure-insights up` as a user does, and reading what it says."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from failure_insights_tests.ports import free_port
from failure_insights_tests.trials.commands import COMMAND, environment_of


@dataclass
class Up:
    """A running `up`: its process and what it has printed so far."""

    process: subprocess.Popen[str]
    lines: list[str]
    port: int
    dagster_port: int

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_for(self, words: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while words not in self.text:
            assert self.process.poll() is None, self.text
            assert time.monotonic() < deadline, f"no {words!r} in: {self.text}"
            time.sleep(0.1)

    def end(self, seconds: float = 60) -> int:
        return self.process.wait(seconds)


@contextmanager
def up(home: Path, *options: str) -> Iterator[Up]:
    """Start `up` in a process group of its own, as a shell does; the block ends it."""
    port, dagster_port = free_port(), free_port()
    process = subprocess.Popen(
        [*COMMAND, "up", "--port", str(port), "--dagster-port", str(dagster_port), *options],
        env=environment_of(home, auditor="wording"),
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    started = Up(process, [], port, dagster_port)

    def listen() -> None:
        assert process.stdout
        started.lines.extend(line.rstrip("\n") for line in process.stdout)

    reader = Thread(target=listen, daemon=True)
    reader.start()
    try:
        yield started
    finally:
        process.kill()
        process.wait()
        reader.join(5)
        assert process.stdout
        process.stdout.close()
