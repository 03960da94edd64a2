"""The digest of each project's morning: an asset after the day's audits, and what starts it."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg

from failure_insights.audit.digests import make_digest
from failure_insights.domain.pools import date_of, end_of
from failure_insights.export.markdown import digest_markdown
from failure_insights.orchestration.grid import DATES
from failure_insights.orchestration.resources import StoreResource
from failure_insights.orchestration.runs import TRIGGER_TAG
from failure_insights.settings import Settings
from failure_insights.store.digests import days_audits, projects_of_day

DIGEST_JOB = "digest"
#: So long after 06:00 UTC the digest is made though audits are missing; it names them.
PATIENCE = timedelta(hours=2)


@dg.asset(
    partitions_def=DATES,
    # Dagster maps a date to its partitions of the grid by itself.
    deps=["failure_audit"],
    output_required=False,
    group_name="failure_insights",
    owners=["team:voice-agents"],
    kinds={"postgres"},
)
def project_digest(
    context: dg.AssetExecutionContext,
    store: StoreResource,
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """What is new, grew, regressed or went away, of each project over all of its metrics."""
    engine = store.engine()
    day = date.fromisoformat(context.partition_key[:10])
    with engine.connect() as connection:
        projects = projects_of_day(connection, day)
    now = datetime.now(UTC)
    texts = {}
    for project in projects:
        digest = make_digest(engine, settings, project, day, now)
        texts[project.slug] = dg.MetadataValue.md(digest_markdown(digest))
    return dg.MaterializeResult(metadata={"projects": len(projects), **texts})


@dg.sensor(
    job_name=DIGEST_JOB,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def daily_digest(store: StoreResource) -> dg.RunRequest | dg.SkipReason:
    """Make the digest once the day's audits have all ended, or two hours after they began."""
    now = datetime.now(UTC)
    day = date_of(now) - timedelta(days=1)
    with store.engine().connect() as connection:
        audits = days_audits(connection, day)
    if not audits.ended:
        return dg.SkipReason(f"No audit of {day} has ended yet.")
    if audits.open or (audits.missing and now < end_of(day) + PATIENCE):
        return dg.SkipReason(
            f"{audits.open} audits of {day} are under way, {audits.missing} have not begun."
        )
    return dg.RunRequest(
        run_key=f"digest-{day}", partition_key=day.isoformat(), tags={TRIGGER_TAG: "schedule"}
    )
