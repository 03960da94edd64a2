"""A real Dagster site for tests: webserver, daemon and code server on a database of its own."""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from sqlalchemy import Engine, text

from failure_insights.commands.supervisor import running
from failure_insights.commands.up import DAGSTER, Addresses, dagster_command
from failure_insights.orchestration.home import project_file
from failure_insights.store.database import engine_for


@dataclass(frozen=True, slots=True)
class DagsterSite:
    """A running site: its pages' address, its database, and its processes' environment."""

    url: str
    engine: Engine
    environment: Mapping[str, str]

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=30) as reply:
            answer = json.load(reply)
        assert not answer.get("errors"), answer
        return answer["data"]

    def rows(self, statement: str, **values: Any) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(text(statement), values))


@contextmanager
def dagster_site(database_url: str, home: Path, **settings: str) -> Iterator[DagsterSite]:
    """Start `dagster dev` with the project's own files on a database, as `up` does."""
    addresses = Addresses("127.0.0.1", _free_port(), _free_port())
    environment = {
        **os.environ,
        "FAILURE_INSIGHTS_DATABASE_URL": database_url,
        "FAILURE_INSIGHTS_HOME": str(home),
        "FAILURE_INSIGHTS_AUDITOR": "wording",
        "FAILURE_INSIGHTS_FORK_RUNS": "1",
        "DAGSTER_HOME": str(_dagster_home(home)),
        **settings,
    }
    commands = {DAGSTER: dagster_command(addresses)}
    with running(commands, environment, home) as processes:
        processes.wait_for(f"{addresses.dagster}/server_info", DAGSTER)
        yield DagsterSite(addresses.dagster, engine_for(database_url), environment)


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 90.0) -> Any:
    """Return the condition's first true value; fail, naming it, if none comes."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen within {seconds:.0f} seconds")


def _dagster_home(home: Path) -> Path:
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "dagster.yaml"
    if not link.exists():
        link.symlink_to(project_file("dagster.yaml"))
    return folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
