"""What only a running Dagster shows: its daemon, webserver, command line and run processes."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from failure_insights.demo.audits import launch_run
from failure_insights.domain.metrics import slugify
from failure_insights.orchestration.grid import end_of, partition_key
from failure_insights.orchestration.home import project_file
from failure_insights.orchestration.runs import range_tags
from failure_insights.orchestration.sync_grid import sync_pairs
from failure_insights.store.database import engine_for
from failure_insights_tests.conftest import new_database
from failure_insights_tests.pipeline.conftest import dagster_on
from failure_insights_tests.pipeline.dagster_site import (
    DagsterSite,
    dagster_site,
    finished,
    insights,
    launch_backfill,
    request,
    schedule_state,
    wait_until,
)
from failure_insights_tests.pipeline.grid import DAY, HOUR, YESTERDAY, failing_call, take_calls

pytestmark = pytest.mark.slow

METRICS = ("CSAT", "Expected Outcome", "Hallucination", "Relevancy", "STT Errors")
#: In the order of the grid, which ranges go by.
PAIRS = tuple(f"clinic/{slugify(metric)}" for metric in METRICS)
DAYS = 7
BACKFILLED = [YESTERDAY - ago * DAY for ago in (3, 2, 1)]
PAIRS_PER_RUN = 3


@pytest.fixture(scope="module")
def site(
    postgres_url: str, dagster_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DagsterSite]:
    """A Dagster that was last awake a minute before 06:00 UTC, with a week of failing calls."""
    home = tmp_path_factory.mktemp("site")
    with new_database(postgres_url, dagster_database) as url:
        take_calls(engine_for(url), list(calls()))
        with dagster_on(url, home) as instance:
            sync_pairs(instance, engine_for(url))
            instance.add_instigator_state(schedule_state(end_of(YESTERDAY) - timedelta(minutes=1)))
        with dagster_site(url, home, FAILURE_INSIGHTS_PAIRS_PER_RUN=str(PAIRS_PER_RUN)) as site:
            # Dagster looks for backfills every 30 seconds; the tests look at other things first.
            launch_backfill(site, BACKFILLED, PAIRS)
            yield site


def calls() -> Iterator[dict[str, Any]]:
    for ago in range(DAYS):
        for metric in METRICS:
            for number in range(10 + ago):
                at = end_of(YESTERDAY - ago * DAY) - HOUR - timedelta(minutes=number)
                said = ("the opening hours were wrong", "a price was invented")[number % 2]
                yield failing_call(f"Clinic/{metric}", at, f"It says that {said}.")


@contextmanager
def held_up(engine: Engine) -> Iterator[Callable[[], None]]:
    """Let no audit go on until the block ends, or calls what it is given."""
    with engine.connect() as connection:
        transaction = connection.begin()
        connection.execute(text("LOCK TABLE themes IN ACCESS EXCLUSIVE MODE"))
        yield transaction.rollback
        if transaction.is_active:
            transaction.rollback()


def test_the_schedule_audits_the_whole_grid_in_few_runs(site: DagsterSite) -> None:
    rows = finished(site, 5, trigger="schedule")
    assert {(row.status, row.date) for row in rows} == {("succeeded", YESTERDAY)}
    assert {row.window_end for row in rows} == {end_of(YESTERDAY)}
    assert sorted(row.project_metric for row in rows) == sorted(PAIRS)
    assert len({row.dagster_run_id for row in rows}) == 2  # of at most three pairs
    assert {(row.num_failing_calls, row.window_days) for row in rows} == {(10, 1)}
    ticks = site.graphql(
        """{ scheduleOrError(scheduleSelector: {repositoryLocationName: "failure_insights",
             repositoryName: "__repository__", scheduleName: "daily_audit"}) {
             ... on Schedule { scheduleState { status ticks { status timestamp runIds } } } } }"""
    )["scheduleOrError"]["scheduleState"]
    assert ticks["status"] == "RUNNING"
    (tick,) = ticks["ticks"]
    assert (tick["status"], tick["timestamp"]) == ("SUCCESS", end_of(YESTERDAY).timestamp())
    assert set(tick["runIds"]) == {row.dagster_run_id for row in rows}


def test_sensors_are_looked_at_every_second(site: DagsterSite) -> None:
    """The table of ticks is what the daemon really did, in its own process."""

    def ticks() -> int:
        (row,) = site.rows(
            "SELECT count(*) FROM public.job_ticks WHERE tick_body LIKE '%regeneration_requests%'"
            " AND timestamp > now() at time zone 'utc' - interval '10 seconds'"
        )
        return int(row.count)

    wait_until(lambda: ticks() >= 6, "six looks at the queue within ten seconds")


def test_the_project_loads_as_dagster_validates_it(site: DagsterSite) -> None:
    assert "Validation successful" in dagster(site, "definitions", "validate")


def dagster(site: DagsterSite, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "dagster", *words, "-w", str(project_file("workspace.yaml"))],
        env=dict(site.environment),
        cwd=site.environment["DAGSTER_HOME"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout + done.stderr


def test_requests_are_run_though_others_cannot_be(site: DagsterSite) -> None:
    with held_up(site.engine):
        gone = request(site, "clinic/nothing")
        asked = request(site, PAIRS[0], window_days=3)
        joined = request(site, PAIRS[0], window_days=3)
        other = request(site, PAIRS[1])
        assert joined == asked
        for insight_id in (asked, other):
            (row,) = wait_until(
                lambda i=insight_id: insights(site, id=i, status="running"), "the run's start"
            )
            assert row.dagster_run_id
        assert request(site, PAIRS[0], window_days=3) == asked  # running: still the same request
    (done,) = finished(site, 1, id=asked)
    assert (done.status, done.window_days, done.trigger) == ("succeeded", 3, "request")
    assert (
        insights(site, id=gone)[0].error_message == "The pair 'clinic/nothing' is not in the store."
    )
    assert finished(site, 1, id=other)[0].status == "succeeded"
    tags = site.rows(
        "SELECT run_id FROM public.run_tags WHERE key = 'failure_insights/insight_id'"
        " AND value = ANY(:ids)",
        ids=[str(asked), str(other)],
    )
    assert len(tags) == 2


def started(site: DagsterSite, insight_id: int) -> tuple[str, int]:
    """Wait until a request's run has its row; return the run's ID and its process's."""
    (row,) = wait_until(lambda: insights(site, id=insight_id, status="running"), "the run's start")
    said = site.rows(
        "SELECT event FROM public.event_logs WHERE run_id = :run"
        " AND event LIKE '%Started process for run (pid: %'",
        run=row.dagster_run_id,
    )
    found = re.search(r"Started process for run \(pid: (\d+)\)", said[0].event)
    assert found
    return row.dagster_run_id, int(found[1])


