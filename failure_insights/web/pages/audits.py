"""One metric's past audits, one audit in full, and its export."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from failure_insights.domain.breakdown import SEVERITIES
from failure_insights.errors import UnknownName
from failure_insights.export.render import render
from failure_insights.store.insight_lists import find_insight, metric_slug_of
from failure_insights.store.insight_rows import FailureModeRow
from failure_insights.store.paging import Page
from failure_insights.store.past_audits import PastAuditRow, past_audits, themes_over_time
from failure_insights.store.projects import find_metric, views_of
from failure_insights.web.pages.html import render_html
from failure_insights.web.pages.visitor import Store, VisibleProject

#: Of an audit's page: themes by severity, not by their calls.
BY_SEVERITY = "severity"

router = APIRouter()

AUDITS_ON_PAGE = 20
#: Days that the table of themes over time spans.
THEME_DAYS = 30
MEDIA_TYPES = {"md": "text/markdown", "json": "application/json", "csv": "text/csv"}


@router.get("/projects/{project}/metrics/{metric}")
def metric_page(
    request: Request,
    connection: Store,
    project: VisibleProject,
    metric: str,
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> Response:
    """A metric: its card's words, its themes over time, and its past audits day by day."""
    row = find_metric(connection, project.id, metric)
    audits = past_audits(connection, row.id, Page(page, AUDITS_ON_PAGE))
    days: dict[date, list[PastAuditRow]] = {}
    for audit in audits.rows:
        days.setdefault(audit.looked_back_from.date(), []).append(audit)
    latest = max((audit.date for audit in audits.rows if audit.date), default=None)
    themes = (
        themes_over_time(connection, row.key, latest, THEME_DAYS) if latest and page == 1 else []
    )
    return render_html(
        request,
        "metric.html",
        project=project,
        metric=row,
        days=days,
        latest=latest,
        themes=themes,
        theme_days=THEME_DAYS,
        page=page,
        pages=-(-audits.total // AUDITS_ON_PAGE),
        total=audits.total,
    )


@router.get("/projects/{project}/insights/{insight_id}.{format}")
def export(connection: Store, project: VisibleProject, insight_id: int, format: str) -> Response:
    """One insight as a file to keep."""
    if format not in MEDIA_TYPES:
        raise UnknownName(f"there is no format {format!r}; take one of {', '.join(MEDIA_TYPES)}")
    row = find_insight(connection, project, insight_id)
    headers = {"Content-Disposition": f'attachment; filename="insight-{insight_id}.{format}"'}
    return Response(
        render(row, format) + "\n",
        media_type=f"{MEDIA_TYPES[format]}; charset=utf-8",
        headers=headers,
    )


@router.get("/projects/{project}/insights/{insight_id}")
def insight_page(
    request: Request,
    connection: Store,
    project: VisibleProject,
    insight_id: int,
    view: str = "",
    sort: str = "",
) -> Response:
    """One audit in full, with every call; themes by their calls, or by severity."""
    row = find_insight(connection, project, insight_id, view or None)
    if sort == BY_SEVERITY:
        row["failure_modes"].sort(key=_severity)
    return render_html(
        request,
        "insight.html",
        project=project,
        view=next((v for v in views_of(connection, project) if v.slug == view), None),
        insight=row,
        sort=sort,
        metric_slug=metric_slug_of(connection, insight_id),
    )


def _severity(mode: FailureModeRow) -> int:
    """Return the theme's place by severity, the worst first; of equal ones the order stays."""
    return SEVERITIES.index(mode["severity"]) if mode["severity"] else len(SEVERITIES)


@router.get("/projects/{project}/insights/{insight_id}/groups/{group}/calls")
def group_calls(
    request: Request,
    connection: Store,
    project: VisibleProject,
    insight_id: int,
    group: str,
    view: str = "",
) -> Response:
    """All calls of a theme (its ID), `unassigned` or `not_read`, in place of a folded list."""
    row = find_insight(connection, project, insight_id, view or None)
    groups = {mode["theme_id"]: mode["call_ids"] for mode in row["failure_modes"]}
    groups["unassigned"] = row["unassigned_call_ids"]
    groups["not_read"] = row["not_read_call_ids"]
    if group not in groups:
        raise UnknownName(f"insight {insight_id} has no theme {group!r}")
    return render_html(
        request, "calls_alone.html", project=project, insight=row, call_ids=groups[group]
    )
