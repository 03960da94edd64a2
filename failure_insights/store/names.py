"""Finding projects, metrics and views by what people call them, and making slugs for new ones."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from failure_insights.domain.metrics import slugify
from failure_insights.domain.names import free_slug, of_name, row_number, slug_bases
from failure_insights.errors import BadInput
from failure_insights.store.database import query

#: Any numbers will do, as long as every process takes the same ones.
_NEW_PROJECTS_LOCK = 7_215_308


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """A project as it is stored."""

    id: int
    slug: str
    name: str
    created_at: datetime


def candidates(table: str) -> str:
    """Return the condition that a row may be what the values of `spellings` mean.

    Served by the tables' unique slugs only where there are few rows, which is so.
    """
    return (
        "(EXISTS (SELECT FROM unnest(CAST(:bases AS text[])) AS base"
        f" WHERE {table}.slug = base"
        f" OR (starts_with({table}.slug, base || '-')"
        f" AND substr({table}.slug, length(base) + 2) ~ '^[0-9]+$'))"
        f" OR {table}.id = ANY(CAST(:numbers AS integer[])))"
    )


def spellings(*given: str) -> dict[str, list[str] | list[int]]:
    """Return the `bases` that the slugs of these may have, and the `numbers` that they may be."""
    numbers = {number for number in map(row_number, given) if number is not None}
    return {
        "bases": sorted(set().union(*map(slug_bases, map(storable, given)))),
        "numbers": sorted(numbers),
    }


def storable(name: str) -> str:
    """Return a name that Postgres can be asked for: no row's name has a NUL or half a surrogate."""
    return name.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def usual_slug(name_or_slug: str) -> str:
    """Return the slug that a name has where no other name has it; a slug's is itself."""
    given = storable(name_or_slug)
    try:
        return slugify(given)
    except BadInput:
        return given


def projects_of_names(
    connection: Connection, names: Collection[str]
) -> tuple[Mapping[str, ProjectRow], list[str]]:
    """Return the project of each name, and a sentence for each new one with a numbered slug.

    Those that are not there are made. Take this before any other lock: it waits for others that
    make projects.

    Raises:
        BadInput: a name holds no letter or digit.
    """
    rows = _projects(connection, names)
    if any(of_name(rows, name) is None for name in names):
        connection.execute(
            text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _NEW_PROJECTS_LOCK}
        )
        rows = _projects(connection, names)
    told: list[str] = []
    found: dict[str, ProjectRow] = {}
    for name in names:
        row = of_name(rows, name)
        if row is None:
            taken = {row.slug: row.name for row in rows}
            slug = free_slug(name, taken)
            told += numbered("project", name, slug, taken)
            values = {"slug": slug, "name": name}
            row = ProjectRow(*connection.execute(query("make_project"), values).one())
            rows.append(row)
        found[name] = row
    return found, told


def lock_projects(connection: Connection, project_ids: Collection[int]) -> None:
    """Keep others from making metrics in, or importing into, these projects until the end."""
    connection.execute(query("lock_projects"), {"project_ids": list(project_ids)})


def numbered(kind: str, name: str, slug: str, taken: Mapping[str, str]) -> list[str]:
    """Return the sentence that a new row's slug has a number, if it has.

    `taken`: the name of each slug that may be in its way.
    """
    usual = usual_slug(name)
    if slug == usual:
        return []
    return [f"{kind} {name!r} has the slug {slug}: {usual} is {taken[usual]!r}"]


def _projects(connection: Connection, names: Iterable[str]) -> list[ProjectRow]:
    statement = text(
        "SELECT id, slug, name, created_at FROM projects AS project"
        f" WHERE {candidates('project')} ORDER BY id"
    )
    return [ProjectRow(*row) for row in connection.execute(statement, spellings(*names))]
