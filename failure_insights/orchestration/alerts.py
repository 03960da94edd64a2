"""What looks at the rules of alerts, and the run that delivers their messages."""

from datetime import UTC, datetime

import dagster as dg

from failure_insights.alerts.outbox import check_rules, deliver
from failure_insights.orchestration.resources import StoreResource
from failure_insights.orchestration.runs import UNFINISHED
from failure_insights.settings import Settings, secret_named
from failure_insights.store.alerts import has_due_messages
from failure_insights.text.markdown import plain

ALERTS_JOB = "send_alerts"


@dg.op(description="Send the messages of alerts that are due; what cannot be sent is tried again.")
def send_messages(context: dg.OpExecutionContext, store: StoreResource) -> None:
    done = deliver(store.engine(), secret_named, lambda: datetime.now(UTC))
    context.log.info(f"{done.sent} messages sent, {done.postponed} to be tried again.")
    if done.given_up:
        raise dg.Failure(
            f"{len(done.given_up)} messages could not be delivered and are given up.",
            metadata={
                "given up": dg.MetadataValue.md("\n".join(f"- {plain(x)}" for x in done.given_up))
            },
            allow_retries=False,
        )


@dg.job(name=ALERTS_JOB, description="Deliver the messages of alerts.")
def send_alerts() -> None:
    send_messages()


@dg.sensor(
    job_name=ALERTS_JOB,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def alerts(
    context: dg.SensorEvaluationContext,
    store: StoreResource,
    settings: dg.ResourceParam[Settings],
) -> dg.RunRequest | dg.SkipReason:
    """Put what the rules tell into the outbox, and have it delivered."""
    now = datetime.now(UTC)
    with store.engine().begin() as connection:
        told = check_rules(connection, settings.public_url, now)
        is_due = has_due_messages(connection, now)
    if not is_due:
        return dg.SkipReason("No message is due.")
    running = dg.RunsFilter(job_name=ALERTS_JOB, statuses=UNFINISHED)
    if context.instance.get_runs_count(running):
        return dg.SkipReason(f"{told} new messages; the run before is still sending.")
    return dg.RunRequest(run_key=now.isoformat(timespec="seconds"))
