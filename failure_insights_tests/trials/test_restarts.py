"""`up` starts each of its parts again after a hard kill, says so, and everything works again."""

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import httpx
import psutil
import pytest

from failure_insights.commands.parts import CODE_SERVER, DAEMON, POSTGRES, WEB, WEBSERVER
from failure_insights.store.embedded import server_process
from failure_insights_tests.conftest import folder_for_a_server
from failure_insights_tests.trials.commands import command, environment_of
from failure_insights_tests.trials.conftest import remove_home
from failure_insights_tests.trials.running_up import Up, up

pytestmark = pytest.mark.slow

T = TypeVar("T")

PATH = "/api/projects/shop/metric_failure_mode_insights/"
METRICS = ("Expected Outcome", "CSAT", "Hallucination", "Relevancy", "STT Errors")

#: A part of the command line of each process that is killed.
PROCESSES = {
    CODE_SERVER: "dagster api grpc",
    DAEMON: "dagster-daemon run",
    WEBSERVER: "dagster-webserver",
    WEB: "uvicorn",
}


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    folder = folder_for_a_server()
    yield folder
    remove_home(folder)


@pytest.fixture(scope="module")
def site(home: Path) -> Iterator[Up]:
    """A running `up` whose store holds calls that failed several metrics."""
    with up(home) as started:
        started.wait_for("Everything is running.", 120)
        imported = command(environment_of(home), "import", "-", given=calls())
        assert imported.returncode == 0, imported.stderr
        yield started


@pytest.fixture(scope="module")
def client(site: Up, home: Path) -> Iterator[httpx.Client]:
    key = command(environment_of(home), "keys", "create", "trial").stdout.strip()
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=site.url, headers=headers, timeout=10, trust_env=False) as opened:
        yield opened


def calls() -> str:
    began = datetime.now(UTC) - timedelta(hours=2)
    lines = (
        {
            "call_id": f"call-{number}",
            "project": "Shop",
            "agent": "hotline",
            "started_at": (began + timedelta(minutes=number)).isoformat(),
            "transcript": [{"role": "agent", "content": "Shoe shop, how can I help?"}],
            "metrics": [
                {"name": name, "passed": False, "explanation": "The refund was promised twice."}
                for name in METRICS
            ],
        }
        for number in range(12)
    )
    return "".join(json.dumps(line) + "\n" for line in lines)


@pytest.mark.parametrize(
    ("part", "metric"),
    [*zip((CODE_SERVER, DAEMON, WEBSERVER, WEB, POSTGRES), METRICS, strict=True)],
)
def test_a_part_that_is_killed_is_started_again_and_requests_are_audited(
    part: str, metric: str, site: Up, client: httpx.Client, home: Path
) -> None:
    lines = len(site.lines)
    process_of(part, site, home).kill()
    wait_until(lambda: f"{part} is started again." in site.lines[lines:], f"restart of {part}")
    (stopped,) = [line for line in site.lines[lines:] if re.match(f"{part} stopped ", line)]
    assert stopped.endswith("It is started again in 1 s.")

    wait_until(lambda: answers(f"{site.url}/healthz"), "an answer of the API")
    pages = f"http://127.0.0.1:{site.dagster_port}/server_info"
    wait_until(lambda: answers(pages), "an answer of Dagster's pages")
    asked = client.post(PATH, json={"metric_name": metric})
    assert asked.status_code == 202, asked.text
    address = asked.headers["Location"]
    row = wait_until(lambda: done(client, address), f"the audit after the kill of {part}")
    assert row["status"] == "succeeded", row
    assert site.process.poll() is None


def process_of(part: str, site: Up, home: Path) -> psutil.Process:
    if part == POSTGRES:
        server = server_process(home / "postgres")
        assert server
        return server
    children = psutil.Process(site.process.pid).children()
    (process,) = [p for p in children if PROCESSES[part] in " ".join(p.cmdline())]
    return process


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def done(client: httpx.Client, address: str) -> dict[str, object] | None:
    answer = client.get(address)
    row: dict[str, object] = answer.json()
    return row if answer.is_success and row["status"] not in ("pending", "running") else None


def wait_until(condition: Callable[[], T], what: str, seconds: float = 120) -> T:
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.2)
    return value
