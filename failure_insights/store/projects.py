"""Projects and their metrics: finding them by name or slug, and the pairs of the grid."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from failure_insights.domain.metrics import MetricCard
from failure_insights.errors import UnknownName


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """A project as it is stored."""

    id: int
    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A metric as it is stored, with its card."""

    id: int
    project_id: int
    project_slug: str
    slug: str
    card: MetricCard

    @property
    def key(self) -> str:
        """The pair's key, `PROJECT/METRIC`."""
        return f"{self.project_slug}/{self.slug}"


_METRIC = (
    "SELECT metric.id, metric.project_id, project.slug AS project_slug, metric.slug, metric.name,"
    " metric.type, metric.prompt, metric.description, metric.pass_rule, metric.score_type"
    " FROM metrics AS metric JOIN projects AS project ON project.id = metric.project_id"
)


def find_project(connection: Connection, name_or_slug: str) -> ProjectRow:
    row = connection.execute(
        text("SELECT id, slug, name FROM projects WHERE slug = :n OR name = :n"),
        {"n": name_or_slug},
    ).first()
    if row is None:
        raise UnknownName(f"there is no project {name_or_slug!r}")
    return ProjectRow(*row)


def find_metric(connection: Connection, project_id: int, name_or_slug: str) -> MetricRow:
    row = connection.execute(
        text(f"{_METRIC} WHERE metric.project_id = :p AND (metric.slug = :n OR metric.name = :n)"),
        {"p": project_id, "n": name_or_slug},
    ).first()
    if row is None:
        raise UnknownName(f"there is no metric {name_or_slug!r}")
    return _metric(row)


def eligible_pairs(connection: Connection) -> list[MetricRow]:
    rows = connection.execute(text(f"{_METRIC} WHERE metric.is_eligible ORDER BY metric.id"))
    return [_metric(row) for row in rows]


def pairs_by_key(connection: Connection, keys: Iterable[str]) -> dict[str, MetricRow]:
    rows = connection.execute(
        text(f"{_METRIC} WHERE project.slug || '/' || metric.slug = ANY(:keys)"),
        {"keys": list(keys)},
    )
    return {metric.key: metric for metric in map(_metric, rows)}


def _metric(row: Any) -> MetricRow:
    card = MetricCard(
        row.name, row.type, row.prompt, row.description, row.pass_rule, row.score_type
    )
    return MetricRow(row.id, row.project_id, row.project_slug, row.slug, card)
