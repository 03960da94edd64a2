"""No audit stays open after its run is dead, however it died; one that lives is left alone."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import dagster as dg
import pytest

from failure_insights.audit import heartbeat
from failure_insights.orchestration.dead_runs import NEVER_STARTED_S, SILENCE_S
from failure_insights.orchestration.runs import INSIGHT_TAG
from failure_insights.orchestration.triggers import run_failures
from failure_insights.store.queue import NewAudit, beat, open_audits, take
from failure_insights_tests.pipeline.grid import YESTERDAY, Grid, OneTheme, job_with

pytestmark = pytest.mark.slow

Status = dg.DagsterRunStatus
PAIR = "clinic/csat"


@dataclass
class OpenAudit:
    """A row that is open, and the Dagster run that has it."""

    grid: Grid
    insight_id: int
    run_id: str

    def aged(self, seconds: float, column: str = "created_at") -> None:
        self.grid.sql(
            f"UPDATE insights SET {column} = {column} - make_interval(secs => :s)", s=seconds
        )

    def run(self) -> dg.DagsterRun:
        run = self.grid.instance.get_run_by_id(self.run_id)
        assert run
        return run


def audit_of_run(grid: Grid, status: Status) -> OpenAudit:
    """Open a row for a run of this status, as a schedule's run does."""
    run = grid.instance.create_run_for_job(job_with(OneTheme), status=status)
    new = NewAudit(PAIR, None, "CSAT", YESTERDAY, "schedule")
    with grid.engine.begin() as connection:
        (insight_id,) = open_audits(connection, [new], run.run_id)
    return OpenAudit(grid, insight_id, run.run_id)


def deleted(audit: OpenAudit) -> None:
    audit.grid.instance.delete_run(audit.run_id)
    audit.aged(NEVER_STARTED_S + 1)


def silent(audit: OpenAudit) -> None:
    audit.aged(SILENCE_S + 1, "heartbeat_at")


@pytest.mark.parametrize(
    ("status", "what_happened", "reason"),
    [
        (Status.FAILURE, None, "Dagster run {} failed before this audit was done"),
        (Status.CANCELED, None, "Dagster run {} was cancelled before this audit was done"),
        (Status.SUCCESS, None, "Dagster run {} ended before this audit was done"),
        (Status.NOT_STARTED, deleted, "Dagster run {} never started, or was deleted."),
        (Status.STARTED, silent, "Dagster run {} was lost. No sign of life for 90 seconds"),
    ],
)
def test_an_audit_whose_run_is_dead_is_failed_with_the_reason(
    grid: Grid, status: Status, what_happened: Callable[[OpenAudit], None] | None, reason: str
) -> None:
    audit = audit_of_run(grid, status)
    if what_happened:
        what_happened(audit)
    grid.tick(run_failures)
    row = grid.row()
    assert row["status"] == "failed"
    assert row["error_message"].startswith(reason.format(audit.run_id))


def test_dagster_is_told_that_a_silent_run_is_lost(grid: Grid) -> None:
    audit = audit_of_run(grid, Status.STARTED)
    silent(audit)
    grid.tick(run_failures)
    assert audit.run().status is Status.FAILURE


def nothing(audit: OpenAudit) -> None:
    pass


def waits_long(audit: OpenAudit) -> None:
    audit.aged(10_000)
    audit.aged(10_000, "heartbeat_at")


@pytest.mark.parametrize(
    ("status", "what_happened"),
    [
        (Status.STARTED, nothing),
        (Status.STARTED, lambda audit: audit.aged(10_000)),
        (Status.STARTED, lambda audit: audit.aged(SILENCE_S - 20, "heartbeat_at")),
        (Status.NOT_STARTED, waits_long),
        (Status.STARTING, waits_long),
        (Status.CANCELING, waits_long),
        (Status.NOT_STARTED, lambda audit: audit.grid.instance.delete_run(audit.run_id)),
    ],
)
def test_an_audit_whose_run_may_live_is_left_alone(
    grid: Grid, status: Status, what_happened: Callable[[OpenAudit], None]
) -> None:
    what_happened(audit_of_run(grid, status))
    grid.tick(run_failures)
    assert grid.row()["status"] == "pending"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (Status.NOT_STARTED, "pending"),
        (Status.FAILURE, "failed"),  # its launch failed: the run never took the request
        (Status.CANCELED, "failed"),
        (None, "pending"),  # Dagster has no run of it yet: the next tick hands it over
    ],
)
def test_a_request_follows_the_run_that_it_was_handed_to(
    grid: Grid, status: Status | None, outcome: str
) -> None:
    insight_id = grid.request(PAIR)
    if status:
        tags = {INSIGHT_TAG: str(insight_id)}
        grid.instance.create_run_for_job(job_with(OneTheme), status=status, tags=tags)
    grid.sql("UPDATE insights SET created_at = created_at - interval '1 hour'")
    grid.tick(run_failures)
    assert grid.row()["status"] == outcome


def test_a_beating_run_keeps_its_rows_alive_and_no_others(grid: Grid) -> None:
    living, dead = audit_of_run(grid, Status.STARTED), audit_of_run(grid, Status.STARTED)
    silent(living)
    with grid.engine.begin() as connection:
        beat(connection, living.run_id)
    grid.tick(run_failures)
    assert [row["status"] for row in grid.rows(living.insight_id, dead.insight_id)] == [
        "pending",
        "failed",
    ]


def test_a_run_beats_though_its_audits_leave_the_event_loop_no_time(
    grid: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "HEARTBEAT_S", 0.05)
    grid.fail("Clinic/CSAT", 12)
    beats = []

    def block() -> None:
        for _ in range(2):
            beats.append(grid.sql("SELECT heartbeat_at FROM insights")[0].heartbeat_at)
            time.sleep(1)

    assert grid.run(auditor=OneTheme(meanwhile=block)).success
    assert beats[0] < beats[1]


def test_a_run_that_comes_after_its_row_has_ended_changes_nothing(grid: Grid) -> None:
    grid.fail("Clinic/CSAT", 12)
    insight_id = grid.request(PAIR)
    with grid.engine.begin() as connection:
        take(connection, insight_id, "another-run")
    grid.sql("UPDATE insights SET created_at = created_at - interval '1 hour'")
    grid.tick(run_failures)
    assert grid.row()["status"] == "failed"
    late = OneTheme()
    assert not grid.run_request(insight_id, PAIR, late).success
    assert late.pools == []
    assert len(grid.rows()) == 1
