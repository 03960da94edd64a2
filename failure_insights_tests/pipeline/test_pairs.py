"""The grid's pairs: which there are, their keys, and how a day of them is cut into runs."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from hypothesis import assume, example, given
from hypothesis import strategies as st

from failure_insights.definitions import defs
from failure_insights.domain.metrics import slugify
from failure_insights.domain.pools import date_of
from failure_insights.errors import BadInput
from failure_insights.orchestration.grid import (
    GRID,
    PAIRS_NAME,
    end_of,
    partition_key,
    split_partition_key,
)
from failure_insights.orchestration.resources import StoreResource, process_settings
from failure_insights.orchestration.runs import TRIGGER_TAG, chunks, range_tags
from failure_insights.orchestration.triggers import daily_audit, eligible_pairs_sensor
from failure_insights.settings import get_settings
from failure_insights_tests.pipeline.grid import (
    FAILURE_AUDIT,
    TODAY,
    YESTERDAY,
    AssetPartitionStatus,
    Grid,
    OneTheme,
    job_with,
)

pytestmark = pytest.mark.slow

METRICS = ("CSAT", "Hallucination", "Relevancy", "STT Errors", "Latency")
PAIRS = ["clinic/csat", "clinic/hallucination", "clinic/relevancy", "clinic/stt-errors"]


@pytest.fixture
def clinic(grid: Grid) -> Grid:
    """Four metrics that are audited, and one that code computes."""
    for metric in METRICS:
        grid.fail(f"Clinic/{metric}", 12)
    return grid


def known(grid: Grid) -> list[str]:
    return list(grid.instance.get_dynamic_partitions(PAIRS_NAME))


def not_eligible(grid: Grid, slug: str, eligible: bool = False) -> None:
    grid.sql(f"UPDATE metrics SET is_eligible = {eligible} WHERE slug = :slug", slug=slug)


def test_the_grid_follows_the_metrics_that_are_audited(clinic: Grid) -> None:
    clinic.tick(eligible_pairs_sensor)
    assert known(clinic) == PAIRS
    clinic.sql("DELETE FROM metrics WHERE slug = 'csat'")
    not_eligible(clinic, "relevancy")
    clinic.fail("Bank/CSAT", 3)
    clinic.tick(eligible_pairs_sensor)
    assert known(clinic) == ["clinic/hallucination", "clinic/stt-errors", "bank/csat"]
    not_eligible(clinic, "relevancy", eligible=True)
    clinic.tick(eligible_pairs_sensor)
    assert known(clinic)[-1] == "clinic/relevancy"
    clinic.sql("DELETE FROM projects")
    clinic.tick(eligible_pairs_sensor)
    assert known(clinic) == []


def unfinished_run(grid: Grid) -> None:
    tags = range_tags(YESTERDAY, YESTERDAY, PAIRS)
    grid.instance.create_run_for_job(
        job_with(OneTheme), status=dg.DagsterRunStatus.STARTED, tags=tags
    )


def unfinished_backfill(grid: Grid) -> None:
    backfill = PartitionBackfill("b", BulkActionStatus.REQUESTED, False, {}, 0.0)
    grid.instance.add_backfill(backfill)


@pytest.mark.parametrize("under_way", [unfinished_run, unfinished_backfill])
def test_a_pair_stays_in_the_grid_while_a_range_may_need_it(
    clinic: Grid, under_way: Callable[[Grid], None]
) -> None:
    clinic.sync()
    under_way(clinic)
    not_eligible(clinic, "csat")
    not_eligible(clinic, "relevancy")
    assert clinic.sync() == ["clinic/hallucination", "clinic/stt-errors"]
    assert known(clinic) == PAIRS
    for run, pair in zip(daily_runs(clinic), (PAIRS[1], PAIRS[3]), strict=True):
        assert schedules_tags(pair, pair).items() <= run.tags.items()


def daily_runs(grid: Grid) -> list[dg.RunRequest]:
    """Return what the schedule asks for at 06:00 UTC of today's date."""
    with dg.build_schedule_context(
        scheduled_execution_time=datetime.combine(TODAY, time(6), UTC),
        resources={"store": StoreResource(), "settings": process_settings},
        repository_def=defs.get_repository_def(),
        instance_ref=grid.instance.get_ref(),
    ) as context:
        return list(daily_audit.evaluate_tick(context).run_requests or [])


