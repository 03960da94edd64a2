"""Lists of a project's insights: filtered, newest first, by pages, and as a view sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from failure_insights.errors import UnknownName
from failure_insights.store.database import query
from failure_insights.store.insights import Row, history_by, insight_rows
from failure_insights.store.projects import ProjectRow, spellings


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: `number` from 1, at most `size` rows.

    `newest` is the highest insight ID that the list began with: rows that arrive while a reader
    turns pages have higher ones, so that no row is read twice and none is missed.
    """

    number: int = 1
    size: int = 20
    newest: int | None = None

    @property
    def limits(self) -> Mapping[str, int]:
        return {"limit": self.size, "offset": (self.number - 1) * self.size}


@dataclass(frozen=True, slots=True)
class Listed:
    """A page's rows, how many rows all pages hold, and the `newest` to ask the next page with."""

    rows: Sequence[Row]
    total: int
    newest: int | None = None


def list_insights(
    connection: Connection,
    project: ProjectRow,
    page: Page,
    *,
    metric_name: str | None = None,
    status: str | None = None,
    view: str | None = None,
) -> Listed:
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
        "pair": metric_name and f"{project.slug}/{spellings(metric_name)['slug']}",
        "status": status,
        "newest": page.newest,
        "metric_ids": None if view_id is None else _metrics_of(connection, project, view_id),
    }
    found = connection.execute(query("list_insights_total"), values).one()
    newest = page.newest if page.newest is not None else found.newest
    values |= {"newest": newest, **page.limits}
    ids = connection.execute(query("list_insights"), values).scalars().all()
    rows = insight_rows(connection, ids)
    if view_id is not None:
        rows = as_view(connection, project, view_id, rows)
    return Listed(rows, found.total, newest)


def find_insight(
    connection: Connection, project: ProjectRow, insight_id: int, view: str | None = None
) -> Row:
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
        raise UnknownName(f"there is no insight {insight_id} in project {project.slug!r}")
    rows = insight_rows(connection, ids)
    if view is not None:
        rows = as_view(connection, project, find_view(connection, project, view), rows)
    return rows[0]


def find_view(connection: Connection, project: ProjectRow, name_or_slug: str) -> int:
    """Return a view's ID.

    Raises:
        UnknownName: the project has no such view.
    """
    statement = text(
        "SELECT id FROM views WHERE project_id = :project_id"
        " AND (slug = :given OR name = :given OR slug = :slug)"
        " ORDER BY slug = :given DESC, name = :given DESC LIMIT 1"
    )
    values = {"project_id": project.id, **spellings(name_or_slug)}
    view_id = connection.execute(statement, values).scalar()
    if view_id is None:
        raise UnknownName(f"there is no view {name_or_slug!r} in project {project.slug!r}")
    return int(view_id)


def as_view(
    connection: Connection,
    project: ProjectRow,
    view_id: int,
    rows: Sequence[Row],
    history_days: int | None = None,
) -> list[Row]:
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
    found = connection.execute(query("list_view_calls"), values)
    calls = {row.insight_id: frozenset(row.call_ids) for row in found}
    history = history_by(connection, "list_view_history", values)
    return [_narrowed(row, calls.get(row["id"], frozenset()), history) for row in rows]


def _narrowed(row: Row, seen: frozenset[str], history: Mapping[tuple[int, str], list[Row]]) -> Row:
    total = len(seen)
    modes = []
    for mode in row["failure_modes"]:
        call_ids = [call for call in mode["call_ids"] if call in seen]
        if call_ids:
            modes.append(
                mode
                | {
                    "count": len(call_ids),
                    "share": len(call_ids) / total,
                    "call_ids": call_ids,
                    "evidence": [item for item in mode["evidence"] if item["call_id"] in seen],
                    "history": history.get((row["id"], mode["theme_id"]), []),
                }
            )
    suspected = row["suspected_judge_errors"]
    return row | {
        # A row that is not done, or was skipped, has no calls by which to tell the view's part.
        "num_failing_calls": total if row["status"] == "succeeded" else row["num_failing_calls"],
        "failure_modes": modes,
        "unassigned_call_ids": [call for call in row["unassigned_call_ids"] if call in seen],
        "suspected_judge_errors": [error for error in suspected if error["call_id"] in seen],
    }


def _metrics_of(connection: Connection, project: ProjectRow, view_id: int) -> list[int]:
    values = {"project_id": project.id, "view_id": view_id}
    return list(connection.execute(query("list_view_metrics"), values).scalars())
