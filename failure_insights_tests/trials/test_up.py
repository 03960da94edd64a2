"""`up --demo` from an empty folder to insights, a hard kill, a second start, and a clean stop."""

import json
import os
import re
import signal
import socket
from pathlib import Path

import httpx
import psutil
import pytest
from sqlalchemy import Engine, text

from failure_insights.demo import PLANTED_CAUSES
from failure_insights.store.database import engine_for
from failure_insights.store.embedded import server_process
from failure_insights_tests.ports import free_port
from failure_insights_tests.trials.commands import (
    codes_of,
    command,
    environment_of,
)
from failure_insights_tests.trials.running_up import Up, up

pytestmark = pytest.mark.slow


def processes_of(home: Path) -> list[str]:
    """Return the commands of all processes whose command or environment names the folder."""
    found = []
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline())
            is_ours = process.environ().get("FAILURE_INSIGHTS_HOME") == str(home)
        except psutil.Error:
            continue
        if process.pid != os.getpid() and (is_ours or str(home) in words):
            found.append(words)
    return found


def counts(engine: Engine) -> tuple[int, int]:
    with engine.connect() as connection:
        row = connection.execute(
            text("SELECT (SELECT count(*) FROM calls), (SELECT count(*) FROM insights)")
        ).one()
    return row[0], row[1]


def test_from_nothing_to_insights_through_a_hard_kill_to_a_clean_stop(home: Path) -> None:
    settings = environment_of(home, auditor="wording")
    with up(home, "--demo") as first:
        first.wait_for("Everything is running.", 240)
        engine = engine_for(f"postgresql://postgres:@/postgres?host={home / 'postgres'}")
        _every_day_of_the_demo_is_audited(engine)
        _the_sign_in_link_opens_the_dashboard_once(first)
        _the_api_tells_what_the_command_told(first, settings)
        before = counts(engine)
        engine.dispose()

        second = command(settings, "up", "--port", str(free_port()))
        assert second.returncode == 2
        assert codes_of(second.stderr) == ["running_already"]
        assert str(first.process.pid) in second.stderr

        first.process.kill()
        first.end()
    assert processes_of(home)

    with up(home, "--demo") as again:
        again.wait_for("Everything is running.", 240)
        assert "The demo's calls are in the store already." in again.text
        assert counts(engine) == before
        engine.dispose()
        os.killpg(again.process.pid, signal.SIGINT)
        assert again.end() == 0
        assert again.text.endswith("\nStopped.")
    assert processes_of(home) == []


def test_a_postgres_that_dies_ends_all_and_is_named(home: Path) -> None:
    with up(home) as started:
        started.wait_for("Starting Dagster", 60)
        server = server_process(home / "postgres")
        assert server
        server.kill()
        assert started.end() == 2
        assert codes_of(started.text) == ["part_stopped"]
    assert processes_of(home) == []


def test_a_port_that_is_taken_is_named_with_the_option_that_mends_it(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for option in ("--port", "--dagster-port"):
            refused = command(environment_of(home), "up", option, port)
            assert refused.returncode == 2
            assert codes_of(refused.stderr) == ["port_taken"]
            assert option in refused.stderr


def _every_day_of_the_demo_is_audited(engine: Engine) -> None:
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT project_metric, count(*) FILTER (WHERE status = 'succeeded'),"
                " count(*) FILTER (WHERE status <> 'failed') FROM insights GROUP BY 1"
            )
        ).all()
    assert len(rows) == len(PLANTED_CAUSES)
    assert all(total == 10 for _, _, total in rows)
    assert sum(succeeded >= 8 for _, succeeded, _ in rows) >= 6


def _the_sign_in_link_opens_the_dashboard_once(started: Up) -> None:
    link = re.search(r"Sign in +(\S+)", started.text)
    assert link
    with httpx.Client(follow_redirects=True, trust_env=False) as browser:
        assert "Willow Park Dental" in browser.get(link[1]).raise_for_status().text
    logs = "".join(log.read_text() for log in (started_home(started) / "up").glob("*.log"))
    assert link[1].partition("token=")[2] not in logs


def started_home(started: Up) -> Path:
    logs = re.search(r"Logs +(\S+)", started.text)
    assert logs
    return Path(logs[1]).parent


def _the_api_tells_what_the_command_told(started: Up, settings: dict[str, str]) -> None:
    made = command(settings, "keys", "create", "trial")
    key = made.stdout.strip()
    audited = command(
        settings,
        *("audit", "--project", "swiftline-parcels", "--metric", "Hallucination", "--json"),
    )
    assert audited.returncode == 0, audited.stderr
    row = json.loads(audited.stdout)
    path = f"/api/projects/swiftline-parcels/metric_failure_mode_insights/{row['id']}/"
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx.get(f"{started.url}{path}", headers=headers, timeout=30, trust_env=False)
    assert answer.raise_for_status().json() == row
    assert len(row["failure_modes"][0]["history"]) >= 2
