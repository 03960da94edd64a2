"""A real Dagster site for tests: webserver, daemon and code server on a database of its own."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
)
from dagster._core.workspace.load import location_origins_from_yaml_paths
from sqlalchemy import Engine, text

from failure_insights.commands.parts import (
    CODE_SERVER,
    DAEMON,
    WEBSERVER,
    Addresses,
    code_server_command,
    daemon_command,
    webserver_command,
    write_workspace,
)
from failure_insights.commands.supervisor import Command, accepts, answers_http, running
from failure_insights.orchestration.grid import partition_key
from failure_insights.orchestration.home import project_file
from failure_insights.store.database import engine_for
from failure_insights.store.queue import request_audit
from failure_insights_tests.ports import free_port


@dataclass(frozen=True, slots=True)
class DagsterSite:
    """A running site: its pages' address, its database, and its processes' environment."""

    url: str
    engine: Engine
    environment: Mapping[str, str]

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        body = {"query": query, "variables": variables}
        answer = httpx.post(f"{self.url}/graphql", json=body, timeout=30).json()
        assert not answer.get("errors"), answer
        return answer["data"]

    def rows(self, statement: str, **values: Any) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(text(statement), values))


@contextmanager
def dagster_site(
    database_url: str, home: Path, dagster_yaml: Path | None = None, **settings: str
) -> Iterator[DagsterSite]:
    """Start Dagster's parts with the project's own files on a database, as `up` does.

    `dagster_yaml`: Dagster's configuration instead of the project's.
    """
    addresses = Addresses("127.0.0.1", free_port(), free_port())
    environment = {
        **os.environ,
        "FAILURE_INSIGHTS_DATABASE_URL": database_url,
        "FAILURE_INSIGHTS_HOME": str(home),
        "FAILURE_INSIGHTS_AUDITOR": "wording",
        "FAILURE_INSIGHTS_FORK_RUNS": "1",
        "DAGSTER_HOME": str(_dagster_home(home, dagster_yaml or project_file("dagster.yaml"))),
        **settings,
    }
    with TemporaryDirectory() as sockets:
        code_socket = Path(sockets) / "code.sock"
        workspace = write_workspace(home, code_socket)
        first = {CODE_SERVER: Command(code_server_command(code_socket), environment, home)}
        with running(first) as processes:
            processes.wait_for(partial(accepts, code_socket), CODE_SERVER)
            pages = webserver_command(addresses, workspace)
            processes.start(WEBSERVER, Command(pages, environment, home))
            processes.start(DAEMON, Command(daemon_command(workspace), environment, home))
            address = f"{addresses.dagster}/server_info"
            processes.wait_for(partial(answers_http, address), WEBSERVER)
            yield DagsterSite(addresses.dagster, engine_for(database_url), environment)


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 90.0) -> Any:
    """Return the condition's first true value; fail, naming it, if none comes."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen within {seconds:.0f} seconds")


BACKFILL = """mutation($params: LaunchBackfillParams!) {
    launchPartitionBackfill(backfillParams: $params) { __typename
        ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""


def launch_backfill(site: DagsterSite, days: Sequence[date], pairs: Sequence[str]) -> None:
    """Ask for these days and pairs, as the UI does."""
    keys = [str(partition_key(day, pair)) for day in days for pair in pairs]
    assets = [{"path": ["failing_calls"]}, {"path": ["failure_audit"]}]
    answer = site.graphql(BACKFILL, params={"assetSelection": assets, "partitionNames": keys})
    launched = answer["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched


def schedule_state(since: datetime) -> InstigatorState:
    """Return what the daemon keeps of a schedule that it has known since then."""
    (location,) = location_origins_from_yaml_paths([str(project_file("workspace.yaml"))])
    repository = RemoteRepositoryOrigin(location, "__repository__")
    return InstigatorState(
        RemoteInstigatorOrigin(repository, "daily_audit"),
        InstigatorType.SCHEDULE,
        InstigatorStatus.DECLARED_IN_CODE,
        ScheduleInstigatorData("0 6 * * *", since.timestamp()),
    )


def insights(site: DagsterSite, **wanted: Any) -> list[Any]:
    where = " AND ".join(f"{name} = :{name}" for name in wanted)
    return site.rows(f"SELECT * FROM insights WHERE {where} ORDER BY id", **wanted)


def finished(site: DagsterSite, count: int, **wanted: Any) -> list[Any]:
    """Wait until so many insights of these values are done, and return them."""

    def done() -> list[Any]:
        rows = insights(site, **wanted)
        return rows if len([row for row in rows if row.finished_at]) == count else []

    return list(wait_until(done, f"the end of {count} audits of {wanted}"))


def request(site: DagsterSite, pair: str, **asked: Any) -> int:
    with site.engine.begin() as connection:
        return request_audit(connection, pair, None, pair, **asked)[0]


def _dagster_home(home: Path, dagster_yaml: Path) -> Path:
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "dagster.yaml"
    link.unlink(missing_ok=True)
    link.symlink_to(dagster_yaml)
    return folder
