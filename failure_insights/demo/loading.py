"""Putting the demo into the store, and its grid to Dagster."""

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.request import Request, urlopen

from sqlalchemy import Engine, text

from failure_insights.demo import DEMO_VIEWS, demo_calls, demo_metric_cards
from failure_insights.demo.calls import DEMO_DAYS
from failure_insights.domain.metrics import slugify
from failure_insights.domain.pools import date_of
from failure_insights.errors import FailureInsightsError
from failure_insights.ingest.import_calls import import_calls
from failure_insights.orchestration.home import dagster_instance
from failure_insights.settings import get_settings
from failure_insights.store.projects import find_project, put_metric, put_view

Say = Callable[[str], None]

PATIENCE_S = 120.0

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

_SLUGS = [slugify(name) for name in DEMO_VIEWS]


def load_demo(engine: Engine, say: Say) -> None:
    """Import the demo's calls, metric cards and views, unless they are there already."""
    if _last_call(engine):
        say("The demo's calls are in the store already.")
        return
    report = import_calls(engine, demo_calls(datetime.now(UTC)))
    with engine.begin() as connection:
        for name, cards in demo_metric_cards().items():
            project = find_project(connection, name)
            for card in cards:
                put_metric(connection, project.id, card)
            for view, agents in DEMO_VIEWS[name].items():
                put_view(connection, project.id, view, agents)
    say(f"Loaded {report.new} demo calls of {len(DEMO_VIEWS)} projects.")


def audit_demo(engine: Engine, dagster_url: str, say: Say, check: Callable[[], None]) -> None:
    """Have Dagster audit the demo's days at once, unless it has; say when there are insights.

    The wording auditor does all ten days; the LLM agent, which costs money, the last one only.

    Args:
        engine: the store.
        dagster_url: where Dagster's webserver answers.
        say: told what is going on.
        check: called while the audits run; raises if they cannot go on.
    """
    from failure_insights.orchestration.runs import TRIGGER_TAG, range_tags
    from failure_insights.orchestration.triggers import sync_pairs

    newest = _last_call(engine)
    assert newest, "load_demo came first"
    last_day = date_of(newest) - timedelta(days=1)
    with dagster_instance() as instance:
        pairs = [key for key in sync_pairs(instance, engine) if key.split("/")[0] in _SLUGS]
    count = 1 if get_settings().uses_agent else DEMO_DAYS
    days = [last_day - timedelta(days=ago) for ago in reversed(range(count))]
    if _all_done(engine, days, pairs):
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
        done, failed, opened = _progress(engine, run_id)
        if opened and done == opened:
            took = time.monotonic() - began
            trouble = f" ({failed} failed; the dashboard says why)" if failed else ""
            say(f"{done} audits are done{trouble}, in {took:.0f} seconds: the dashboard has them.")
            return
        time.sleep(0.25)
    say("The demo's audits are still running; their insights appear as they are done.")


def launch_run(dagster_url: str, tags: dict[str, str]) -> str:
    """Launch a run of the job over the partitions that the tags name; return its ID."""
    from failure_insights.orchestration.triggers import JOB

    params = {
        "selector": {
            "repositoryLocationName": "failure_insights",
            "repositoryName": "__repository__",
            "jobName": JOB,
        },
        "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in tags.items()]},
    }
    body = json.dumps({"query": _LAUNCH, "variables": {"params": params}}).encode()
    request = Request(  # noqa: S310
        f"{dagster_url}/graphql", body, {"Content-Type": "application/json"}
    )
    with urlopen(request, timeout=60) as reply:  # noqa: S310
        result: dict[str, Any] = json.load(reply)["data"]["launchRun"]
    if result["__typename"] != "LaunchRunSuccess":
        raise FailureInsightsError(f"Dagster did not launch the demo's audits: {result}")
    return str(result["run"]["runId"])


def _days(count: int) -> str:
    return "one day" if count == 1 else f"{count} days"


def _last_call(engine: Engine) -> datetime | None:
    """Return when the newest of the demo's calls began; None: it is not loaded."""
    statement = text(
        "SELECT max(call.started_at) FROM calls AS call"
        " JOIN projects AS project ON project.id = call.project_id WHERE project.slug = ANY(:slugs)"
    )
    with engine.connect() as connection:
        found: datetime | None = connection.execute(statement, {"slugs": _SLUGS}).scalar()
    return found


def _all_done(engine: Engine, days: Sequence[date], pairs: Sequence[str]) -> bool:
    statement = text(
        "SELECT count(DISTINCT (date, project_metric)) FROM insights WHERE date = ANY(:days)"
        " AND project_metric = ANY(:pairs) AND status IN ('succeeded', 'skipped_not_enough_data')"
    )
    with engine.connect() as connection:
        done = connection.execute(statement, {"days": list(days), "pairs": list(pairs)})
        return bool(done.scalar_one() == len(days) * len(pairs))


def _progress(engine: Engine, run_id: str) -> tuple[int, int, int]:
    """Return how many of a run's audits are done, how many of them failed, and how many it has."""
    statement = text(
        "SELECT count(finished_at), count(*) FILTER (WHERE status = 'failed'), count(*)"
        " FROM insights WHERE dagster_run_id = :run_id"
    )
    with engine.connect() as connection:
        done, failed, opened = connection.execute(statement, {"run_id": run_id}).one()
    return done, failed, opened
