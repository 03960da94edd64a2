"""Sources of calls: adding, listing and removing them, and what a pull must remember."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import Connection, text

from failure_insights.domain.metrics import slugify
from failure_insights.errors import BadInput, UnknownName
from failure_insights.store.database import query
from failure_insights.store.names import projects_of_names
from failure_insights.store.projects import find_project

SourceKind = Literal[
    "vapi", "retell", "elevenlabs", "livekit", "pipecat", "cekura", "langfuse", "phoenix"
]
SOURCE_KINDS: tuple[SourceKind, ...] = get_args(SourceKind)
Way = Literal["pull", "webhook"]

#: A process that pulls and dies lets the source go after this long.
LEASE_S = 600


@dataclass(frozen=True, slots=True)
class NewSource:
    """A source to add.

    `key_env` and `user_env` name environment variables; `only_id` is the provider's assistant,
    agent, project or environment that is asked for. A pulled source begins at `since`.
    """

    name: str
    kind: SourceKind
    way: Way
    project: str
    agent: str | None = None
    key_env: str | None = None
    user_env: str | None = None
    base_url: str | None = None
    only_id: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source as it is stored; times are UTC.

    `cursor_at`: everything up to then has been brought. `address`: the end of a webhook's URL.
    `last_error`: why the last pull or delivery failed, or ''.
    """

    id: int
    name: str
    kind: SourceKind
    way: Way
    project_slug: str
    project_name: str
    agent: str | None
    key_env: str | None
    user_env: str | None
    base_url: str | None
    only_id: str | None
    address: str | None
    since: datetime | None
    cursor_at: datetime | None
    new_calls: int
    updated_calls: int
    rejected: int
    last_at: datetime | None
    last_error: str


def add_source(connection: Connection, source: NewSource) -> SourceRow:
    """Store a source and return it; its project is made where it is not there yet.

    Raises:
        BadInput: there is a source of that name, or no slug can be made of a name.
    """
    name = slugify(source.name)
    values: dict[str, Any] = {
        "name": name,
        "kind": source.kind,
        "way": source.way,
        "project_id": _project_id(connection, source.project),
        "agent": source.agent,
        "key_env": source.key_env,
        "user_env": source.user_env,
        "base_url": source.base_url,
        "only_id": source.only_id,
        # Not to be guessed, so that nobody learns from outside which sources there are.
        "address": secrets.token_urlsafe(12) if source.way == "webhook" else None,
        "since": source.since,
    }
    if connection.execute(query("add_source"), values).first() is None:
        raise BadInput(
            f"there is a source {name!r} already; choose another name, or remove it",
            code="source_name_taken",
        )
    return find_source(connection, name)


def list_sources(connection: Connection, way: Way | None = None) -> list[SourceRow]:
    """Return all sources, or those of one way, oldest first."""
    rows = (_source(row) for row in connection.execute(query("sources")))
    return [row for row in rows if way in (None, row.way)]


def find_source(connection: Connection, name: str) -> SourceRow:
    """Return a source by its name.

    Raises:
        UnknownName: there is none; the message lists those that there are.
    """
    row = connection.execute(query("source_by_name"), {"name": _slug(name)}).first()
    if row is None:
        known = ", ".join(source.name for source in list_sources(connection)) or "none yet"
        raise UnknownName(
            f"there is no source {name[:80]!r}; known: {known}", code="unknown_source"
        )
    return _source(row)


def webhook_at(connection: Connection, kind: str, address: str) -> SourceRow | None:
    """Return the webhook of a kind at an address, or None."""
    values = {"kind": kind, "address": address.replace("\0", "")}
    row = connection.execute(query("source_by_address"), values).first()
    return None if row is None else _source(row)


def remove_source(connection: Connection, name: str) -> None:
    """Remove a source; the calls that it brought stay.

    Raises:
        UnknownName: there is none.
    """
    source = find_source(connection, name)
    connection.execute(text("DELETE FROM sources WHERE id = :id"), {"id": source.id})


def take_source(connection: Connection, source_id: int, *, is_mine: bool = False) -> bool:
    """Take the lease of a source, or renew one that is the caller's; False: another has it."""
    values = {"source_id": source_id, "seconds": LEASE_S, "is_mine": is_mine}
    return connection.execute(query("take_source"), values).first() is not None


def end_pull(
    connection: Connection, source_id: int, *, new: int, updated: int, rejected: int, error: str
) -> None:
    """Add up what came, say how it ended ('' is well), and let the source go."""
    values = {
        "source_id": source_id,
        "new": new,
        "updated": updated,
        "rejected": rejected,
        "error": error,
    }
    connection.execute(query("end_pull"), values)


def move_cursor(connection: Connection, source_id: int, at: datetime) -> None:
    """Remember that everything up to a time has been brought."""
    connection.execute(query("move_source_cursor"), {"source_id": source_id, "at": at})


def changed_items(
    connection: Connection, source_id: int, fingerprints: Mapping[str, str]
) -> set[str]:
    """Return the IDs of the items that are new, or whose fingerprint differs from what it was."""
    rows = connection.execute(query("changed_source_items"), _items(source_id, fingerprints))
    return set(rows.scalars())


def keep_items(connection: Connection, source_id: int, fingerprints: Mapping[str, str]) -> None:
    """Remember that these items have been brought as they are."""
    connection.execute(query("keep_source_items"), _items(source_id, fingerprints))


def forget_items(connection: Connection, source_id: int, before: datetime) -> None:
    """Forget items that were brought before a time."""
    connection.execute(query("forget_source_items"), {"source_id": source_id, "before": before})


def _items(source_id: int, fingerprints: Mapping[str, str]) -> dict[str, Any]:
    return {
        "source_id": source_id,
        "item_ids": [*fingerprints],
        "fingerprints": [*fingerprints.values()],
    }


def _project_id(connection: Connection, name: str) -> int:
    try:
        return find_project(connection, name).id
    except UnknownName:
        projects, _ = projects_of_names(connection, [name])
        return projects[name].id


def _slug(name: str) -> str:
    try:
        return slugify(name)
    except BadInput:
        return ""


def _source(row: Any) -> SourceRow:
    return SourceRow(
        id=row.id,
        name=row.name,
        kind=row.kind,
        way=row.way,
        project_slug=row.project_slug,
        project_name=row.project_name,
        agent=row.agent,
        key_env=row.key_env,
        user_env=row.user_env,
        base_url=row.base_url,
        only_id=row.only_id,
        address=row.address,
        since=row.since,
        cursor_at=row.cursor_at,
        new_calls=row.new_calls,
        updated_calls=row.updated_calls,
        rejected=row.rejected,
        last_at=row.last_at,
        last_error=row.last_error,
    )
