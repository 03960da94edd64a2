"""Projects, their metric cards and views: finding them by name or slug, and putting them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from failure_insights.domain.metrics import MetricCard, PassRule
from failure_insights.domain.names import best_match, free_slug, row_number
from failure_insights.errors import BadInput, UnknownName
from failure_insights.store.database import query
from failure_insights.store.documented import documented
from failure_insights.store.names import ProjectRow, candidates, lock_projects, spellings
from failure_insights.store.verdicts import judge_stored

__all__ = ["ProjectRow"]


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A metric as it is stored, with its card."""

    id: int
    project_id: int
    project_slug: str
    slug: str
    card: MetricCard

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def key(self) -> str:
        """The pair's key, `PROJECT/METRIC`."""
        return f"{self.project_slug}/{self.slug}"


@documented
@dataclass(frozen=True, slots=True)
class ViewRow:
    """A named set of a project's agents."""

    id: int
    slug: str
    name: str
    agents: Sequence[str]
    """Names, in order."""
    created_at: datetime


_METRIC = (
    "SELECT metric.id, metric.project_id, project.slug AS project_slug, metric.slug, metric.name,"
    " metric.type, metric.prompt, metric.description, metric.pass_rule, metric.score_type,"
    " metric.about"
    " FROM metrics AS metric JOIN projects AS project ON project.id = metric.project_id"
)
#: How many of the known names a message lists.
_NAMES_SHOWN = 20


def find_project(connection: Connection, name_or_slug: str) -> ProjectRow:
    """Return a project by its slug, its name, another spelling of the name, or its ID.

    Raises:
        UnknownName: there is none; the message lists those that there are.
    """
    statement = text(
        "SELECT id, slug, name, created_at FROM projects AS project"
        f" WHERE {candidates('project')} ORDER BY id"
    )
    rows = [ProjectRow(*row) for row in connection.execute(statement, spellings(name_or_slug))]
    project = best_match(rows, name_or_slug)
    if project is None:
        known = connection.execute(text("SELECT name FROM projects ORDER BY name")).scalars()
        raise UnknownName(
            f"there is no project {name_or_slug[:80]!r}; {_known(known.all())}",
            code="unknown_project",
        )
    return project


def find_metric(connection: Connection, project_id: int, name_or_slug: str) -> MetricRow:
    """Return a metric of a project by its slug, its name, another spelling of it, or its ID.

    Raises:
        UnknownName: there is none; the message lists those that there are.
    """
    metric = best_match(metrics_like(connection, project_id, [name_or_slug]), name_or_slug)
    if metric is None:
        values = {"project_id": project_id}
        known = connection.execute(
            text("SELECT name FROM metrics WHERE project_id = :project_id ORDER BY name"), values
        ).scalars()
        raise UnknownName(
            f"there is no metric {name_or_slug[:80]!r}; {_known(known.all())}",
            code="unknown_metric",
        )
    return metric


def metric_of_id(connection: Connection, metric_id: int) -> MetricRow:
    """Return the metric of this ID, whatever others are called.

    Raises:
        UnknownName: there is none.
    """
    row = connection.execute(text(f"{_METRIC} WHERE metric.id = :id"), {"id": metric_id}).first()
    if row is None:
        raise UnknownName(f"there is no metric {metric_id}")
    return _metric(row)


def metrics_like(
    connection: Connection, project_id: int, names: Iterable[str], *, lock: bool = False
) -> list[MetricRow]:
    """Return the metrics of a project that may be meant by these names, oldest first."""
    statement = f"{_METRIC} WHERE metric.project_id = :project_id AND {candidates('metric')}"
    statement += " ORDER BY metric.id" + (" FOR UPDATE OF metric" if lock else "")
    values = {"project_id": project_id, **spellings(*names)}
    return [_metric(row) for row in connection.execute(text(statement), values)]


def eligible_pairs(
    connection: Connection, project_ids: Collection[int] | None = None
) -> list[MetricRow]:
    """Return the metrics that are audited, of these projects or of all, in the order they were
    made."""
    statement = text(
        f"{_METRIC} WHERE metric.is_eligible AND (CAST(:project_ids AS integer[]) IS NULL"
        " OR metric.project_id = ANY(CAST(:project_ids AS integer[]))) ORDER BY metric.id"
    )
    values = {"project_ids": None if project_ids is None else list(project_ids)}
    return [_metric(row) for row in connection.execute(statement, values)]


def pairs_by_key(connection: Connection, keys: Iterable[str]) -> dict[str, MetricRow]:
    """Return the metrics of these keys (`PROJECT/METRIC`); a key that has none is left out."""
    pairs = [key.partition("/")[::2] for key in keys]
    rows = connection.execute(
        text(
            f"{_METRIC} JOIN unnest(CAST(:projects AS text[]), CAST(:metrics AS text[]))"
            " AS asked(project, metric)"
            " ON asked.project = project.slug AND asked.metric = metric.slug"
        ),
        {"projects": [project for project, _ in pairs], "metrics": [metric for _, metric in pairs]},
    )
    return {metric.key: metric for metric in map(_metric, rows)}


def put_metric(connection: Connection, project_id: int, card: MetricCard) -> MetricRow:
    """Make a metric or replace its card, all but the name that it had first; return it.

    A new pass rule judges the stored scores that nobody or an earlier rule has judged. A verdict
    that came as such stays, and without a rule every verdict does.

    Raises:
        BadInput: no slug can be made of the name.
    """
    lock_projects(connection, [project_id])
    rows = metrics_like(connection, project_id, [card.name], lock=True)
    stored = best_match(rows, card.name)
    if stored is None:
        slug = free_slug(card.name, {row.slug for row in rows})
        connection.execute(
            query("make_metric"), {"project_id": project_id, "slug": slug, **_columns(card)}
        )
        return find_metric(connection, project_id, slug)
    # The name decides too: a predefined metric is audited whatever its type.
    card = replace(card, name=stored.card.name)
    connection.execute(query("put_metric"), {"metric_id": stored.id, **_columns(card)})
    if card.pass_rule:
        judge_stored(connection, stored.id, PassRule.parse(card.pass_rule))
    return replace(stored, card=card)


