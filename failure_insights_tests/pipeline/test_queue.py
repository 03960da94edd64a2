"""The queue: requests are taken at least once, with their effect once, and none blocks another."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from failure_insights.orchestration.grid import PAIRS_NAME, partition_key
from failure_insights.orchestration.runs import INSIGHT_TAG, TRIGGER_TAG
from failure_insights.orchestration.triggers import REQUESTS_PER_TICK, regeneration_requests
from failure_insights.settings import get_settings
from failure_insights.store import queue
from failure_insights_tests.pipeline.grid import TODAY, Grid, OneTheme, reexecuted

pytestmark = pytest.mark.slow

PAIR = "clinic/csat"


@pytest.fixture
def clinic(grid: Grid) -> Grid:
    """A store whose pairs can be asked for, and that the grid does not know yet."""
    now = datetime.now(UTC)
    for metric in ("CSAT", "Hallucination", "Latency"):
        grid.fail(f"Clinic/{metric}", 12, now)
    grid.sql("UPDATE metrics SET type = 'custom_code' WHERE slug = 'latency'")
    return grid


def handed_over(tick: Any) -> list[int]:
    return [int(run.tags[INSIGHT_TAG]) for run in tick.run_requests]


def test_a_request_goes_from_pending_over_running_to_its_end(clinic: Grid) -> None:
    insight_id = clinic.request(PAIR, max_calls=7)
    seen = [clinic.row(insight_id)["status"]]
    watching = OneTheme(
        at_start=lambda: seen.append(clinic.row(insight_id)["status"]),
        meanwhile=lambda: seen.append(clinic.row(insight_id)["status"]),
    )
    result = clinic.run_request(insight_id, PAIR, watching)
    row = clinic.row(insight_id)
    assert [*seen, row["status"]] == ["pending", "running", "running", "succeeded"]
    assert (row["trigger"], row["max_calls"], row["date"]) == ("request", 7, TODAY)
    assert row["dagster_run_id"] == result.run_id
    few = clinic.request("clinic/hallucination", window_days=1)
    clinic.sql("DELETE FROM calls")
    clinic.run_request(few, "clinic/hallucination")
    assert clinic.row(few)["status"] == "skipped_not_enough_data"
    refused = clinic.request(PAIR)
    clinic.fail("Clinic/CSAT", 12, datetime.now(UTC))
    clinic.run_request(refused, PAIR, OneTheme(broken={"CSAT"}))
    assert clinic.row(refused)["status"] == "failed"


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("clinic/nothing", "The pair 'clinic/nothing' is not in the store."),
        ("nowhere/csat", "The pair 'nowhere/csat' is not in the store."),
        ("nonsense", "The pair 'nonsense' is not in the store."),
        ("clinic/csat/more", "The pair 'clinic/csat/more' is not in the store."),
        ("2026-11-01|clinic/csat", "The pair '2026-11-01|clinic/csat' is not in the store."),
        ("clinic/[...]\n,", "The pair 'clinic/[...]\\n,' is not in the store."),
        ("/", "The pair '/' is not in the store."),
        (
            "clinic/latency",
            'Metric "Latency" is computed by code; only LLM-judge metrics are audited.',
        ),
    ],
)
def test_a_request_that_cannot_be_run_fails_with_its_reason_and_blocks_no_other(
    clinic: Grid, key: str, reason: str
) -> None:
    before, bad, after = (
        clinic.request(PAIR),
        clinic.request(key),
        clinic.request(PAIR, max_calls=5),
    )
    assert handed_over(clinic.tick(regeneration_requests)) == [before, after]
    assert clinic.row(bad)["status"] == "failed"
    assert clinic.row(bad)["error_message"] == reason
    assert handed_over(clinic.tick(regeneration_requests)) == [before, after]


def test_a_request_before_the_first_date_of_the_grid_fails_and_says_which_setting(
    clinic: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    insight_id = clinic.request(PAIR)
    monkeypatch.setattr(get_settings(), "first_date", TODAY + timedelta(days=2))
    assert not clinic.tick(regeneration_requests).run_requests
    assert "FAILURE_INSIGHTS_FIRST_DATE" in clinic.row(insight_id)["error_message"]


def test_a_tick_asks_dagster_for_a_run_that_it_can_start(clinic: Grid) -> None:
    insight_id = clinic.request(PAIR)
    tick = clinic.tick(regeneration_requests)
    (run,) = tick.run_requests
    assert run.run_key == f"request-{insight_id}"
    assert run.partition_key == partition_key(TODAY, PAIR)
    assert run.tags[TRIGGER_TAG] == "request"
    assert run.tags["dagster/priority"] == "10"
    (grown,) = tick.dynamic_partitions_requests
    assert (grown.partitions_def_name, grown.partition_keys) == (PAIRS_NAME, [PAIR])
    # Dagster starts a run key once, so that a tick which was cut off can be taken again.
    assert clinic.tick(regeneration_requests).run_requests[0].run_key == run.run_key


def test_a_tick_hands_over_the_oldest_requests_and_leaves_the_rest(clinic: Grid) -> None:
    ids = [clinic.request(PAIR, max_calls=number) for number in range(1, REQUESTS_PER_TICK + 4)]
    assert handed_over(clinic.tick(regeneration_requests)) == ids[:REQUESTS_PER_TICK]
    with clinic.engine.begin() as connection:
        for insight_id in ids[:5]:
            queue.take(connection, insight_id, f"run-of-{insight_id}")
    assert handed_over(clinic.tick(regeneration_requests)) == ids[5 : REQUESTS_PER_TICK + 3]


def test_the_same_request_joins_the_open_one_and_another_does_not(clinic: Grid) -> None:
    first = clinic.request(PAIR)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: clinic.request(PAIR), range(8))) == {first}
    others = [clinic.request(PAIR, window_days=7), clinic.request("clinic/hallucination")]
    assert len({first, *others}) == 3
    clinic.run_request(first, PAIR)
    assert clinic.row(first)["status"] == "succeeded"
    assert clinic.request(PAIR) not in {first, *others}


def test_of_two_runs_of_one_request_one_audits_it(clinic: Grid) -> None:
    """Two daemons may take the same request; the second run finds it taken."""
    insight_id = clinic.request(PAIR)
    twin = OneTheme()
    successes = []

    def run_twin() -> None:
        successes.append(clinic.run_request(insight_id, PAIR, twin).success)

    with ThreadPoolExecutor(1) as other_daemon:
        first = OneTheme(
            meanwhile=lambda: other_daemon.submit(run_twin).result(),
        )
        result = clinic.run_request(insight_id, PAIR, first)
    assert result.success
    run_twin()
    assert successes == [False, False]
    assert (len(first.pools), twin.pools) == (1, [])
    assert clinic.row()["dagster_run_id"] == result.run_id
    assert clinic.row()["status"] == "succeeded"
    sets = clinic.sql("SELECT dagster_run_id FROM failing_call_sets")
    assert [kept.dagster_run_id for kept in sets] == [result.run_id]


def test_of_runs_that_take_a_request_at_once_one_has_it(clinic: Grid) -> None:
    insight_id = clinic.request(PAIR)

    def take(run_id: str) -> bool:
        with clinic.engine.begin() as connection:
            return queue.take(connection, insight_id, run_id) is not None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, [f"run-{number}" for number in range(8)])) == 1


def test_a_request_whose_run_is_re_executed_by_hand_gets_a_row_of_its_own(clinic: Grid) -> None:
    insight_id = clinic.request(PAIR, window_days=3, max_calls=9)
    failed = clinic.run_request(insight_id, PAIR, OneTheme(broken={"CSAT"}))
    clinic.fail("Clinic/CSAT", 5, datetime.now(UTC))
    assert reexecuted(clinic, failed.run_id, OneTheme()).success
    before, after = clinic.rows()
    assert (before["status"], after["status"]) == ("failed", "succeeded")
    assert (after["trigger"], after["window_days"], after["max_calls"]) == ("manual", 3, 9)
    assert after["window_end"] == before["created_at"]  # what was asked for, when it was asked
