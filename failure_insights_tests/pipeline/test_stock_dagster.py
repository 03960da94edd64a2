"""The project on Dagster as it is, without our storage, settings and patches: as in a cluster."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from failure_insights.orchestration.grid import end_of
from failure_insights.orchestration.sync_grid import sync_pairs
from failure_insights.settings import CHECKOUT
from failure_insights.store.database import engine_for, url_for_driver
from failure_insights_tests.conftest import new_database
from failure_insights_tests.pipeline.conftest import dagster_on
from failure_insights_tests.pipeline.dagster_site import (
    DagsterSite,
    dagster_site,
    finished,
    launch_backfill,
    request,
    schedule_state,
)
from failure_insights_tests.pipeline.grid import DAY, HOUR, YESTERDAY, failing_call, take_calls

pytestmark = pytest.mark.slow

DAGSTER_YAML = Path(__file__).with_name("stock_dagster.yaml")
PAIRS = ("clinic/csat", "clinic/relevancy")
BACKFILLED = [YESTERDAY - ago * DAY for ago in (3, 2, 1)]
CALLS_A_DAY = 12


@pytest.fixture(scope="module")
def site(
    postgres_url: str, dagster_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DagsterSite]:
    """A stock Dagster that was last awake a minute before 06:00 UTC, with four days of calls."""
    home = tmp_path_factory.mktemp("stock")
    with new_database(postgres_url, dagster_database) as url:
        calls = [
            failing_call(f"Clinic/{metric}", end_of(day) - HOUR - timedelta(minutes=number))
            for day in (*BACKFILLED, YESTERDAY)
            for metric in ("CSAT", "Relevancy")
            for number in range(CALLS_A_DAY)
        ]
        take_calls(engine_for(url), calls)
        with dagster_on(url, home) as instance:
            sync_pairs(instance, engine_for(url))
            instance.add_instigator_state(schedule_state(end_of(YESTERDAY) - timedelta(minutes=1)))
        with dagster_site(
            url,
            home,
            DAGSTER_YAML,
            DAGSTER_PG_URL=url_for_driver(url, "psycopg2"),
            FAILURE_INSIGHTS_DAGSTER_PATCHES="0",
            FAILURE_INSIGHTS_FORK_RUNS="0",
        ) as site:
            launch_backfill(site, BACKFILLED, PAIRS)
            yield site


def test_the_schedule_audits_the_grid(site: DagsterSite) -> None:
    rows = finished(site, len(PAIRS), trigger="schedule")
    assert [(row.status, row.date, row.num_failing_calls) for row in rows] == [
        ("succeeded", YESTERDAY, CALLS_A_DAY)
    ] * len(PAIRS)


def test_a_request_is_audited(site: DagsterSite) -> None:
    insight_id = request(site, PAIRS[0], window_days=3)
    (row,) = finished(site, 1, id=insight_id)
    assert (row.status, row.trigger, row.window_days) == ("succeeded", "request", 3)


def test_a_theme_is_the_same_over_the_days_of_a_backfill_in_whatever_order_they_are_audited(
    site: DagsterSite,
) -> None:
    rows = finished(site, len(BACKFILLED) * len(PAIRS), trigger="backfill")
    assert {row.status for row in rows} == {"succeeded"}
    assert {row.date for row in rows} == set(BACKFILLED)
    for pair in PAIRS:
        themes = site.rows(
            "SELECT DISTINCT theme_id FROM insight_themes WHERE insight_id = ANY(:ids)",
            ids=[row.id for row in rows if row.project_metric == pair],
        )
        assert len(themes) == 1


def test_the_coordinator_is_the_one_that_the_documents_tell_a_cluster_to_use() -> None:
    page = (CHECKOUT / "docs" / "running.md").read_text()
    _, _, chart = page.partition("### Dagster's Helm chart")
    values = yaml.safe_load(chart.split("```yaml\n")[1].split("```")[0])
    told = values["dagsterDaemon"]["runCoordinator"]["config"]["queuedRunCoordinator"]
    tested = yaml.safe_load(DAGSTER_YAML.read_text())["run_coordinator"]["config"]
    assert tested == {
        "max_concurrent_runs": told["maxConcurrentRuns"],
        "dequeue_interval_seconds": told["dequeueIntervalSeconds"],
    }