def describe_project(connection: Connection, project_id: int, about: str) -> None:
    """Keep what people write about a project, for auditors: what its agents are supposed to do."""
    connection.execute(
        text("UPDATE projects SET about = :about WHERE id = :id"),
        {"id": project_id, "about": about},
    )


def about_project(connection: Connection, project_id: int) -> str:
    """Return what people write about a project; "" if they wrote nothing."""
    statement = text("SELECT about FROM projects WHERE id = :id")
    return str(connection.execute(statement, {"id": project_id}).scalar_one())


def put_pass_rule(
    connection: Connection, project_id: int, name_or_slug: str, rule: PassRule
) -> tuple[MetricRow, int]:
    """Set the pass rule of a metric's card; return it, and how many results have a new verdict.

    Raises:
        UnknownName: the project has no such metric.
    """
    lock_projects(connection, [project_id])
    metric = find_metric(connection, project_id, name_or_slug)
    card = replace(metric.card, pass_rule=str(rule))
    connection.execute(query("put_metric"), {"metric_id": metric.id, **_columns(card)})
    return replace(metric, card=card), judge_stored(connection, metric.id, rule)


def put_view(connection: Connection, project_id: int, name: str, agents: Sequence[str]) -> ViewRow:
    """Make a view or replace its agents (names or IDs); return it under the name it had first.

    Raises:
        BadInput: the project has no such agent, or no slug can be made of the name.
    """
    wanted = sorted(set(agents))
    values: dict[str, Any] = {"project_id": project_id, "name": name, "agents": wanted}
    named = {row.given: row for row in connection.execute(query("agents_by_name"), values)}
    if missing := [agent for agent in wanted if agent not in named]:
        raise BadInput(
            f"the project has no agent {', '.join(repr(agent[:80]) for agent in missing[:5])}; "
            "an agent is known from its first call on",
            code="unknown_agent",
        )
    lock_projects(connection, [project_id])
    rows = _views_like(connection, project_id, name)
    known = best_match(rows, name)
    slug = known.slug if known else free_slug(name, {row.slug for row in rows})
    view = connection.execute(query("put_view"), {**values, "slug": slug}).one()
    connection.execute(
        query("put_view_agents"),
        {
            "project_id": project_id,
            "view_id": view.id,
            "agent_ids": sorted({row.id for row in named.values()}),
        },
    )
    names = tuple(sorted({row.name for row in named.values()}))
    return ViewRow(view.id, view.slug, view.name, names, view.created_at)


def views_of(connection: Connection, project: ProjectRow) -> list[ViewRow]:
    """Return a project's views by name."""
    values = {"project_id": project.id, "limit": None, "offset": 0}
    return [
        ViewRow(row.id, row.slug, row.name, row.agents, row.created_at)
        for row in connection.execute(query("list_views"), values)
    ]


def find_view(connection: Connection, project: ProjectRow, name_or_slug: str) -> int:
    """Return a view's ID.

    Raises:
        UnknownName: the project has no such view.
    """
    view = best_match(_views_like(connection, project.id, name_or_slug), name_or_slug)
    if view is None:
        raise UnknownName(
            f"there is no view {name_or_slug!r} in project {project.slug!r}", code="unknown_view"
        )
    return int(view.id)


def _views_like(connection: Connection, project_id: int, name_or_slug: str) -> Sequence[Any]:
    statement = text(
        "SELECT id, slug, name FROM views AS view"
        f" WHERE project_id = :project_id AND {candidates('view')} ORDER BY id"
    )
    values = {"project_id": project_id, **spellings(name_or_slug)}
    return connection.execute(statement, values).all()


def metrics_of_view(connection: Connection, project: ProjectRow, view_id: int) -> list[int]:
    """Return the IDs of the metrics that have results of calls of the view's agents."""
    values = {"project_id": project.id, "view_id": view_id}
    return list(connection.execute(query("view_metrics"), values).scalars())


def agent_of_id(connection: Connection, project_id: int, given: str) -> str | None:
    """Return the name of a project's agent of that name, else of that ID; None: there is none."""
    values = {
        "project_id": project_id,
        "given": given.replace("\0", ""),
        "number": row_number(given),
    }
    name = connection.execute(query("agent_of_id"), values).scalar()
    return None if name is None else str(name)


def _known(names: Sequence[str]) -> str:
    if not names:
        return "there are none yet: import calls first"
    shown = ", ".join(repr(name[:80]) for name in names[:_NAMES_SHOWN])
    more = len(names) - _NAMES_SHOWN
    return f"known: {shown}" + (f" and {more} more" if more > 0 else "")


def _columns(card: MetricCard) -> dict[str, Any]:
    return {
        "name": card.name,
        "type": card.type,
        "prompt": card.prompt,
        "description": card.description,
        "pass_rule": card.pass_rule,
        "score_type": card.score_type,
        "is_eligible": card.is_eligible,
        "about": card.about,
    }


def _metric(row: Any) -> MetricRow:
    return MetricRow(row.id, row.project_id, row.project_slug, row.slug, card_of(row))


def card_of(row: Any) -> MetricCard:
    """Return the card that a row of a metric holds, among other columns."""
    return MetricCard(
        row.name,
        row.type,
        row.prompt,
        row.description,
        row.pass_rule,
        row.score_type,
        row.about,
    )