def test_a_run_that_is_killed_leaves_no_audit_running(site: DagsterSite) -> None:
    with held_up(site.engine):
        insight_id = request(site, PAIRS[2])
        run_id, pid = started(site, insight_id)
        os.kill(pid, signal.SIGKILL)
        (row,) = finished(site, 1, id=insight_id)
    assert row.status == "failed"
    assert row.error_message == (
        f"Dagster run {run_id} failed before this audit was done; its log says why."
    )


TERMINATE = """mutation($id: String!) { terminateRun(runId: $id) {
    __typename ... on TerminateRunFailure { message } ... on PythonError { message } } }"""


def test_a_run_that_is_cancelled_leaves_no_audit_running(site: DagsterSite) -> None:
    with held_up(site.engine) as go_on:
        insight_id = request(site, PAIRS[3])
        run_id, _ = started(site, insight_id)
        answer = site.graphql(TERMINATE, id=run_id)["terminateRun"]
        assert answer["__typename"] == "TerminateRunSuccess", answer
        go_on()
    (row,) = finished(site, 1, id=insight_id)
    assert row.status == "failed"
    assert row.error_message.startswith(f"Dagster run {run_id} ")
    wait_until(lambda: run_status(site, run_id) == "CANCELED", "the run's end")


def run_status(site: DagsterSite, run_id: str) -> str:
    query = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
    return str(site.graphql(query, id=run_id)["runOrError"]["status"])


