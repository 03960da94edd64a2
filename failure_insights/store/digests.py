"""Digests of a project's days: what they are made from, and what they say."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text
from typing_extensions import TypedDict

from failure_insights.domain.breakdown import AuditorName, Severity
from failure_insights.domain.changes import ChangeKind, ThemeFacts
from failure_insights.errors import UnknownName
from failure_insights.store.database import query
from failure_insights.store.documented import documented
from failure_insights.store.paging import Listed, Page
from failure_insights.store.projects import ProjectRow
from failure_insights.store.queue import Status

#: Days of themes that changes are looked for in: the longest baseline, and the time to go away.
FACTS_DAYS = 30


@documented
class DigestThemeRow(TypedDict):
    """A theme of one metric, as a digest counts it."""

    theme_id: str
    metric_name: str
    metric_slug: str
    title: str
    count: int
    """Its calls that the change is about, by when they began."""
    expected: float
    """Grown themes: calls that the time before lets expect."""
    insight_id: int
    """The newest audit that shows it."""
    severity: Severity | None


@documented
class DigestStoryRow(TypedDict):
    """A change that is told once, though several metrics may see it."""

    kind: ChangeKind
    title: str
    """Of its largest theme."""
    count: int
    """Calls of all its themes, each once."""
    call_ids: list[str]
    metrics: list[str]
    suggested_fix: str
    quote: str
    """One that stands in a call, or ""."""
    quote_call_id: str
    themes: list[DigestThemeRow]
    """Of different metrics; they share calls, or one cause. The largest first."""


@documented
class DigestRow(TypedDict):
    """What became of a project's themes in the days that end at `window_end`."""

    id: int
    project: str
    date: date
    days: int
    window_end: datetime
    headline: str
    words: str
    """The same told by an LLM, with no number that is not counted here; "": none was asked."""
    stories: list[DigestStoryRow]
    """New, grown, regressed, gone; the largest first."""
    failing_calls: int
    """Failing results in the pools of the day's audits, of all metrics."""
    audited: int
    """Metrics with an audit of the day."""
    failed: list[str]
    """Metrics whose audit failed."""
    missing: list[str]
    """Metrics that have no finished audit of the day yet."""
    degraded: list[str]
    """Metrics whose audit is poorer than usual, so that its changes may be none."""
    model: str | None
    cost: float | None
    made_at: datetime


@dataclass(frozen=True, slots=True)
class AuditOfDay:
    """A metric's audit of a day; `status` None: there is none."""

    slug: str
    name: str
    id: int | None
    status: Status | None
    num_failing_calls: int | None
    auditor: AuditorName | None
    degraded: bool | None
    window_days: int | None


@dataclass(frozen=True, slots=True)
class NewDigest:
    """A digest to keep; its fields are as in `DigestRow`."""

    date: date
    days: int
    window_end: datetime
    headline: str
    stories: Sequence[DigestStoryRow]
    failing_calls: int
    audited: int
    failed: Sequence[str]
    missing: Sequence[str]
    degraded: Sequence[str]
    words: str = ""
    model: str | None = None
    usage: dict[str, int] | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class DaysAudits:
    """How far the audits of a date are, counted by eligible pair."""

    ended: int
    open: int
    missing: int


def days_audits(connection: Connection, day: date) -> DaysAudits:
    """Return how many eligible pairs have an audit of a date that ended, is open, or is missing."""
    return DaysAudits(*connection.execute(query("days_audits"), {"day": day}).one())


def newest_audited_day(connection: Connection, project_id: int) -> date | None:
    """Return the newest date of a project's finished audits; None: there are none."""
    statement = text(
        "SELECT max(audit.date) FROM insights AS audit JOIN metrics AS metric"
        " ON metric.id = audit.metric_id WHERE metric.project_id = :project_id"
        " AND audit.status IN ('succeeded', 'skipped_not_enough_data')"
    )
    return connection.execute(statement, {"project_id": project_id}).scalar()


def projects_of_day(connection: Connection, day: date) -> list[ProjectRow]:
    """Return the projects that have an audit of a date."""
    return [ProjectRow(*row) for row in connection.execute(query("projects_of_day"), {"day": day})]


