"""`failure-insights audit`: one audit now, as a Dagster materialization of its partition."""

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime

from failure_insights.domain.pools import date_of
from failure_insights.errors import BadInput
from failure_insights.orchestration.home import dagster_instance
from failure_insights.settings import get_settings
from failure_insights.store import queue
from failure_insights.store.insight_rows import InsightRow
from failure_insights.store.opening import open_store
from failure_insights.store.projects import find_metric, find_project
from failure_insights.store.read_insights import insight_rows

#: The insight's row says why an audit failed, and the run's log has every event.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def audit_in_foreground(
    project: str,
    metric: str,
    at: datetime,
    window_days: int | None,
    max_calls: int | None,
    say: Callable[[str], None],
) -> InsightRow:
    """Audit one pair as of a time and return the API's row of it.

    Raises:
        UnknownName: no such project or metric.
        NotEligible: the metric is never audited.
        BadInput: the time is in the future, or before the grid's first date.
    """
    settings = get_settings()
    _require_on_grid(at, settings.first_date)
    engine = open_store(settings.database_url, settings.home)
    with engine.connect() as connection:
        found = find_metric(connection, find_project(connection, project).id, metric)
    found.card.require_eligible()

    say(f"Auditing {found.key} as of {at:%Y-%m-%d %H:%M} UTC ...")
    run_id = str(uuid.uuid4())
    with engine.begin() as connection:
        insight_id = queue.open_manual_audit(
            connection, found.key, found.id, found.card.name, run_id, at, window_days, max_calls
        )
    reason = "it was stopped"
    try:
        reason = _materialize(found.key, date_of(at), insight_id, run_id)
    finally:
        # Nobody else would end it: a daemon need not be running beside this command.
        with engine.begin() as connection:
            ended = f"Dagster run {run_id} ended before this audit: {reason}."
            queue.fail(connection, [insight_id], ended)
    with engine.connect() as connection:
        row = insight_rows(connection, [insight_id])[0]
    say(f"Insight {insight_id}: {row['status']}.")
    return row


def _materialize(pair: str, day: date, insight_id: int, run_id: str) -> str:
    """Materialize the pair's partition of a day; return the kind of error that ended the run."""
    # Imported here, so that what is refused need not wait for Dagster.
    from failure_insights.definitions import defs
    from failure_insights.orchestration.grid import PAIRS_NAME, partition_key
    from failure_insights.orchestration.runs import INSIGHT_TAG

    with dagster_instance() as instance:
        if not instance.has_dynamic_partition(PAIRS_NAME, pair):
            instance.add_dynamic_partitions(PAIRS_NAME, [pair])
        result = defs.resolve_job_def("audit").execute_in_process(
            instance=instance,
            run_id=run_id,
            partition_key=partition_key(day, pair),
            tags={INSIGHT_TAG: str(insight_id)},
            raise_on_error=False,
            run_config=_QUIET,
        )
    errors = [event.step_failure_data.error for event in result.get_step_failure_events()]
    error = errors[0] if errors else None
    while error and error.cause:
        error = error.cause
    # Its own words may be those of a transcript; Dagster's pages show them.
    return f"{error.cls_name if error else 'its log'}; see the run in Dagster"


def _require_on_grid(at: datetime, first: date) -> None:
    if date_of(at) < first:
        raise BadInput(
            f"{at:%Y-%m-%d %H:%M} UTC is before the grid's first date {first}; "
            "set FAILURE_INSIGHTS_FIRST_DATE to an earlier one.",
            code="before_first_date",
        )
    if at > datetime.now(UTC):
        raise BadInput(
            f"{at:%Y-%m-%d %H:%M} UTC is in the future; leave --at out to audit now.",
            code="time_in_future",
        )