def test_a_backfill_of_past_days_goes_day_by_day_in_few_runs(site: DagsterSite) -> None:
    count = len(BACKFILLED) * len(PAIRS)
    rows = finished(site, count, trigger="backfill")
    for day, pool in zip(BACKFILLED, (13, 12, 11), strict=True):
        of_day = [row for row in rows if row.date == day]
        assert {row.window_end for row in of_day} == {end_of(day)}
        assert {row.num_failing_calls for row in of_day} == {pool}
    # A day knows the themes of the day before it, as its run came after that one's. (No earlier
    # day than these may have been audited yet: its themes would be known in any order.)
    days_of_themes = site.rows(
        "SELECT count(*) AS days FROM insight_themes"
        " WHERE insight_id = ANY(:ids) GROUP BY theme_id",
        ids=[row.id for row in rows],
    )
    assert {theme.days for theme in days_of_themes} == {len(BACKFILLED)}
    assert len({row.dagster_run_id for row in rows}) == 2 * len(BACKFILLED)


def test_dagsters_command_backfills_too(site: DagsterSite) -> None:
    day = YESTERDAY - 4 * DAY
    keys = ",".join(str(partition_key(day, pair)) for pair in PAIRS[:3])
    dagster(site, "job", "backfill", "-j", "audit", "--noprompt", "--partitions", keys)
    rows = finished(site, 3, date=day)
    assert {(row.status, row.trigger, row.num_failing_calls) for row in rows} == {
        ("succeeded", "backfill", 14)
    }
    # This command knows no ranges; runs are cheap enough.
    assert len({row.dagster_run_id for row in rows}) == 3


REEXECUTE = """mutation($params: ReexecutionParams!) {
    launchRunReexecution(reexecutionParams: $params) { __typename
        ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""


def test_re_executing_a_failed_run_does_what_is_missing(site: DagsterSite) -> None:
    day = YESTERDAY - 5 * DAY
    with site.engine.begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                " IF EXISTS (SELECT FROM insights WHERE id = NEW.insight_id"
                f" AND project_metric = '{PAIRS[1]}' AND date = '{day}') THEN RAISE 'refused';"
                " END IF; RETURN NEW; END $$;"
                " CREATE TRIGGER refuse BEFORE INSERT ON insight_themes FOR EACH ROW"
                " EXECUTE FUNCTION refuse()"
            )
        )
    try:
        first = launch_run(site.url, range_tags(day, day, PAIRS))
        rows = finished(site, 5, date=day)
    finally:
        with site.engine.begin() as connection:
            connection.execute(text("DROP FUNCTION refuse CASCADE"))
    failed = [row for row in rows if row.status == "failed"]
    assert [row.project_metric for row in failed] == [PAIRS[1]]
    assert failed[0].error_message == "The store refused the audit (ProgrammingError)."
    wait_until(lambda: run_status(site, first) == "FAILURE", "the run's end")
    answer = site.graphql(REEXECUTE, params={"parentRunId": first, "strategy": "FROM_FAILURE"})[
        "launchRunReexecution"
    ]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    (*_, again) = finished(site, 6, date=day)
    assert (again.project_metric, again.status, again.trigger) == (PAIRS[1], "succeeded", "manual")
    assert again.dagster_run_id == answer["run"]["runId"]
    wait_until(lambda: run_status(site, again.dagster_run_id) == "SUCCESS", "the run's end")
