"""Which failing calls an audit sees: the pool rule at its borders, past days, and replays."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from failure_insights.orchestration.failing_call_sets import COLUMN_TYPES
from failure_insights.orchestration.grid import end_of
from failure_insights.settings import CHECKOUT
from failure_insights_tests.pipeline.grid import (
    DAY,
    FAILING_CALLS,
    FAILURE_AUDIT,
    TODAY,
    YESTERDAY,
    Grid,
    OneTheme,
    failing_call,
    reexecuted,
    take_calls,
)

pytestmark = pytest.mark.slow

PAIR = "clinic/csat"
SKIPPED = "skipped_not_enough_data"
TOO_FEW = "Not enough metric failure instances in last 7 days."


@pytest.mark.parametrize(
    ("in_last_day", "in_the_six_before", "older", "days", "pool", "status"),
    [
        (10, 5, 3, 1, 10, "succeeded"),
        (9, 5, 3, 7, 14, "succeeded"),
        (9, 0, 3, 7, 9, "succeeded"),
        (0, 3, 3, 7, 3, "succeeded"),
        (1, 1, 3, 7, 2, SKIPPED),
        (0, 0, 3, 7, 0, SKIPPED),
    ],
)
def test_few_calls_in_24_hours_are_looked_for_in_7_days_and_fewer_are_skipped(
    grid: Grid,
    in_last_day: int,
    in_the_six_before: int,
    older: int,
    days: int,
    pool: int,
    status: str,
) -> None:
    end = end_of(YESTERDAY)
    grid.fail("Clinic/CSAT", in_last_day, end)
    grid.fail("Clinic/CSAT", in_the_six_before, end - 6 * DAY)
    grid.fail("Clinic/CSAT", older, end - 7 * DAY)
    grid.fail("Clinic/Relevancy", 20, end)
    grid.sync()
    auditor = OneTheme()
    assert grid.run(PAIR, auditor=auditor).success
    row = grid.row()
    assert (row["window_days"], row["num_failing_calls"], row["status"]) == (days, pool, status)
    assert row["message"] == (TOO_FEW if status == SKIPPED else "One of one.")
    assert row["window_end"] == end
    assert row["window_start"] == end - days * DAY
    assert [len(seen.calls) for seen in auditor.pools] == ([] if status == SKIPPED else [pool])


@pytest.mark.parametrize(
    ("asked", "pool", "status"), [(1, 2, SKIPPED), (2, 12, "succeeded"), (30, 15, "succeeded")]
)
def test_a_window_that_a_request_names_is_used_as_it_is(
    grid: Grid, asked: int, pool: int, status: str
) -> None:
    now = datetime.now(UTC)
    for ago, calls in ((0, 2), (1, 10), (20, 3)):
        grid.fail("Clinic/CSAT", calls, now - ago * DAY)
    insight_id = grid.request(PAIR, window_days=asked)
    assert grid.run_request(insight_id, PAIR).success
    row = grid.row(insight_id)
    assert (row["window_days"], row["num_failing_calls"], row["status"]) == (asked, pool, status)
    assert row["window_end"] == row["created_at"]


def test_a_window_holds_its_start_and_not_its_end(grid: Grid) -> None:
    end = end_of(YESTERDAY)
    moment = timedelta(microseconds=1)
    times = (end - DAY - moment, end - DAY, end)
    before, start, at_end = take_calls(
        grid.engine, [failing_call("Clinic/CSAT", at) for at in times]
    )
    grid.fail("Clinic/CSAT", 9, end)
    auditor = OneTheme()
    grid.run(auditor=auditor)
    (pool,) = auditor.pools
    assert pool.window.days == 1
    assert {before, start, at_end} & set(pool.call_ids) == {start}


def test_a_backfilled_day_sees_what_had_failed_by_its_end_whenever_it_was_imported(
    grid: Grid,
) -> None:
    days = [YESTERDAY - ago * DAY for ago in (2, 1, 0)]
    for number, day in enumerate(days, start=10):
        grid.fail("Clinic/CSAT", number, end_of(day))
    seen = {}
    for day in reversed(days):
        auditor = OneTheme()
        assert grid.run(days=[day], auditor=auditor).success
        seen[day] = auditor.pools[0]
    assert [len(seen[day].calls) for day in days] == [10, 11, 12]
    assert [seen[day].window.end for day in days] == [end_of(day) for day in days]
    grid.fail("Clinic/CSAT", 5, end_of(days[0]))  # imported late
    auditor = OneTheme()
    assert grid.run(days=days, auditor=auditor).success
    assert [len(pool.calls) for pool in auditor.pools] == [15, 11, 12]


def test_the_day_under_way_is_audited_as_of_now(grid: Grid) -> None:
    grid.fail("Clinic/CSAT", 3, datetime.now(UTC))
    before = datetime.now(UTC)
    assert grid.run(days=[TODAY]).success
    assert before <= grid.row()["window_end"] <= datetime.now(UTC)


def test_an_audit_is_replayed_on_the_calls_that_were_kept(grid: Grid) -> None:
    grid.fail("Clinic/CSAT", 12)
    grid.run(asset_selection=[FAILING_CALLS])
    assert grid.rows() == []  # nothing is audited, so nothing is open
    grid.fail("Clinic/CSAT", 1)
    replay = OneTheme()
    assert grid.run(auditor=replay, asset_selection=[FAILURE_AUDIT]).success
    assert len(replay.pools[0].calls) == grid.row()["num_failing_calls"] == 12
    anew = grid.run()
    assert grid.rows()[-1]["num_failing_calls"] == 13
    grid.sql("DELETE FROM calls")  # the judge's words and the IDs are kept with the set
    again = OneTheme()
    assert reexecuted(grid, anew.run_id, again, steps=["failure_audit"]).success
    assert again.pools[0].calls[0].explanation == "It went wrong."
    assert len(again.pools[0].calls) == 13


def test_the_readmes_lines_for_a_notebook_load_a_partition_as_a_typed_frame(grid: Grid) -> None:
    (lines,) = re.findall(r"```python\n(.*?)```", (CHECKOUT / "README.md").read_text(), re.DOTALL)
    grid.fail("Clinic/Expected Outcome", 12)
    assert grid.run(asset_selection=[FAILING_CALLS]).success
    names: dict[str, Any] = {}
    exec(lines.replace("2026-11-23", str(YESTERDAY)), names)
    frame = names["calls"]
    assert {name: str(type_) for name, type_ in frame.dtypes.items()} == COLUMN_TYPES
    assert len(frame) == 12
    assert set(frame["project_metric"]) == {"clinic/expected-outcome"}
    assert frame["started_at"].max() < pd.Timestamp(end_of(YESTERDAY))


def test_a_partition_without_kept_calls_is_not_audited(grid: Grid) -> None:
    grid.fail("Clinic/CSAT", 12)
    assert not grid.run(asset_selection=[FAILURE_AUDIT]).success
    assert "materialize failing_calls first" in grid.row()["error_message"]


def test_a_run_audits_its_own_set_though_another_came_to_its_partition(grid: Grid) -> None:
    """Such as a request of 30 days, and the grid's run of the same day between its two steps."""
    grid.sql(
        "CREATE FUNCTION another() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO failing_call_sets VALUES"
        " (NEW.project_metric, NEW.date, 'another-run', NEW.window_end, 7, '[]');"
        " RETURN NULL; END $$;"
        " CREATE TRIGGER another AFTER INSERT ON failing_call_sets FOR EACH ROW"
        " WHEN (NEW.dagster_run_id <> 'another-run') EXECUTE FUNCTION another()"
    )
    grid.fail("Clinic/CSAT", 12)
    result = grid.run()
    assert result.success
    assert grid.row()["num_failing_calls"] == 12
    assert all(evaluation.passed for evaluation in result.get_asset_check_evaluations())
    assert len(grid.sql("SELECT FROM failing_call_sets")) == 2


