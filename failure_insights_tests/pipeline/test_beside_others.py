"""Our code location in a team's own Dagster: beside another location, on stock storage, with a
database of Dagster's and one of ours. The other team's asset depends on `failure_audit`."""

import os
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from sqlalchemy import create_engine, make_url, text

from failure_insights.commands.supervisor import Command, answers_http, running
from failure_insights.orchestration.grid import end_of
from failure_insights.settings import CHECKOUT, Settings
from failure_insights.store.database import engine_for, url_for_driver
from failure_insights.store.keys import create_key
from failure_insights_tests.conftest import new_database
from failure_insights_tests.pipeline.dagster_site import (
    DagsterSite,
    finished,
    launch_backfill,
    wait_until,
)
from failure_insights_tests.pipeline.grid import HOUR, YESTERDAY, failing_call, take_calls
from failure_insights_tests.ports import free_port
from failure_insights_tests.web.browsing import serving

pytestmark = pytest.mark.slow

PAIRS = ("clinic/csat", "clinic/relevancy")
CALLS = 12
NODES = """{ assetNodes { assetKey { path } dependencyKeys { path }
    repository { location { name } } } }"""
PARTITIONS = """{ assetNodeOrError(assetKey: {path: ["failure_audit"]}) { ... on AssetNode {
    partitionKeysByDimension { name partitionKeys } } } }"""

LAUNCH = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename
    ... on PythonError { message } } }"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def site(
    postgres_url: str, reports: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DagsterSite]:
    """Webserver and daemon as a team runs them: a workspace of two code locations."""
    home = tmp_path_factory.mktemp("team")
    (home / "dagster.yaml").symlink_to(Path(__file__).with_name("stock_dagster.yaml"))
    example = CHECKOUT / "docs" / "examples" / "team_reports.py"
    ours = {"module_name": "failure_insights.definitions", "location_name": "failure_insights"}
    theirs = {"relative_path": str(example), "location_name": "reports"}
    workspace = home / "workspace.yaml"
    workspace.write_text(
        yaml.safe_dump({"load_from": [{"python_module": ours}, {"python_file": theirs}]})
    )
    with ExitStack() as stack:
        url = stack.enter_context(new_database(postgres_url, "migrated"))
        dagster_url = stack.enter_context(new_database(postgres_url, "template0"))
        engine = engine_for(url)
        take_calls(
            engine,
            [
                failing_call(f"Clinic/{metric}", end_of(YESTERDAY) - HOUR - timedelta(minutes=n))
                for metric in ("CSAT", "Relevancy")
                for n in range(CALLS)
            ],
        )
        with engine.begin() as connection:
            key = create_key(connection, "reports")
        api = stack.enter_context(serving(engine, Settings()))
        environment = {
            **os.environ,
            "DAGSTER_HOME": str(home),
            "DAGSTER_PG_URL": url_for_driver(dagster_url, "psycopg2"),
            "FAILURE_INSIGHTS_DATABASE_URL": url,
            "FAILURE_INSIGHTS_HOME": str(home / "failure_insights"),
            "FAILURE_INSIGHTS_AUDITOR": "wording",
            "FAILURE_INSIGHTS_DAGSTER_PATCHES": "0",
            "FAILURE_INSIGHTS_FORK_RUNS": "0",
            "FAILURE_INSIGHTS_URL": api.url,
            "FAILURE_INSIGHTS_KEY": key,
            "REPORTS": str(reports),
        }
        scripts = Path(sysconfig.get_path("scripts"))
        address = f"http://127.0.0.1:{free_port()}"
        pages = [
            *(str(scripts / "dagster-webserver"), "-w", str(workspace)),
            *("-h", "127.0.0.1", "-p", address.rpartition(":")[2]),
        ]
        daemon = [str(scripts / "dagster-daemon"), "run", "-w", str(workspace)]
        parts = {
            "webserver": Command(pages, environment, home),
            "daemon": Command(daemon, environment, home),
        }
        processes = stack.enter_context(running(parts))
        processes.wait_for(partial(answers_http, f"{address}/server_info"), "webserver")
        yield DagsterSite(address, engine, environment)


def test_another_team_s_asset_takes_a_day_s_themes_after_the_audits(
    site: DagsterSite, reports: Path
) -> None:
    nodes = {
        node["assetKey"]["path"][0]: (
            node["repository"]["location"]["name"],
            [key["path"][0] for key in node["dependencyKeys"]],
        )
        for node in site.graphql(NODES)["assetNodes"]
    }
    assert nodes["themes_of_a_day"] == ("reports", ["failure_audit"])
    assert nodes["failure_audit"][0] == "failure_insights"

    wait_until(lambda: _pairs(site) == set(PAIRS), "the daemon's look for pairs")
    launch_backfill(site, [YESTERDAY], PAIRS)
    rows = finished(site, len(PAIRS), trigger="backfill")
    assert {row.status for row in rows} == {"succeeded"}

    day = YESTERDAY.isoformat()
    asked = site.graphql(LAUNCH, params=run_of_their_asset(day))
    assert asked["launchRun"]["__typename"] == "LaunchRunSuccess", asked
    file = reports / f"{day}.parquet"
    wait_until(file.exists, "the report of the day")
    wait_until(lambda: file.stat().st_size, "its writing")
    themes = pd.read_parquet(file)
    assert set(themes["metric_name"]) == {"CSAT", "Relevancy"}
    assert set(themes["date"]) == {day}
    assert themes["count"].sum() == sum(
        len(mode) for mode in site.rows("SELECT call_id FROM insight_calls WHERE bucket = 'theme'")
    )


def test_dagster_s_tables_are_in_its_own_database_and_ours_in_ours(site: DagsterSite) -> None:
    tables = "SELECT table_name FROM information_schema.tables WHERE table_name = ANY(:names)"
    names = {"names": ["event_logs", "runs", "insights"]}
    theirs = create_engine(make_url(site.environment["DAGSTER_PG_URL"]))
    with theirs.connect() as connection:
        assert set(connection.execute(text(tables), names).scalars()) == {"event_logs", "runs"}
    theirs.dispose()
    assert [row.table_name for row in site.rows(tables, **names)] == ["insights"]


def run_of_their_asset(day: str) -> dict[str, Any]:
    """Return what Dagster's pages send to materialize one partition of the other team's asset."""
    return {
        "selector": {
            "repositoryLocationName": "reports",
            "repositoryName": "__repository__",
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": ["themes_of_a_day"]}],
        },
        "mode": "default",
        "executionMetadata": {"tags": [{"key": "dagster/partition", "value": day}]},
    }


def _pairs(site: DagsterSite) -> set[str]:
    node = site.graphql(PARTITIONS)["assetNodeOrError"]
    keys = {d["name"]: d["partitionKeys"] for d in node["partitionKeysByDimension"]}
    return set(keys["project_metric"])
