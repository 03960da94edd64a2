"""Have Dagster audit the demo's days."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import Engine

from failure_insights.demo.calls import DEMO_DAYS
from failure_insights.demo.loading import DEMO_SLUGS, Say
from failure_insights.domain.pools import date_of
from failure_insights.errors import FailureInsightsError
from failure_insights.orchestration.home import dagster_instance
from failure_insights.orchestration.runs import JOB, TRIGGER_TAG, range_tags
from failure_insights.orchestration.sync_grid import sync_pairs
from failure_insights.settings import get_settings
from failure_insights.store.demo_progress import audited_partitions, audits_of_run, newest_call

#: Seconds to wait for the audits before `up` goes on; they go on as well.
PATIENCE_S = 120.0
POLL_S = 0.25
LAUNCH_TIMEOUT_S = 60.0

_LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""


def audit_demo(engine: Engine, dagster_url: str, say: Say, check: Callable[[], None]) -> None:
    """Have Dagster audit the demo's days at once, unless it has; say when there are insights.

    The wording auditor does all ten days; the LLM agent, which costs money, the last one only.

    Args:
        engine: the store.
        dagster_url: where Dagster's webserver answers.
        say: told what is going on.
        check: called while the audits run; raises if they cannot go on.
    """
    with engine.connect() as connection:
        newest = newest_call(connection, DEMO_SLUGS)
    assert newest, "load_demo came first"
    last_day = date_of(newest) - timedelta(days=1)
    with dagster_instance() as instance:
        pairs = [key for key in sync_pairs(instance, engine) if key.split("/")[0] in DEMO_SLUGS]
    count = 1 if get_settings().uses_agent else DEMO_DAYS
    days = [last_day - timedelta(days=ago) for ago in reversed(range(count))]
    with engine.connect() as connection:
        if audited_partitions(connection, days, pairs) == len(days) * len(pairs):
            return
    tags = range_tags(days[0], days[-1], pairs) | {TRIGGER_TAG: "backfill"}
    began = time.monotonic()
    run_id = launch_run(dagster_url, tags)
    say(f"Auditing {len(pairs)} metrics on {_days(count)} ...")
    if count < DEMO_DAYS:
        say("  An LLM endpoint is set: its agent audits one day. FAILURE_INSIGHTS_AUDITOR=wording")
        say("  audits all ten without it.")
    while time.monotonic() < began + PATIENCE_S:
        check()
        with engine.connect() as connection:
            audits = audits_of_run(connection, run_id)
        if audits.opened and audits.finished == audits.opened:
            took = time.monotonic() - began
            trouble = f" ({audits.failed} failed; the dashboard says why)" if audits.failed else ""
            say(
                f"{audits.finished} audits are done{trouble}, in {took:.0f} seconds: "
                "the dashboard has them."
            )
            return
        time.sleep(POLL_S)
    say("The demo's audits are still running; their insights appear as they are done.")


def launch_run(dagster_url: str, tags: dict[str, str]) -> str:
    """Launch a run of the job over the partitions that the tags name; return its ID."""
    params = {
        "selector": {
            "repositoryLocationName": "failure_insights",
            "repositoryName": "__repository__",
            "jobName": JOB,
        },
        "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in tags.items()]},
    }
    answer = httpx.post(
        f"{dagster_url}/graphql",
        json={"query": _LAUNCH, "variables": {"params": params}},
        timeout=LAUNCH_TIMEOUT_S,
    )
    result: dict[str, Any] = answer.raise_for_status().json()["data"]["launchRun"]
    if result["__typename"] != "LaunchRunSuccess":
        raise FailureInsightsError(
            f"Dagster did not launch the demo's audits: {result}", code="demo_not_launched"
        )
    return str(result["run"]["runId"])


def _days(count: int) -> str:
    return "one day" if count == 1 else f"{count} days"
