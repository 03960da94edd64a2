"""Pulled sources as Dagster brings them: partitions, runs, failures, the schedule."""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import text

from failure_insights.definitions import defs
from failure_insights.orchestration.pulled_calls import (
    PULL_JOB,
    SOURCES,
    SOURCES_NAME,
    new_calls,
    pull_tags,
    sync_sources,
)
from failure_insights.orchestration.resources import StoreResource
from failure_insights.store.sources import NewSource, add_source, remove_source
from failure_insights_tests.pipeline.grid import Grid
from failure_insights_tests.pull.providers import FakeCall, FakeElevenLabs, FakeVapi
from failure_insights_tests.pull.server import ProviderServer, Reply

pytestmark = pytest.mark.slow

CALLS = dg.AssetKey("calls")
AT = datetime(2026, 11, 25, 5, 45, tzinfo=UTC)


def held(count: int) -> list[FakeCall]:
    """Return calls that ended lately, by the clock: a run pulls up to now."""
    start = datetime.now(UTC) - timedelta(hours=2)
    return [
        FakeCall(f"c{n}", start + timedelta(minutes=n), start + timedelta(minutes=n + 1))
        for n in range(count)
    ]


def add(grid: Grid, name: str, url: str, kind: Any = "vapi") -> None:
    since = datetime.now(UTC) - timedelta(hours=6)
    source = NewSource(name, kind, "pull", "Clinic", key_env="PULL_KEY", base_url=url, since=since)
    with grid.engine.begin() as connection:
        add_source(connection, source)


def run(grid: Grid) -> dg.ExecuteInProcessResult:
    tags = pull_tags(sync_sources(grid.instance, grid.engine))
    job = defs.resolve_job_def(PULL_JOB)
    return job.execute_in_process(instance=grid.instance, tags=tags, raise_on_error=False)


def tick(grid: Grid) -> Any:
    """Return what the schedule asks for: a run, or a reason to skip."""
    with dg.build_schedule_context(
        scheduled_execution_time=AT,
        resources={"store": StoreResource()},
        repository_def=defs.get_repository_def(),
        instance_ref=grid.instance.get_ref(),
    ) as context:
        asked = new_calls.evaluate_tick(context)
        return asked.skip_message or (asked.run_requests or [None])[0]


def materialized(grid: Grid) -> set[str]:
    return set(grid.instance.get_materialized_partitions(CALLS))


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULL_KEY", "key")


def test_one_run_brings_every_source_and_one_that_fails_costs_no_other(grid: Grid) -> None:
    with ProviderServer(FakeVapi(held(3))) as vapi, ProviderServer(FakeElevenLabs([])) as eleven:
        eleven.fault = lambda _: Reply({}, 401)
        add(grid, "vapi", vapi.url)
        add(grid, "eleven", eleven.url, "elevenlabs")
        result = run(grid)
    assert not result.success
    assert materialized(grid) == {"vapi"}
    status = grid.instance.get_status_by_partition(CALLS, ["vapi", "eleven"], SOURCES)
    assert status
    assert {key: state.value for key, state in status.items() if state} == {
        "vapi": "MATERIALIZED",
        "eleven": "FAILED",
    }
    failure = next(event for event in result.all_events if event.is_step_failure)
    assert "eleven" in str(failure.step_failure_data.user_failure_data)
    with grid.engine.connect() as connection:
        ids = connection.execute(text("SELECT call_id FROM calls")).scalars().all()
    assert sorted(ids) == ["c0", "c1", "c2"]
    event = grid.instance.get_latest_materialization_event(CALLS)
    assert event
    assert event.asset_materialization
    assert event.asset_materialization.metadata["new"].value == 3


def test_the_partitions_are_the_sources_that_are_pulled(grid: Grid) -> None:
    add(grid, "one", "http://127.0.0.1:9")
    add(grid, "two", "http://127.0.0.1:9")
    with grid.engine.begin() as connection:
        add_source(connection, NewSource("hook", "vapi", "webhook", "Clinic", key_env="X"))
    assert sync_sources(grid.instance, grid.engine) == ["one", "two"]
    with grid.engine.begin() as connection:
        remove_source(connection, "one")
    assert sync_sources(grid.instance, grid.engine) == ["two"]
    assert list(grid.instance.get_dynamic_partitions(SOURCES_NAME)) == ["two"]


def test_the_schedule_asks_for_one_run_at_a_time_and_for_none_without_a_source(
    grid: Grid,
) -> None:
    assert "No source" in tick(grid)
    add(grid, "one", "http://127.0.0.1:9")
    asked = tick(grid)
    assert pull_tags(["one"]).items() <= asked.tags.items()
    assert tick(grid).run_key == asked.run_key
    job = defs.resolve_job_def(PULL_JOB)
    grid.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=asked.tags)
    assert "still bringing" in tick(grid)


def test_calls_come_every_quarter_of_an_hour_and_just_before_the_audit() -> None:
    assert new_calls.cron_schedule == ["*/15 * * * *", "50 5 * * *"]


def test_failing_calls_are_shown_below_the_pulled_ones_and_wait_for_none(grid: Grid) -> None:
    graph = defs.resolve_asset_graph()
    assert CALLS in graph.get(dg.AssetKey("failing_calls")).parent_keys
    grid.fail("Clinic/CSAT", 3)
    assert grid.run().success
