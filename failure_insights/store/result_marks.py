"""What people say of judges' results: kept with who and when, taken back, read and counted.

The newest mark of a result is current. One that says that a failing result is no fault of the
agent's keeps the call out of later pools (`sql/failing_calls.sql`).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text
from typing_extensions import TypedDict

from failure_insights.domain.calls import Score
from failure_insights.domain.result_marks import (
    MarkVerdict,
    expected_verdict,
    leaves_pools,
    require_sense,
)
from failure_insights.errors import BadInput, UnknownName
from failure_insights.store.calls import TurnRow
from failure_insights.store.database import query
from failure_insights.store.documented import documented
from failure_insights.store.paging import Listed, Page
from failure_insights.store.projects import ProjectRow, find_metric

#: Weeks that error rates span.
RATE_WEEKS = 12
#: Characters of a note at most.
MOST_NOTE = 2_000


@documented
class MarkRow(TypedDict):
    """What somebody said of a judge's result."""

    id: int
    project: str
    metric_name: str
    call_id: str
    verdict: MarkVerdict
    passed: bool | None
    """The judge's verdict that was marked, as are score and explanation as they are now."""
    score: Score
    explanation: str
    expected: Score
    """What the result should have been."""
    expected_passed: bool | None
    note: str
    by: str
    at: datetime
    leaves_pools: bool
    """Later audits leave the call out."""


@documented
class MarkedCallRow(MarkRow):
    """A marked result with its call's transcript."""

    transcript: list[TurnRow]


@documented
class JudgeErrorRateRow(TypedDict):
    """How often a metric's judge was wrong about the calls of a week, as far as people looked."""

    week: date
    """Its Monday."""
    evaluated: int
    failing: int
    suspected: int
    """Calls that an audit suspected."""
    judge_wrong: int
    metric_wrong: int
    stands: int
    error_rate: float | None
    """judge_wrong of evaluated, 0 to 1; null: nothing was evaluated."""


def mark_result(
    connection: Connection,
    project: ProjectRow,
    metric_name: str,
    call_id: str,
    verdict: MarkVerdict,
    by: str,
    *,
    expected: Score = None,
    note: str = "",
) -> MarkRow:
    """Say what a result is; what was said of it before is kept, and no longer current.

    Raises:
        UnknownName: the project has no such metric, or the metric no result of such a call.
        BadInput: the mark contradicts itself, or the pass rule cannot judge the expected score.
    """
    metric = find_metric(connection, project.id, metric_name)
    result = connection.execute(
        text(
            "SELECT result.call_pk, result.passed FROM calls AS call"
            " JOIN metric_results AS result ON result.call_pk = call.id"
            " WHERE call.project_id = :project_id AND call.call_id = :call_id"
            " AND result.metric_id = :metric_id FOR NO KEY UPDATE OF result"
        ),
        {"project_id": project.id, "call_id": call_id, "metric_id": metric.id},
    ).first()
    if result is None:
        raise UnknownName(f"metric {metric.name!r} has no result of a call {call_id[:80]!r}")
    if len(note) > MOST_NOTE:
        raise BadInput(f"note has {len(note):,} characters; {MOST_NOTE:,} are the most")
    require_sense(verdict, expected, result.passed)
    should_pass = None
    if verdict == "judge_wrong":
        should_pass = expected_verdict(metric.card, result.passed, expected)
    mark_id = _write(
        connection,
        metric.id,
        {
            "call_pk": result.call_pk,
            "verdict": verdict,
            "passed": result.passed,
            "expected": Jsonb(should_pass if expected is None else expected),
            "expected_passed": should_pass,
            "note": note.strip(),
            "marked_by": by,
            "leaves_pools": leaves_pools(verdict, result.passed, should_pass),
        },
    )
    return _mark(connection, project, mark_id)


def take_back_mark(connection: Connection, project: ProjectRow, mark_id: int, by: str) -> MarkRow:
    """Take a mark back, so that nothing is said of its result; return what it was.

    Raises:
        UnknownName: the project has no such mark, or it is no longer current.
    """
    mark = _mark(connection, project, mark_id)
    statement = text("SELECT call_pk, metric_id FROM result_marks WHERE id = :id")
    marked = connection.execute(statement, {"id": mark_id}).one()
    nothing = {
        "call_pk": marked.call_pk,
        "verdict": None,
        "passed": mark["passed"],
        "expected": Jsonb(None),
        "expected_passed": None,
        "note": "",
        "marked_by": by,
        "leaves_pools": False,
    }
    _write(connection, marked.metric_id, nothing)
    return mark