def test_a_day_that_is_audited_again_forgets_what_it_counted_before(grid: Grid) -> None:
    for words in ("hours", "prices"):
        grid.sql("DELETE FROM calls")
        grid.fail("Clinic/CSAT", 12)
        assert grid.run(auditor=OneTheme(terms={words: 1.0})).success
    before, after = (row["failure_modes"][0] for row in grid.rows())
    assert before["theme_id"] != after["theme_id"]
    (kept,) = grid.sql("SELECT theme_id FROM theme_history")
    assert kept.theme_id == after["theme_id"]


def test_a_day_that_is_audited_late_does_not_know_the_days_to_come(grid: Grid) -> None:
    days = [YESTERDAY - ago * DAY for ago in (2, 1, 0)]
    for day in days:
        grid.fail("Clinic/CSAT", 12, end_of(day))
    words = {
        days[0]: {"hours": 1.0},
        days[1]: {"prices": 1.0},
        days[2]: {"hours": 0.5, "prices": 1.0},
    }
    for day in (days[0], days[2], days[1]):
        assert grid.run(days=[day], auditor=OneTheme(terms=words[day])).success
    themes = {row["date"]: row["failure_modes"][0] for row in grid.rows()}
    assert [themes[day]["status"] for day in days] == ["new", "new", "recurring"]
    assert themes[days[2]]["theme_id"] == themes[days[0]]["theme_id"]
    assert themes[days[1]]["theme_id"] != themes[days[0]]["theme_id"]
    assert themes[days[1]]["first_seen"] == days[1]


def test_days_share_their_themes_in_whatever_order_they_are_audited(grid: Grid) -> None:
    days = [YESTERDAY - ago * DAY for ago in (2, 1, 0)]
    for day in days:
        grid.fail("Clinic/CSAT", 12, end_of(day))
    for day in (days[2], days[0], days[1]):
        assert grid.run(days=[day]).success
    themes = {row["date"]: row["failure_modes"][0] for row in grid.rows()}
    assert len({theme["theme_id"] for theme in themes.values()}) == 1
    assert [themes[day]["status"] for day in days] == ["new", "recurring", "recurring"]
    assert {theme["first_seen"] for theme in themes.values()} == {days[0]}


def test_the_days_of_one_run_know_those_before_them(grid: Grid) -> None:
    days = [YESTERDAY - ago * DAY for ago in (2, 1, 0)]
    for day in days:
        grid.fail("Clinic/CSAT", 12, end_of(day))
        grid.fail("Clinic/Relevancy", 12, end_of(day))
    assert grid.run(days=days).success
    for metric in ("CSAT", "Relevancy"):
        rows = [row for row in grid.rows() if row["metric_name"] == metric]
        by_day = sorted(rows, key=lambda row: row["date"])
        themes = [row["failure_modes"][0] for row in by_day]
        assert [theme["status"] for theme in themes] == ["new", "recurring", "recurring"]
        assert len({theme["theme_id"] for theme in themes}) == 1
        assert [entry["count"] for entry in themes[2]["history"]] == [12, 12, 12]
