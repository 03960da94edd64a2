"""What a project's audits cost: this month against its cap, tomorrow's grid, and past months."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection
from typing_extensions import TypedDict

from failure_insights.audit.estimates import estimate_audits
from failure_insights.domain.spending import Basis, Estimate, total
from failure_insights.settings import Settings
from failure_insights.store.documented import documented
from failure_insights.store.names import ProjectRow
from failure_insights.store.projects import MetricRow, eligible_pairs
from failure_insights.store.spending import SpentRow, caps_of, spent_by_month, spent_this_month


@documented
class EstimateRow(TypedDict):
    """What one audit may cost, each call read anew. Calls that were read before cost nothing."""

    metric_name: str
    failing_calls: int
    """In the window that its audit would read now."""
    low: float | None
    """US dollars, by list prices; null: the price of the model is not known."""
    high: float | None
    basis: Basis
    """`past_audits`: what this metric's last audits cost for each call; `length_of_calls`: how long
    its calls are; `no_llm`: grouped by wording; `no_calls`: too few failing calls."""


@documented
class CostsRow(TypedDict):
    """What a project's audits cost, in US dollars by list prices: an estimate, not a bill."""

    model: str | None
    """Null: no LLM is asked."""
    spent_this_month: float
    """In this calendar month (UTC), with what is set aside for audits that run."""
    monthly_cap: float | None
    """Of this project; an audit that could pass it is grouped by wording."""
    cap_of_all_projects: float | None
    """FAILURE_INSIGHTS_MONTHLY_CAP."""
    paused: str | None
    """Why no LLM would be asked now; null: one would."""
    next_grid: EstimateRow
    """All metrics of the next daily audit together, as if it ran now."""
    next_audits: list[EstimateRow]
    """The same for each metric, the dearest first."""
    months: list[SpentRow]
    """The last twelve, by metric, the newest month first."""


def costs_of(
    connection: Connection, settings: Settings, project: ProjectRow, now: datetime
) -> CostsRow:
    """Return what a project's audits cost and will cost, as of a time."""
    metrics = eligible_pairs(connection, [project.id])
    rows = estimates_of(connection, settings, metrics, now)
    spent = spent_this_month(connection, project.slug, now)
    caps = caps_of(connection, project.slug, settings.monthly_cap)
    together = total([_estimate(row) for row in rows])
    dearest = max((row["high"] or 0.0 for row in rows), default=0.0)
    return {
        "model": settings.model if settings.uses_agent else None,
        "spent_this_month": round(spent.project, 6),
        "monthly_cap": caps.project,
        "cap_of_all_projects": caps.all_projects,
        "paused": caps.why_not(dearest, spent.project, spent.all_projects, now)
        if settings.uses_agent
        else None,
        "next_grid": _row("all metrics", together),
        "next_audits": sorted(rows, key=lambda row: -(row["high"] or 0.0)),
        "months": spent_by_month(connection, project.slug, now),
    }


def estimates_of(
    connection: Connection,
    settings: Settings,
    metrics: Sequence[MetricRow],
    now: datetime,
    *,
    window_days: int | None = None,
    max_calls: int | None = None,
) -> list[EstimateRow]:
    """Return what an audit of each of these metrics would cost now."""
    ids = [metric.id for metric in metrics]
    estimates = estimate_audits(
        connection, settings, ids, now, window_days=window_days, max_calls=max_calls
    )
    return [_row(metric.name, estimates[metric.id]) for metric in metrics]


def _row(metric_name: str, estimate: Estimate) -> EstimateRow:
    return {
        "metric_name": metric_name,
        "failing_calls": estimate.failing,
        "low": estimate.low,
        "high": estimate.high,
        "basis": estimate.basis,
    }


def _estimate(row: EstimateRow) -> Estimate:
    return Estimate(row["failing_calls"], row["low"], row["high"], row["basis"])