def schedules_tags(first: str, last: str) -> dict[str, str]:
    return range_tags(YESTERDAY, YESTERDAY, [first, last]) | {TRIGGER_TAG: "schedule"}


def test_the_tick_at_six_audits_the_date_that_ends_then(clinic: Grid) -> None:
    (run,) = daily_runs(clinic)  # of pairs that the grid did not know before
    assert schedules_tags(PAIRS[0], PAIRS[-1]).items() <= run.tags.items()
    auditor = OneTheme()
    assert clinic.execute(auditor, tags=run.tags).success
    assert auditor.audited == sorted(METRICS[:4])
    assert {(row["date"], row["trigger"], row["window_end"]) for row in clinic.rows()} == {
        (YESTERDAY, "schedule", end_of(YESTERDAY))
    }
    # Dagster starts a run key once, so that a tick which was cut off can be taken again.
    assert [again.run_key for again in daily_runs(clinic)] == [run.run_key]


def test_a_day_of_many_pairs_is_cut_into_runs_of_the_size_that_the_settings_say(
    clinic: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "pairs_per_run", 3)
    runs = daily_runs(clinic)
    assert len({run.run_key for run in runs}) == len(runs) == 2
    for run in runs:
        assert clinic.execute(tags=run.tags).success
    assert sorted(row["metric_name"] for row in clinic.rows()) == sorted(METRICS[:4])


def test_an_empty_grid_is_not_audited(grid: Grid) -> None:
    assert daily_runs(grid) == []


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 7))
def test_chunks_hold_each_wanted_pair_once_and_no_other(wanted: list[bool], size: int) -> None:
    grid = [f"p/{number}" for number in range(len(wanted))]
    pairs = [key for key, is_wanted in zip(grid, wanted, strict=True) if is_wanted]
    cut = list(chunks(pairs, grid, size))
    assert [key for chunk in cut for key in chunk] == pairs
    for chunk in cut:
        start = grid.index(chunk[0])
        assert 1 <= len(chunk) <= size
        assert grid[start : start + len(chunk)] == list(chunk)


@given(st.text(min_size=1), st.text(min_size=1), st.dates(date(2026, 1, 1), date(2030, 1, 1)))
@example("Zahnärzte am Weiher", "予約の失敗", date(2026, 11, 23))
@example("a|b/c,d[e]...", "(%_'\"\\)", date(2026, 11, 23))
@example("ﬁ ½ Ⅷ", "नमस्ते", date(2026, 11, 23))
def test_slugs_of_any_script_come_back_from_dagsters_keys(
    project: str, metric: str, day: date
) -> None:
    try:
        pair = f"{slugify(project)}/{slugify(metric)}"
    except BadInput:
        assume(False)
    key = partition_key(day, pair)
    assert split_partition_key(str(key)) == (day, pair)
    assert GRID.get_partition_key_from_str(str(key)).keys_by_dimension == {
        "date": day.isoformat(),
        PAIRS_NAME: pair,
    }
    tags = range_tags(day, day, [pair])
    assert all(split_partition_key(value) == (day, pair) for value in tags.values())


def test_a_pair_of_any_script_is_audited_on_its_partition(grid: Grid) -> None:
    names = ["Zahnärzte/予約の失敗", "予約/नमस्ते ऐप", "Ελλάδα & Co./It's 100% “odd”\\path"]
    for name in names:
        grid.fail(name, 3)
    keys = grid.sync()
    assert len(keys) == 3
    assert grid.run().success
    assert set(grid.statuses(FAILURE_AUDIT, *keys).values()) == {AssetPartitionStatus.MATERIALIZED}
    assert [f"{row['project']}/{row['metric_name']}" for row in grid.rows()] == [
        f"{key.partition('/')[0]}/{name.partition('/')[2]}"
        for key, name in zip(keys, names, strict=True)
    ]


@given(st.datetimes(timezones=st.timezones()))
@example(datetime(2026, 11, 24, 6, tzinfo=UTC))
@example(datetime(2026, 11, 24, 6, microsecond=1, tzinfo=UTC))
def test_a_moment_belongs_to_the_date_whose_24_hours_end_next(at: datetime) -> None:
    assume(date(2, 1, 1) < at.date() < date(9998, 12, 31))
    end = end_of(date_of(at))
    assert end.timetz() == time(6, tzinfo=UTC)
    assert end - timedelta(days=1) < at <= end
