"""Projects, their metric cards and views: finding them by name or slug, and putting them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from failure_insights.domain.metrics import MetricCard, slugify
from failure_insights.errors import BadInput, UnknownName
from failure_insights.store.database import query
from failure_insights.store.documented import documented


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """A project as it is stored."""

    id: int
    slug: str
    name: str
    created_at: datetime


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
    """Return a project; names that share a slug are the same project.

    Raises:
        UnknownName: there is none; the message lists those that there are.
    """
    row = connection.execute(
        text(
            f"SELECT id, slug, name, created_at FROM projects AS project WHERE {_named('project')}"
        ),
        spellings(name_or_slug),
    ).first()
    if row is None:
        known = connection.execute(text("SELECT name FROM projects ORDER BY name")).scalars()
        raise UnknownName(f"there is no project {name_or_slug[:80]!r}; {_known(known.all())}")
    return ProjectRow(*row)


def find_metric(connection: Connection, project_id: int, name_or_slug: str) -> MetricRow:
    """Return a metric of a project; names that share a slug are the same metric.

    Raises:
        UnknownName: there is none; the message lists those that there are.
    """
    values = {"project_id": project_id, **spellings(name_or_slug)}
    row = connection.execute(
        text(f"{_METRIC} WHERE metric.project_id = :project_id AND {_named('metric')}"), values
    ).first()
    if row is None:
        known = connection.execute(
            text("SELECT name FROM metrics WHERE project_id = :project_id ORDER BY name"), values
        ).scalars()
        raise UnknownName(f"there is no metric {name_or_slug[:80]!r}; {_known(known.all())}")
    return _metric(row)


def eligible_pairs(connection: Connection) -> list[MetricRow]:
    """Return the metrics that are audited, of all projects, in the order they were made."""
    rows = connection.execute(text(f"{_METRIC} WHERE metric.is_eligible ORDER BY metric.id"))
    return [_metric(row) for row in rows]


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

    Results that are stored keep their verdict, whatever the new pass rule says of their score.

    Raises:
        BadInput: no slug can be made of the name.
    """
    key = {"project_id": project_id, "slug": slugify(card.name)}
    connection.execute(query("make_metric"), {**key, **_columns(card)})
    locked = text(f"{_METRIC} WHERE project_id = :project_id AND metric.slug = :slug FOR UPDATE")
    stored = _metric(connection.execute(locked, key).one())
    # The name decides too: a predefined metric is audited whatever its type.
    card = replace(card, name=stored.card.name)
    connection.execute(query("put_metric"), {**key, **_columns(card)})
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


def put_view(connection: Connection, project_id: int, name: str, agents: Sequence[str]) -> ViewRow:
    """Make a view or replace its agents; return it under the name that it had first.

    Raises:
        BadInput: the project has no such agent, or no slug can be made of the name.
    """
    wanted = sorted(set(agents))
    values = {"project_id": project_id, "slug": slugify(name), "name": name, "agents": wanted}
    ids = {row.name: row.id for row in connection.execute(query("agents_by_name"), values)}
    if missing := [agent for agent in wanted if agent not in ids]:
        raise BadInput(
            f"the project has no agent {', '.join(repr(agent[:80]) for agent in missing[:5])}; "
            "an agent is known from its first call on"
        )
    view = connection.execute(query("put_view"), values).one()
    connection.execute(
        query("put_view_agents"),
        {"project_id": project_id, "view_id": view.id, "agent_ids": list(ids.values())},
    )
    return ViewRow(view.id, view.slug, view.name, tuple(wanted), view.created_at)


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
    statement = text(
        f"SELECT id FROM views AS view WHERE project_id = :project_id AND {_named('view')}"
    )
    values = {"project_id": project.id, **spellings(name_or_slug)}
    view_id = connection.execute(statement, values).scalar()
    if view_id is None:
        raise UnknownName(f"there is no view {name_or_slug!r} in project {project.slug!r}")
    return int(view_id)


def metrics_of_view(connection: Connection, project: ProjectRow, view_id: int) -> list[int]:
    """Return the IDs of the metrics that have results of calls of the view's agents."""
    values = {"project_id": project.id, "view_id": view_id}
    return list(connection.execute(query("view_metrics"), values).scalars())


def agent_of_id(connection: Connection, project_id: int, given: str) -> str | None:
    """Return the name of a project's agent of that name, else of that ID; None: there is none."""
    is_id = given.isascii() and given.isdecimal() and len(given) < 10
    values = {
        "project_id": project_id,
        "given": given.replace("\0", ""),
        "number": int(given) if is_id else None,
    }
    name = connection.execute(query("agent_of_id"), values).scalar()
    return None if name is None else str(name)


def _named(table: str) -> str:
    """Return the condition that a row has the name or slug of `spellings`; the best match first."""
    return (
        f"({table}.slug = :given OR {table}.name = :given OR {table}.slug = :slug)"
        f" ORDER BY {table}.slug = :given DESC, {table}.name = :given DESC LIMIT 1"
    )


def spellings(name_or_slug: str) -> dict[str, str]:
    """Return what to look for: the words as `given`, and the `slug` that such a name would have."""
    # Postgres cannot be asked for a NUL or a lone surrogate, and no name has one.
    given = name_or_slug.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    try:
        return {"given": given, "slug": slugify(given)}
    except BadInput:
        return {"given": given, "slug": given}


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
    card = MetricCard(
        row.name,
        row.type,
        row.prompt,
        row.description,
        row.pass_rule,
        row.score_type,
        row.about,
    )
    return MetricRow(row.id, row.project_id, row.project_slug, row.slug, card)