def theme_facts(
    connection: Connection, project_id: int, day: date, metric_ids: Iterable[int] | None = None
) -> list[ThemeFacts]:
    """Return the themes of the days up to a day, with their calls by when they began."""
    values = {
        "project_id": project_id,
        "day": day,
        "days": FACTS_DAYS,
        "metric_ids": None if metric_ids is None else list(metric_ids),
    }
    return [
        ThemeFacts(
            theme_id=row.theme_id,
            metric_slug=row.metric_slug,
            metric_name=row.metric_name,
            title=row.title,
            first_seen=row.first_seen,
            insight_id=row.insight_id,
            calls={call: datetime.fromtimestamp(at, UTC) for call, at in row.calls.items()},
            origin=row.origin,
            severity=row.severity,
            suggested_fix=row.suggested_fix,
            quote=row.quote or "",
            quote_call_id=row.quote_call_id or "",
            resolved_at=row.resolved_at,
        )
        for row in connection.execute(query("theme_facts"), values)
    ]


def audits_of_day(connection: Connection, project_id: int, day: date) -> list[AuditOfDay]:
    """Return the audit of a day of each eligible metric, by its name."""
    values = {"project_id": project_id, "day": day}
    return [AuditOfDay(*row) for row in connection.execute(query("audits_of_day"), values)]


def keep_digest(connection: Connection, project_id: int, digest: NewDigest) -> int:
    """Keep a digest in place of the one of the same days; return its ID."""
    content = {
        "stories": list(digest.stories),
        "failing_calls": digest.failing_calls,
        "audited": digest.audited,
        "failed": list(digest.failed),
        "missing": list(digest.missing),
        "degraded": list(digest.degraded),
    }
    values = {
        "project_id": project_id,
        "date": digest.date,
        "days": digest.days,
        "window_end": digest.window_end,
        "headline": digest.headline,
        "words": digest.words,
        "content": Jsonb(content),
        "model": digest.model,
        "usage": Jsonb(digest.usage or {}),
        "cost": digest.cost,
    }
    return int(connection.execute(query("keep_digest"), values).scalar_one())


def newest_digest(connection: Connection, project: ProjectRow) -> DigestRow | None:
    """Return the project's newest digest of one day; None: there is none yet."""
    rows = list_digests(connection, project, Page(size=1), days=1).rows
    return rows[0] if rows else None


def find_digest(connection: Connection, project: ProjectRow, digest_id: int) -> DigestRow:
    """Return a digest of the project.

    Raises:
        UnknownName: the project has no such digest.
    """
    rows = list_digests(connection, project, Page(size=1), digest_id=digest_id).rows
    if not rows:
        raise UnknownName(f"there is no digest {digest_id} in project {project.slug!r}")
    return rows[0]


def delete_digest(connection: Connection, digest_id: int) -> None:
    """Delete a digest; the next one of its days is made anew."""
    statement = text("DELETE FROM project_digests WHERE id = :id")
    connection.execute(statement, {"id": digest_id})


def list_digests(
    connection: Connection,
    project: ProjectRow,
    page: Page,
    *,
    days: int | None = None,
    digest_id: int | None = None,
) -> Listed[DigestRow]:
    """Return one page of a project's digests, the newest day first."""
    values = {"project_id": project.id, "days": days, "id": digest_id, **page.limits}
    rows = connection.execute(query("digests"), values).all()
    return Listed([_digest(row) for row in rows], rows[0].total if rows else 0)


def _digest(row: Any) -> DigestRow:
    return {
        "id": row.id,
        "project": row.project,
        "date": row.date,
        "days": row.days,
        "window_end": row.window_end,
        "headline": row.headline,
        "words": row.words,
        "stories": row.content["stories"],
        "failing_calls": row.content["failing_calls"],
        "audited": row.content["audited"],
        "failed": row.content["failed"],
        "missing": row.content["missing"],
        "degraded": row.content["degraded"],
        "model": row.model,
        "cost": row.cost,
        "made_at": row.made_at,
    }
