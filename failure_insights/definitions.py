"""What Dagster loads: pulled calls, the two assets on the grid, and what starts their jobs."""

import dagster as dg

from failure_insights.orchestration.alerts import alerts, send_alerts
from failure_insights.orchestration.assets import failing_calls, failure_audit
from failure_insights.orchestration.digests import DIGEST_JOB, daily_digest, project_digest
from failure_insights.orchestration.failing_call_sets import FailingCallSets
from failure_insights.orchestration.patches import enabled, forked_runs
from failure_insights.orchestration.pulled_calls import PULL_JOB, calls, new_calls
from failure_insights.orchestration.resources import (
    AuditorResource,
    StoreResource,
    process_settings,
)
from failure_insights.orchestration.runs import JOB
from failure_insights.orchestration.sorting import sort_calls, sort_new
from failure_insights.orchestration.triggers import (
    daily_audit,
    eligible_pairs_sensor,
    regeneration_requests,
    run_failures,
)
from failure_insights.settings import get_settings

if enabled() and get_settings().fork_runs:
    forked_runs.install()

store = StoreResource()

defs = dg.Definitions(
    assets=[calls, failing_calls, failure_audit, project_digest],
    jobs=[
        dg.define_asset_job(
            PULL_JOB, [calls], description="Bring the new calls of sources that are pulled."
        ),
        dg.define_asset_job(
            JOB,
            [failing_calls, failure_audit],
            description="Audit pairs of the grid: failing_calls, then failure_audit.",
        ),
        dg.define_asset_job(
            DIGEST_JOB,
            [project_digest],
            description="Say of each project what is new, grew, regressed or went away.",
        ),
        send_alerts,
        sort_calls,
    ],
    schedules=[daily_audit, new_calls, sort_new],
    sensors=[regeneration_requests, eligible_pairs_sensor, run_failures, daily_digest, alerts],
    resources={
        "settings": process_settings,
        "store": store,
        "auditor": AuditorResource(),
        "failing_call_sets": FailingCallSets(store=store),
    },
    # A step's own process would cost its start again for each of the two steps.
    executor=dg.in_process_executor,
)
