"""A folder for what the commands keep, and for a server of their own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from failure_insights.store.embedded import server_process
from failure_insights_tests.conftest import folder_for_a_server


@pytest.fixture
def home() -> Iterator[Path]:
    """FAILURE_INSIGHTS_HOME of one test."""
    folder = folder_for_a_server()
    yield folder
    remove_home(folder)


def remove_home(folder: Path) -> None:
    """Remove a home, and kill what a failed test left running there."""
    for process in psutil.process_iter():
        try:
            if process.environ().get("FAILURE_INSIGHTS_HOME") == str(folder):
                process.kill()
        except psutil.Error:
            continue
    for server in (server_process(folder), server_process(folder / "postgres")):
        if server:
            server.kill()
    shutil.rmtree(folder, ignore_errors=True)
