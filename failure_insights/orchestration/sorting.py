"""Sort new failing calls into the themes of the newest audits, between the daily ones."""

from datetime import UTC, datetime

import dagster as dg

from failure_insights.orchestration.resources import StoreResource
from failure_insights.orchestration.runs import UNFINISHED
from failure_insights.settings import Settings
from failure_insights.store.sorted_calls import has_unsorted_calls

SORT_JOB = "sort_calls"


@dg.op(description="Sort failing calls that came after each metric's newest audit into its themes.")
def sort_into_themes(
    context: dg.OpExecutionContext, store: StoreResource, settings: dg.ResourceParam[Settings]
) -> None:
    # Imported here: every process of Dagster loads this file, and few sort calls.
    from failure_insights.audit.sorting import sort_new_calls

    report = sort_new_calls(store.engine(), settings, datetime.now(UTC))
    context.log.info(
        f"{report.sorted} calls sorted into themes, {report.in_no_theme} into none. {report.left}"
    )


@dg.job(name=SORT_JOB, description="Sort new failing calls into the themes of their last audit.")
def sort_calls() -> None:
    sort_into_themes()


@dg.schedule(
    # Between two pulls of sources.
    cron_schedule="7-59/15 * * * *",
    execution_timezone="UTC",
    job_name=SORT_JOB,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def sort_new(
    context: dg.ScheduleEvaluationContext,
    store: StoreResource,
    settings: dg.ResourceParam[Settings],
) -> dg.RunRequest | dg.SkipReason:
    """Sort new failing calls every 15 minutes, if that is wanted and there are any."""
    if not settings.sort_between_audits:
        return dg.SkipReason("FAILURE_INSIGHTS_SORT_BETWEEN_AUDITS is off.")
    if not settings.uses_agent:
        return dg.SkipReason("No LLM is set.")
    with store.engine().connect() as connection:
        if not has_unsorted_calls(connection, datetime.now(UTC)):
            return dg.SkipReason("No failing call came after an audit by the agent.")
    if context.instance.get_runs_count(dg.RunsFilter(job_name=SORT_JOB, statuses=UNFINISHED)):
        return dg.SkipReason("The run before is still sorting.")
    return dg.RunRequest(run_key=context.scheduled_execution_time.isoformat(timespec="minutes"))
