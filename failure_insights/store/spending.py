"""What LLM requests cost: sums by metric, project and month, and the caps that a month has."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, text
from typing_extensions import TypedDict

from failure_insights.domain.spending import Caps, PastCost, month_of
from failure_insights.store.database import query
from failure_insights.store.documented import documented

#: Of all that LLM requests cost; whoever wants to spend takes it first.
_LOCK = 7_215_307
#: Audits whose cost tells what the next will cost.
PAST_AUDITS = 10
#: Transcripts whose mean length stands for the others'.
LENGTHS_MEASURED = 12
#: Months that a page of costs shows.
MONTHS_SHOWN = 12


@documented
class SpentRow(TypedDict):
    """What a metric's audits cost in a month."""

    month: date
    """Its first day."""
    metric_name: str
    audits: int
    """That asked an LLM."""
    cost: float
    """US dollars, by list prices."""
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Spent:
    """US dollars of this month so far, with what is set aside for audits that run."""

    project: float
    all_projects: float


def spent_by_month(connection: Connection, project: str, now: datetime) -> list[SpentRow]:
    """Return what a project (slug) spent by month and metric, the newest month first."""
    first = month_of(now)
    for _ in range(MONTHS_SHOWN - 1):
        first = (first - timedelta(days=1)).replace(day=1)
    values = {"since": _midnight(first), "project": project}
    rows = connection.execute(query("spent_by_month", spending="spending"), values)
    return [
        {
            "month": row.month,
            "metric_name": row.metric,
            "audits": row.audits,
            "cost": round(row.cost, 6),
            "input_tokens": int(row.input_tokens),
            "output_tokens": int(row.output_tokens),
        }
        for row in rows
    ]


def spent_this_month(connection: Connection, project: str, now: datetime) -> Spent:
    """Return what a project (slug), and all projects together, have spent in the month of `now`."""
    values = {"since": _midnight(month_of(now)), "project": project}
    row = connection.execute(query("spent_this_month", spending="spending"), values).one()
    return Spent(row.project, row.all_projects)


def caps_of(connection: Connection, project: str, all_projects: float | None) -> Caps:
    """Return the caps that hold for a project (slug); `all_projects` is the setting's."""
    statement = text("SELECT monthly_cap FROM projects WHERE slug = :slug")
    return Caps(connection.execute(statement, {"slug": project}).scalar(), all_projects)


def put_cap(connection: Connection, project_id: int, dollars: float | None) -> None:
    """Set what a project may spend a month, in US dollars; None: no cap of its own."""
    statement = text("UPDATE projects SET monthly_cap = :cap WHERE id = :id")
    connection.execute(statement, {"id": project_id, "cap": dollars})


def set_aside(
    connection: Connection,
    insight_id: int,
    project: str,
    cost: float,
    caps: Caps,
    now: datetime,
) -> str | None:
    """Set aside what an audit that begins may cost, or return why the caps do not allow it.

    One caller at a time, so that audits that begin at once cannot pass a cap together.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    spent = spent_this_month(connection, project, now)
    if reason := caps.why_not(cost, spent.project, spent.all_projects, now):
        return reason
    statement = text("UPDATE insights SET reserved_cost = :cost WHERE id = :id")
    connection.execute(statement, {"id": insight_id, "cost": cost})
    return None


def past_costs(
    connection: Connection, metric_ids: Sequence[int], model: str
) -> Mapping[int, Sequence[PastCost]]:
    """Return what each metric's last audits by this model cost, the newest first."""
    values = {"metric_ids": list(metric_ids), "model": model, "most": PAST_AUDITS}
    costs: dict[int, list[PastCost]] = defaultdict(list)
    for row in connection.execute(query("past_costs"), values):
        costs[row.metric_id].append(
            PastCost(row.cost, row.num_failing_calls, row.input_tokens, row.output_tokens)
        )
    return costs


def call_lengths(
    connection: Connection, metric_ids: Sequence[int], before: datetime
) -> Mapping[int, float]:
    """Return the mean characters of a transcript of each metric's newest failing calls."""
    values = {"metric_ids": list(metric_ids), "before": before, "most": LENGTHS_MEASURED}
    rows = connection.execute(query("call_lengths"), values)
    return {row.metric_id: float(row.characters) for row in rows}


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
