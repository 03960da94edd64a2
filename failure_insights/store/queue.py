"""The rows of audits from asked to done: requests, taking them, starting, failing, heartbeats.

A row goes pending -> running -> succeeded | failed | skipped_not_enough_data. Every step is one
conditional update, so that a step taken twice has its effect once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlalchemy import Connection, text

from failure_insights.store.database import query

Status = Literal["pending", "running", "succeeded", "failed", "skipped_not_enough_data"]
Trigger = Literal["schedule", "request", "backfill", "manual"]


@dataclass(frozen=True, slots=True)
class OpenAudit:
    """An insight that is not done: what was asked, and the run that has it, if one has."""

    id: int
    project_metric: str
    created_at: datetime
    window_days: int | None = None
    max_calls: int | None = None
    #: The time at which the audit looks back; None: the time of the request.
    at: datetime | None = None
    dagster_run_id: str | None = None


def request_audit(
    connection: Connection,
    project_metric: str,
    metric_id: int | None,
    metric_name: str,
    window_days: int | None = None,
    max_calls: int | None = None,
) -> tuple[int, bool]:
    """Write a request, or join the same one while it is open.

    Returns:
        The insight's ID, and whether this call made it.
    """
    values = {
        "project_metric": project_metric,
        "metric_id": metric_id,
        "metric_name": metric_name,
        "window_days": window_days,
        "max_calls": max_calls,
    }
    while True:
        if made := connection.execute(query("request_audit"), values).scalar():
            return made, True
        if open_one := connection.execute(query("open_request"), values).scalar():
            return open_one, False


def open_manual_audit(
    connection: Connection,
    project_metric: str,
    metric_id: int,
    metric_name: str,
    run_id: str,
    at: datetime,
    window_days: int | None = None,
    max_calls: int | None = None,
) -> int:
    """Write the row of an audit that the caller is about to run itself; return its ID."""
    statement = text(
        "INSERT INTO insights (project_metric, metric_id, metric_name, trigger, dagster_run_id,"
        " window_end, requested_window_days, max_calls)"
        " VALUES (:project_metric, :metric_id, :metric_name, 'manual', :run_id, :at,"
        " :window_days, :max_calls) RETURNING id"
    )
    values = {
        "project_metric": project_metric,
        "metric_id": metric_id,
        "metric_name": metric_name,
        "run_id": run_id,
        "at": at,
        "window_days": window_days,
        "max_calls": max_calls,
    }
    return int(connection.execute(statement, values).scalar_one())


def pending_requests(connection: Connection, limit: int) -> list[OpenAudit]:
    """Return the oldest requests that no run has taken."""
    statement = text(
        f"SELECT {_OPEN_COLUMNS} FROM insights WHERE status = 'pending' AND trigger = 'request'"
        " AND dagster_run_id IS NULL ORDER BY id LIMIT :limit"
    )
    return [OpenAudit(*row) for row in connection.execute(statement, {"limit": limit})]


def take(connection: Connection, insight_id: int, run_id: str) -> OpenAudit | None:
    """Give a pending row to a run and start it; None if it is another run's, or done."""
    statement = text(
        "UPDATE insights SET status = 'running', dagster_run_id = :run_id,"
        " started_at = coalesce(started_at, clock_timestamp()), heartbeat_at = clock_timestamp(),"
        " updated_at = clock_timestamp() WHERE id = :id AND"
        " (status = 'pending' AND coalesce(dagster_run_id, :run_id) = :run_id"
        f" OR status = 'running' AND dagster_run_id = :run_id) RETURNING {_OPEN_COLUMNS}"
    )
    row = connection.execute(statement, {"id": insight_id, "run_id": run_id}).first()
    return OpenAudit(*row) if row else None


def asked_for(connection: Connection, insight_id: int) -> OpenAudit | None:
    """Return what a row asked for, whatever became of it."""
    statement = text(f"SELECT {_OPEN_COLUMNS} FROM insights WHERE id = :id")
    row = connection.execute(statement, {"id": insight_id}).first()
    return OpenAudit(*row) if row else None


@dataclass(frozen=True, slots=True)
class NewAudit:
    """A row that a run opens for a pair of its own accord."""

    project_metric: str
    metric_id: int | None
    metric_name: str
    date: date
    trigger: Trigger
    window_days: int | None = None
    max_calls: int | None = None


def open_audits(connection: Connection, audits: Sequence[NewAudit], run_id: str) -> list[int]:
    """Write the pending rows of a run's partitions that it has none of; return all IDs in order."""
    columns: Mapping[str, list[object]] = {
        "project_metrics": [audit.project_metric for audit in audits],
        "metric_ids": [audit.metric_id for audit in audits],
        "metric_names": [audit.metric_name for audit in audits],
        "dates": [audit.date for audit in audits],
        "triggers": [audit.trigger for audit in audits],
        "window_days": [audit.window_days for audit in audits],
        "max_calls": [audit.max_calls for audit in audits],
    }
    rows = connection.execute(query("open_audits"), {**columns, "run_id": run_id})
    return [row.id for row in rows]


def start(connection: Connection, insight_id: int) -> None:
    """Mark a row of the caller's run as running."""
    connection.execute(
        text(
            "UPDATE insights SET status = 'running', started_at = now(), heartbeat_at = now(),"
            " updated_at = now() WHERE id = :id AND status = 'pending'"
        ),
        {"id": insight_id},
    )


def fail(connection: Connection, insight_ids: Sequence[int], reason: str) -> int:
    """End open rows as failed, with the reason; rows that are done stay. Returns how many."""
    result = connection.execute(
        text(
            "UPDATE insights SET status = 'failed', error_message = :reason,"
            " finished_at = clock_timestamp(), updated_at = clock_timestamp()"
            " WHERE id = ANY(:ids) AND status IN ('pending', 'running')"
        ),
        {"ids": list(insight_ids), "reason": reason[:2000] or "The audit failed without a reason."},
    )
    return result.rowcount


def delete_insight(connection: Connection, insight_id: int) -> bool:
    """Delete an insight that is done, with its themes of that day; False where it is open."""
    statement = text("DELETE FROM insights WHERE id = :id AND status NOT IN ('pending', 'running')")
    return connection.execute(statement, {"id": insight_id}).rowcount > 0


def beat(connection: Connection, run_id: str) -> None:
    """Say that a run's process is alive, on each of its open rows."""
    connection.execute(
        text(
            "UPDATE insights SET heartbeat_at = now() WHERE dagster_run_id = :run_id"
            " AND status IN ('pending', 'running')"
        ),
        {"run_id": run_id},
    )


@dataclass(frozen=True, slots=True)
class OpenRow:
    """An open row as the watch over dead runs sees it; ages in seconds."""

    id: int
    dagster_run_id: str | None
    age: float
    silence: float


def open_rows(connection: Connection) -> list[OpenRow]:
    """Return every open row with its age and how long its run has given no heartbeat."""
    return [OpenRow(*row) for row in connection.execute(query("open_rows"))]


_OPEN_COLUMNS = (
    "id, project_metric, created_at, requested_window_days, max_calls, window_end, dagster_run_id"
)
