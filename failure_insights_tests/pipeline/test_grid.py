"""A run over many pairs: what is kept, what fails, what a re-run does, and what Dagster shows."""

from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from failure_insights.orchestration.grid import partition_key
from failure_insights.orchestration.triggers import run_failures
from failure_insights_tests.pipeline.grid import (
    FAILING_CALLS,
    FAILURE_AUDIT,
    YESTERDAY,
    AssetPartitionStatus,
    Grid,
    OneTheme,
    reexecuted,
)

pytestmark = pytest.mark.slow

MATERIALIZED, FAILED = AssetPartitionStatus.MATERIALIZED, AssetPartitionStatus.FAILED
METRICS = ("CSAT", "Hallucination", "Relevancy", "STT Errors")
PAIRS = ("clinic/csat", "clinic/hallucination", "clinic/relevancy", "clinic/stt-errors")


@pytest.fixture
def clinic(grid: Grid) -> Grid:
    """A grid of four pairs, each with twelve failing calls in the 24 hours of yesterday."""
    for metric in METRICS:
        grid.fail(f"Clinic/{metric}", 12)
    grid.sync()
    return grid


def outcomes(grid: Grid) -> list[tuple[str, str, str]]:
    return [(row["metric_name"], row["status"], row["error_message"]) for row in grid.rows()]


def test_pairs_that_fail_are_failed_and_the_others_of_their_run_are_kept(clinic: Grid) -> None:
    result = clinic.run(auditor=OneTheme(broken={"CSAT", "Relevancy"}))
    assert not result.success
    assert outcomes(clinic) == [
        ("CSAT", "failed", "The endpoint refused CSAT."),
        ("Hallucination", "succeeded", ""),
        ("Relevancy", "failed", "The endpoint refused Relevancy."),
        ("STT Errors", "succeeded", ""),
    ]
    assert {row["dagster_run_id"] for row in clinic.rows()} == {result.run_id}
    shown = clinic.statuses(FAILURE_AUDIT, *PAIRS)
    assert list(shown.values()) == [FAILED, MATERIALIZED, FAILED, MATERIALIZED]
    assert set(clinic.statuses(FAILING_CALLS, *PAIRS).values()) == {MATERIALIZED}
    failure = result.failure_data_for_node("failure_audit")
    assert failure
    assert failure.user_failure_data
    assert failure.user_failure_data.description == "2 of 4 audits failed; the others are kept."
    listed = str(failure.user_failure_data.metadata["failed"].value)
    assert "The endpoint refused CSAT" in listed
    assert "STT" not in listed


@pytest.mark.parametrize("from_failure", [True, False])
def test_a_failed_run_that_is_re_executed_does_only_what_is_missing(
    clinic: Grid, from_failure: bool
) -> None:
    first = clinic.run(auditor=OneTheme(broken={"CSAT", "Relevancy"}))
    clinic.fail("Clinic/Hallucination", 1)  # came since; the audit that is done does not change
    retried = OneTheme(broken={"Relevancy"})
    second = reexecuted(clinic, first.run_id, retried, from_failure=from_failure)
    assert retried.audited == ["CSAT", "Relevancy"]
    shown = clinic.statuses(FAILURE_AUDIT, *PAIRS)
    assert list(shown.values()) == [MATERIALIZED, MATERIALIZED, FAILED, MATERIALIZED]
    last = OneTheme()
    third = reexecuted(clinic, second.run_id, last, from_failure=from_failure)
    assert last.audited == ["Relevancy"]
    assert third.success
    assert set(clinic.statuses(FAILURE_AUDIT, *PAIRS).values()) == {MATERIALIZED}
    kept = clinic.metadata(FAILURE_AUDIT, "clinic/hallucination")
    assert kept["kept from run"].value == first.run_id
    done = [row for row in clinic.rows() if row["status"] == "succeeded"]
    assert sorted(row["metric_name"] for row in done) == list(METRICS)
    assert {row["num_failing_calls"] for row in done} == {12}


def test_a_run_that_succeeded_and_is_re_executed_does_all_again(clinic: Grid) -> None:
    first = clinic.run()
    again = OneTheme()
    assert reexecuted(clinic, first.run_id, again).success
    assert again.audited == list(METRICS)
    assert len(clinic.rows()) == 8


def test_dagster_shows_what_was_read_and_what_was_found(grid: Grid) -> None:
    said = "*Bold* <b>claims</b> | in [links](http://x)"
    grid.fail("Clinic/Hallucination", 12, explanation=said)
    grid.fail("Clinic/CSAT", 2)
    grid.run()
    pool = grid.metadata(FAILING_CALLS, "clinic/hallucination")
    assert pool["failing calls"].value == 12
    assert pool["window days"].value == 1
    assert pool["window"].value == f"{YESTERDAY} 06:00 to {YESTERDAY + timedelta(1)} 06:00 UTC"
    preview = pool["preview"]
    assert isinstance(preview, dg.TableMetadataValue)
    assert len(preview.records) == 5
    assert preview.records[0].data["explanation"] == said
    assert [column.name for column in preview.schema.columns][:2] == ["call_id", "agent"]
    found = {
        key: value.value
        for key, value in grid.metadata(FAILURE_AUDIT, "clinic/hallucination").items()
    }
    assert "## 1. Hallucination went wrong\n\n12 of 12 calls (100%), new." in str(
        found.pop("breakdown")
    )
    insight = grid.row(found["insight"])
    assert (insight["metric_name"], insight["status"]) == ("Hallucination", "succeeded")
    assert found == {
        "themes": 1,
        "auditor": "wording",
        "degraded": False,
        "calls read": 0,
        "failing calls": 12,
        "window": pool["window"].value,
        "window days": 1,
        "insight": insight["id"],
        "card": "http://127.0.0.1:8000/?project=clinic#hallucination",
    }
    skipped = grid.metadata(FAILURE_AUDIT, "clinic/csat")
    assert skipped["status"].value == "Not enough metric failure instances in last 7 days."
    assert skipped["failing calls"].value == 2


