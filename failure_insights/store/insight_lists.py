"""Lists of a project's insights: filtered, newest first, by pages, and as a view sees them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from failure_insights.errors import UnknownName
from failure_insights.store.database import query
from failure_insights.store.insight_rows import CauseRow, FailureModeRow, HistoryDay, InsightRow
from failure_insights.store.names import usual_slug
from failure_insights.store.paging import Listed, Page
from failure_insights.store.projects import ProjectRow, find_metric, find_view, metrics_of_view
from failure_insights.store.queue import Status
from failure_insights.store.read_insights import history_by, insight_rows


def list_insights(
    connection: Connection,
    project: ProjectRow,
    page: Page,
    *,
    metric_name: str | None = None,
    status: Status | None = None,
    view: str | None = None,
) -> Listed[InsightRow]:
    """Return one page of a project's insights, newest first.

    Args:
        metric_name: only insights of this metric (name or slug), which may be gone.
        status: only insights of this status.
        view: as this view (name or slug) sees them, see `as_view`.

    Raises:
        UnknownName: the project has no such view.
    """
    view_id = None if view is None else find_view(connection, project, view)
    values: dict[str, Any] = {
        "project": project.slug,
        "pair": metric_name and _pair(connection, project, metric_name),
        "status": status,
        "newest": page.newest,
        "metric_ids": None if view_id is None else metrics_of_view(connection, project, view_id),
    }
    all_pages = connection.execute(query("list_insights_total"), values).one()
    newest = page.newest if page.newest is not None else all_pages.newest
    values |= {"newest": newest, **page.limits}
    ids = connection.execute(query("list_insights"), values).scalars().all()
    rows = insight_rows(connection, ids)
    if view_id is not None:
        rows = as_view(connection, project, view_id, rows)
    return Listed(rows, all_pages.total, newest)


def _pair(connection: Connection, project: ProjectRow, metric_name: str) -> str:
    try:
        return find_metric(connection, project.id, metric_name).key
    except UnknownName:
        # A metric that is gone; its insights are not.
        return f"{project.slug}/{usual_slug(metric_name)}"


def find_insight(
    connection: Connection, project: ProjectRow, insight_id: int, view: str | None = None
) -> InsightRow:
    """Return one insight of the project, as the view sees it where one is named.

    Raises:
        UnknownName: the project has no such insight or view.
    """
    statement = text(
        "SELECT id FROM insights WHERE id = :id AND split_part(project_metric, '/', 1) = :project"
    )
    values = {"id": insight_id, "project": project.slug}
    ids = connection.execute(statement, values).scalars().all()
    if not ids:
        raise UnknownName(
            f"there is no insight {insight_id} in project {project.slug!r}", code="unknown_insight"
        )
    rows = insight_rows(connection, ids)
    if view is not None:
        rows = as_view(connection, project, find_view(connection, project, view), rows)
    return rows[0]


def metric_slug_of(connection: Connection, insight_id: int) -> str:
    """Return the slug of an insight's metric, which may be gone."""
    statement = text("SELECT split_part(project_metric, '/', 2) FROM insights WHERE id = :id")
    return str(connection.execute(statement, {"id": insight_id}).scalar_one())


def as_view(
    connection: Connection,
    project: ProjectRow,
    view_id: int,
    rows: Sequence[InsightRow],
    history_days: int | None = None,
) -> list[InsightRow]:
    """Return the rows with nothing but calls of the view's agents.

    Counts follow: `num_failing_calls` is the view's part of the pool, so that counts still add up
    to it, and `share` is of that part. A theme without a call of the view is left out.
    `num_calls_analyzed`, `usage` and `message` stay the audit's own: it read the whole pool.
    `history_days` is as in `insight_rows`.
    """
    values = {
        "project_id": project.id,
        "view_id": view_id,
        "ids": [row["id"] for row in rows],
        "days": history_days,
    }
    calls = {
        row.insight_id: frozenset(row.call_ids)
        for row in connection.execute(query("view_calls"), values)
    }
    history = history_by(connection, "view_history", values)
    return [_narrowed(row, calls.get(row["id"], frozenset()), history) for row in rows]


def _narrowed(
    row: InsightRow,
    seen: frozenset[str],
    history: Mapping[tuple[int, str], list[HistoryDay]],
) -> InsightRow:
    # A row that is not done, or was skipped, has no calls by which to tell the view's part.
    total = len(seen) if row["status"] == "succeeded" else row["num_failing_calls"]
    modes = [
        _narrowed_mode(mode, seen, history.get((row["id"], mode["theme_id"]), []))
        for mode in row["failure_modes"]
        if not seen.isdisjoint(mode["call_ids"])
    ]
    suspected = row["suspected_judge_errors"]
    return {
        **row,
        "num_failing_calls": total,
        "failure_modes": modes,
        "unassigned_call_ids": [call for call in row["unassigned_call_ids"] if call in seen],
        "suspected_judge_errors": [error for error in suspected if error["call_id"] in seen],
        "metric_findings": [item for item in row["metric_findings"] if item["call_id"] in seen],
        "not_read_call_ids": [call for call in row["not_read_call_ids"] if call in seen],
        "other_causes": _narrowed_causes(row["other_causes"], seen),
    }


def _narrowed_mode(
    mode: FailureModeRow, seen: frozenset[str], history: list[HistoryDay]
) -> FailureModeRow:
    call_ids = [call for call in mode["call_ids"] if call in seen]
    return {
        **mode,
        "count": len(call_ids),
        "share": len(call_ids) / len(seen),
        "call_ids": call_ids,
        "evidence": [item for item in mode["evidence"] if item["call_id"] in seen],
        "history": history,
        "causes": _narrowed_causes(mode["causes"], seen),
        "also_call_ids": [call for call in mode["also_call_ids"] if call in seen],
    }


def _narrowed_causes(causes: Sequence[CauseRow], seen: frozenset[str]) -> list[CauseRow]:
    narrowed = [(cause, [call for call in cause["call_ids"] if call in seen]) for cause in causes]
    return [
        {**cause, "call_ids": call_ids, "count": len(call_ids)}
        for cause, call_ids in narrowed
        if call_ids
    ]
