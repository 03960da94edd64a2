"""Which audits wait for a run that is dead: killed, cancelled, lost, or never started."""

from collections import defaultdict
from collections.abc import Iterable

import dagster as dg

from failure_insights.orchestration.runs import INSIGHT_TAG
from failure_insights.store import queue

#: A run without a heartbeat for this long is dead: nine beats missed.
SILENCE_S = 90.0
#: A row whose run Dagster does not know after this long never will be run.
NEVER_STARTED_S = 60.0


def dead_audits(
    instance: dg.DagsterInstance, rows: Iterable[queue.OpenRow]
) -> dict[str, list[int]]:
    """Return the open rows whose run is dead, by the reason to tell."""
    dead: dict[str, list[int]] = defaultdict(list)
    runs: dict[str | None, dg.DagsterRun | None] = {}
    for row in rows:
        if row.dagster_run_id not in runs:
            runs[row.dagster_run_id] = (
                instance.get_run_by_id(row.dagster_run_id) if row.dagster_run_id else None
            )
        run = runs[row.dagster_run_id] or _run_of_request(instance, row)
        if reason := _why_dead(instance, row, run):
            dead[reason].append(row.id)
    return dead


def _run_of_request(instance: dg.DagsterInstance, row: queue.OpenRow) -> dg.DagsterRun | None:
    """Return the run that a request was handed to, though it has not taken it."""
    newest = instance.get_runs(dg.RunsFilter(tags={INSIGHT_TAG: str(row.id)}), limit=1)
    return newest[0] if newest else None


def _why_dead(
    instance: dg.DagsterInstance, row: queue.OpenRow, run: dg.DagsterRun | None
) -> str | None:
    if run is None:
        if row.dagster_run_id and row.age > NEVER_STARTED_S:
            return f"Dagster run {row.dagster_run_id} never started, or was deleted."
        return None
    if run.is_finished:
        how = {
            dg.DagsterRunStatus.CANCELED: "was cancelled",
            dg.DagsterRunStatus.FAILURE: "failed",
        }.get(run.status, "ended")
        return f"Dagster run {run.run_id} {how} before this audit was done; its log says why."
    if run.status == dg.DagsterRunStatus.STARTED and row.silence > SILENCE_S:
        message = f"No sign of life for {SILENCE_S:.0f} seconds: the process is gone."
        instance.report_run_failed(run, message)
        return f"Dagster run {run.run_id} was lost. {message}"
    return None