def list_marks(
    connection: Connection,
    project: ProjectRow,
    page: Page,
    *,
    metric_name: str | None = None,
    verdict: MarkVerdict | None = None,
) -> Listed[MarkRow]:
    """Return one page of a project's current marks, the newest first."""
    values = _filter(connection, project, metric_name, verdict)
    rows = connection.execute(query("result_marks"), {**values, **page.limits}).all()
    total = rows[0].total if rows else 0
    return Listed([_row(project, row) for row in rows], total)


def marked_calls(
    connection: Connection,
    project: ProjectRow,
    *,
    metric_name: str | None = None,
    verdict: MarkVerdict | None = None,
) -> Iterator[MarkedCallRow]:
    """Yield a project's current marks with their transcripts, the newest first."""
    values = _filter(connection, project, metric_name, verdict) | {"limit": None, "offset": 0}
    for row in connection.execute(query("result_marks"), values):
        yield {**_row(project, row), "transcript": row.transcript}


def marks_of_call(
    connection: Connection, project: ProjectRow, call_id: str
) -> Mapping[str, MarkRow]:
    """Return the current marks of a call, by the metric's name."""
    values = _filter(connection, project, None, None) | {"limit": None, "offset": 0}
    values["call_id"] = call_id
    rows = connection.execute(query("result_marks"), values)
    return {row.metric_name: _row(project, row) for row in rows}


def judge_error_rates(
    connection: Connection, project: ProjectRow, metric_name: str, weeks: int = RATE_WEEKS
) -> list[JudgeErrorRateRow]:
    """Return a metric's error rate of each of the last weeks that have calls, the newest first.

    Raises:
        UnknownName: the project has no such metric.
    """
    metric = find_metric(connection, project.id, metric_name)
    values = {"metric_id": metric.id, "project_id": project.id, "weeks": weeks}
    return [
        {
            "week": row.week,
            "evaluated": row.evaluated,
            "failing": row.failing,
            "suspected": row.suspected,
            "judge_wrong": row.judge_wrong,
            "metric_wrong": row.metric_wrong,
            "stands": row.stands,
            "error_rate": row.judge_wrong / row.evaluated if row.evaluated else None,
        }
        for row in connection.execute(query("judge_error_rates"), values)
    ]


def _mark(connection: Connection, project: ProjectRow, mark_id: int) -> MarkRow:
    values = _filter(connection, project, None, None) | {"limit": 1, "offset": 0, "id": mark_id}
    row = connection.execute(query("result_marks"), values).first()
    if row is None:
        raise UnknownName(f"there is no mark {mark_id} in project {project.slug!r}")
    return _row(project, row)


def _filter(
    connection: Connection,
    project: ProjectRow,
    metric_name: str | None,
    verdict: MarkVerdict | None,
) -> dict[str, Any]:
    metric = find_metric(connection, project.id, metric_name) if metric_name else None
    return {
        "project_id": project.id,
        "metric_id": metric.id if metric else None,
        "verdict": verdict,
        "id": None,
        "call_id": None,
    }


def _write(connection: Connection, metric_id: int, mark: Mapping[str, Any]) -> int:
    values = {**mark, "metric_id": metric_id, "marked_by": mark["marked_by"].strip() or "somebody"}
    connection.execute(
        text(
            "UPDATE result_marks SET is_current = false"
            " WHERE call_pk = :call_pk AND metric_id = :metric_id AND is_current"
        ),
        values,
    )
    columns = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    statement = text(f"INSERT INTO result_marks ({columns}) VALUES ({marks}) RETURNING id")
    return int(connection.execute(statement, values).scalar_one())


def _row(project: ProjectRow, row: Any) -> MarkRow:
    return {
        "id": row.id,
        "project": project.slug,
        "metric_name": row.metric_name,
        "call_id": row.call_id,
        "verdict": row.verdict,
        "passed": row.passed,
        "score": row.score,
        "explanation": row.explanation,
        "expected": row.expected,
        "expected_passed": row.expected_passed,
        "note": row.note,
        "by": row.marked_by,
        "at": row.marked_at,
        "leaves_pools": row.leaves_pools,
    }


def marks_of_insights(
    connection: Connection, insight_ids: Sequence[int]
) -> Mapping[tuple[int, str], MarkVerdict]:
    """Return what people said of the calls that these insights doubt, by insight and call."""
    rows = connection.execute(query("insight_marks"), {"ids": list(insight_ids)})
    return {(row.insight_id, row.call_id): row.verdict for row in rows}
