"""Cekura's ways to say that a judge was wrong: votes on a result, and whole failure modes."""

from collections.abc import Collection
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from failure_insights.domain.calls import Score
from failure_insights.domain.result_marks import MarkVerdict
from failure_insights.domain.theme_life import DismissalReason
from failure_insights.errors import BadInput, UnknownName
from failure_insights.store.insight_lists import find_insight
from failure_insights.store.projects import ProjectRow, metric_of_id
from failure_insights.store.result_marks import MOST_NOTE, mark_result
from failure_insights.store.seen_rows import project_of_row
from failure_insights.store.theme_acts import ThemeChange, change_theme
from failure_insights.store.theme_lists import find_theme
from failure_insights.web.api.answers import MAX_ID, answer
from failure_insights.web.auth.api_keys import Caller, CallerOf
from failure_insights.web.cekura.calls import CALL_LOGS, CallNumber, call_meant
from failure_insights.web.cekura.categories import Slug, calls_of_theme
from failure_insights.web.cekura.insights import INSIGHTS, InsightId, mode_at
from failure_insights.web.cekura.scope import Id, one_project

router = APIRouter()


class Vote(BaseModel):
    """A vote on one metric's result of a call: it stands, or what it should have been."""

    model_config = ConfigDict(extra="ignore")
    metric_id: int = Field(ge=1, le=MAX_ID)
    thumbs_up: bool
    expected_value: Score = None
    feedback: str | None = Field(None, max_length=MOST_NOTE)


class FixMetric(BaseModel):
    """Says of a failure mode's calls that the judge was wrong: they pass, where no value is sent.
    Null as the expected value: the metric does not apply to them."""

    model_config = ConfigDict(extra="ignore")
    failure_mode_index: int = Field(0, ge=0)
    feedback: str | None = Field(None, max_length=MOST_NOTE)
    expected_value: Score = None

    @property
    def verdict(self) -> MarkVerdict:
        is_null = "expected_value" in self.model_fields_set and self.expected_value is None
        return "metric_wrong" if is_null else "judge_wrong"


@router.post(f"{CALL_LOGS[0]}/{{number:int}}/mark_metric_vote/")
@router.post(f"{CALL_LOGS[1]}/{{number:int}}/mark_metric_vote/")
def vote(caller: CallerOf, number: CallNumber, body: Vote) -> Response:
    """Confirm a judge's result, or say that it is wrong; later audits leave a wrong failure out."""
    if body.thumbs_up and body.expected_value is not None:
        raise BadInput("an expected_value belongs to thumbs_up false; leave it out")
    with caller.engine.begin() as connection:
        place = project_of_row(connection, caller.key, "call", number)
        metric = metric_of_id(connection, body.metric_id)
        if metric.project_id != place.id:
            raise UnknownName(f"there is no metric {body.metric_id} in the project of the call")
        mark = mark_result(
            connection,
            place,
            # Its slug is its own, where another's name may be these digits.
            metric.slug,
            call_meant(connection, place, number).call_id,
            "stands" if body.thumbs_up else "judge_wrong",
            caller.key.name,
            expected=body.expected_value,
            note=body.feedback or "",
        )
    return answer({**mark, "call_log_id": number, "metric_id": body.metric_id})


@router.post(f"{INSIGHTS}/{{insight_id:int}}/fix-metric/")
def fix_metric(caller: CallerOf, insight_id: InsightId, body: FixMetric) -> Response:
    """Mark the results of a failure mode's calls as the judge's errors."""
    with caller.engine.begin() as connection:
        place = project_of_row(connection, caller.key, "insight", insight_id)
        row = find_insight(connection, place, insight_id)
        mode = mode_at(row, body.failure_mode_index)
        marked = _mark(connection, caller, place, row["metric_name"], mode["call_ids"], body)
    return answer({"count": marked, "metric_name": row["metric_name"]})


@router.post(f"{INSIGHTS}/categories/{{category_slug}}/fix-metric/")
def fix_metric_of_category(
    caller: CallerOf,
    category_slug: Slug,
    body: FixMetric,
    project: Id | None = None,
    project_id: Id | None = None,
) -> Response:
    """Mark the results of a theme's calls as the judge's errors, and dismiss the theme."""
    with caller.engine.begin() as connection:
        place = one_project(connection, caller, project, project_id)
        theme = find_theme(connection, place, category_slug)
        if theme["metric_name"] is None:
            raise UnknownName(f"the metric of theme {category_slug} is gone")
        call_ids = calls_of_theme(connection, place, category_slug)
        marked = _mark(connection, caller, place, theme["metric_name"], call_ids, body)
        note = body.feedback or ""
        _dismiss(connection, caller, place, category_slug, "metric_is_wrong", note)
    return answer({"count": marked, "metric_name": theme["metric_name"]})


@router.delete(f"{INSIGHTS}/categories/{{category_slug}}/delete/", status_code=204)
def delete_category(
    caller: CallerOf,
    category_slug: Slug,
    project: Id | None = None,
    project_id: Id | None = None,
) -> Response:
    """Dismiss a theme. Nothing is deleted: the act can be taken back in the theme's history."""
    with caller.engine.begin() as connection:
        place = one_project(connection, caller, project, project_id)
        note = "deleted by a Cekura client"
        _dismiss(connection, caller, place, category_slug, "other", note)
    return Response(status_code=204)


def _dismiss(
    connection: Connection,
    caller: Caller,
    place: ProjectRow,
    theme_id: str,
    reason: DismissalReason,
    note: str,
) -> None:
    change = ThemeChange(state="dismissed", reason=reason, note=note)
    change_theme(connection, place, theme_id, change, caller.key.name)


def _mark(
    connection: Connection,
    caller: Caller,
    place: ProjectRow,
    metric_name: str,
    call_ids: Collection[str],
    body: FixMetric,
) -> int:
    """Mark each call's result; return how many were marked. A call that is gone has none."""
    marked = 0
    expected: Any = None if body.verdict == "metric_wrong" else body.expected_value
    for call_id in call_ids:
        try:
            mark_result(
                connection,
                place,
                metric_name,
                call_id,
                body.verdict,
                caller.key.name,
                expected=expected,
                note=body.feedback or "",
            )
        except UnknownName:
            continue
        marked += 1
    return marked