def tamper(grid: Grid, table: str, body: str) -> None:
    """Have Postgres do something else to each row that is inserted."""
    grid.sql(
        f"CREATE FUNCTION tamper_{table}() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN {body}; RETURN NEW; END $$;"
        f" CREATE TRIGGER tamper BEFORE INSERT ON {table}"
        f" FOR EACH ROW EXECUTE FUNCTION tamper_{table}()"
    )


_IF_FIRST = (
    "IF NEW.call_id = (SELECT min(call ->> 'call_id')"
    " FROM failing_call_sets, jsonb_array_elements(calls) AS call) THEN"
)


@pytest.mark.parametrize(
    ("check", "tampering"),
    [
        (
            "cited_calls_are_in_the_pool",
            {"insight_calls": f"{_IF_FIRST} NEW.call_id = 'made-up'; END IF"},
        ),
        ("counts_add_up", {"insight_calls": f"{_IF_FIRST} RETURN NULL; END IF"}),
        (
            "one_to_six_themes",
            {
                "insight_calls": "NEW.position = NULL; NEW.cause = NULL; NEW.bucket = 'unassigned'",
                "insight_causes": "RETURN NULL",
                "insight_themes": "RETURN NULL",
            },
        ),
    ],
)
def test_a_check_fails_where_the_stored_insight_is_wrong(
    clinic: Grid, check: str, tampering: dict[str, str]
) -> None:
    assert set(checks(clinic.run("clinic/csat")).values()) == {True}
    for table, body in tampering.items():
        tamper(clinic, table, body)
    result = clinic.run("clinic/csat", "clinic/hallucination")
    assert checks(result) == {name: name != check for name in checks(result)}
    (evaluation,) = [e for e in result.get_asset_check_evaluations() if e.check_name == check]
    wrong = [row["id"] for row in clinic.rows()[1:]]
    offending = evaluation.metadata["insights"].value
    assert offending
    assert set(offending) <= set(wrong)


def checks(result: Any) -> dict[str, bool]:
    return {e.check_name: e.passed for e in result.get_asset_check_evaluations()}


def test_a_project_that_goes_while_its_audits_run_harms_no_other(clinic: Grid) -> None:
    clinic.fail("Shop/CSAT", 12)
    gone = "DELETE FROM projects WHERE slug = 'shop'"
    between = OneTheme(at_start=lambda: clinic.sql(gone))
    assert not clinic.run(auditor=between).success
    assert between.audited == list(METRICS)
    (failed,) = [row for row in clinic.rows() if row["status"] != "succeeded"]
    assert failed["error_message"] == (
        "The pair shop/csat is gone: its project or metric is no longer in the store."
    )
    assert clinic.statuses(FAILURE_AUDIT, "shop/csat", *PAIRS) == {
        "shop/csat": FAILED,
        **dict.fromkeys(PAIRS, MATERIALIZED),
    }
    clinic.fail("Shop/CSAT", 12)
    during = OneTheme(meanwhile=lambda: clinic.sql(gone))
    assert clinic.run(auditor=during).success
    assert {row["status"] for row in clinic.rows()[-5:]} == {"succeeded"}


def test_a_pair_that_is_gone_before_its_run_starts_fails_and_says_so(clinic: Grid) -> None:
    keys = clinic.sync()
    clinic.sql("DELETE FROM metrics WHERE slug = 'hallucination'")
    clinic.sql(
        "UPDATE metrics SET type = 'custom_code', name = 'Own', is_eligible = false"
        " WHERE slug = 'relevancy'"
    )
    auditor = OneTheme()
    assert not clinic.run(*keys, auditor=auditor).success
    assert auditor.audited == ["CSAT", "STT Errors"]
    reasons = [row["error_message"] for row in clinic.rows() if row["status"] == "failed"]
    assert len(reasons) == 2
    assert "is gone" in reasons[0]
    assert "only metrics of type llm_judge" in reasons[1]


def test_a_run_whose_pools_cannot_be_kept_leaves_rows_that_say_so(clinic: Grid) -> None:
    tamper(clinic, "failing_call_sets", "RAISE 'disk full'")
    result = clinic.run()
    assert not result.success
    assert {row["status"] for row in clinic.rows()} == {"pending"}
    clinic.tick(run_failures)
    assert {row["status"] for row in clinic.rows()} == {"failed"}
    assert {row["error_message"] for row in clinic.rows()} == {
        f"Dagster run {result.run_id} failed before this audit was done; its log says why."
    }


def test_partition_keys_of_a_run_are_its_pairs_on_each_of_its_days(clinic: Grid) -> None:
    days = [YESTERDAY - timedelta(days=1), YESTERDAY]
    result = clinic.run("clinic/hallucination", "clinic/relevancy", days=days)
    assert {e.partition for e in result.get_asset_materialization_events()} == {
        partition_key(day, pair)
        for day in days
        for pair in ("clinic/hallucination", "clinic/relevancy")
    }


def test_an_audit_that_breaks_its_own_thread_ends_the_run_and_its_rows(clinic: Grid) -> None:
    class Panic(BaseException):
        """What extension modules raise where no `except Exception` should hold it."""

    def panic() -> None:
        raise Panic

    result = clinic.run(auditor=OneTheme(meanwhile=panic))
    assert not result.success
    assert {row["error_message"] for row in clinic.rows()} == {
        f"Dagster run {result.run_id} ended before this audit."
    }
