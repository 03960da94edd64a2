"""Read how far the demo has come: loaded calls, and the audits of its days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class RunAudits:
    """Numbers of audits of one Dagster run; `failed` ones are `finished` too."""

    opened: int
    finished: int
    failed: int


def newest_call(connection: Connection, projects: Sequence[str]) -> datetime | None:
    """Return when the newest call of these projects (slugs) began, or None without calls."""
    statement = text(
        "SELECT max(call.started_at) FROM calls AS call"
        " JOIN projects AS project ON project.id = call.project_id WHERE project.slug = ANY(:slugs)"
    )
    newest: datetime | None = connection.execute(statement, {"slugs": list(projects)}).scalar()
    return newest


def audited_partitions(connection: Connection, days: Sequence[date], pairs: Sequence[str]) -> int:
    """Return how many of the partitions `days` x `pairs` have an audit that did not fail."""
    statement = text(
        "SELECT count(DISTINCT (date, project_metric)) FROM insights WHERE date = ANY(:days)"
        " AND project_metric = ANY(:pairs) AND status IN ('succeeded', 'skipped_not_enough_data')"
    )
    parameters = {"days": list(days), "pairs": list(pairs)}
    return int(connection.execute(statement, parameters).scalar_one())


def audits_of_run(connection: Connection, run_id: str) -> RunAudits:
    """Return how many audits a Dagster run has opened, and how they stand."""
    statement = text(
        "SELECT count(*), count(finished_at), count(*) FILTER (WHERE status = 'failed')"
        " FROM insights WHERE dagster_run_id = :run_id"
    )
    return RunAudits(*connection.execute(statement, {"run_id": run_id}).one())
