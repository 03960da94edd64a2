"""API keys: making, listing and revoking them, and telling which one a caller shows."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from failure_insights.errors import BadInput, UnknownName
from failure_insights.store.database import query
from failure_insights.store.names import projects_of_names
from failure_insights.store.projects import find_project

#: `fi_ID_SECRET`: the row is found by its ID, so that the secret itself is only ever compared in
#: constant time. 32 random bytes: a plain SHA-256 of them cannot be guessed back.
_KEY = re.compile(r"fi_(\d{1,9})_([A-Za-z0-9_-]{43})")
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that is in force. `all_projects`: it also sees projects that come later."""

    id: int
    name: str
    all_projects: bool


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as it is listed; `projects` are slugs, and empty where it sees all."""

    name: str
    all_projects: bool
    projects: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


def create_key(
    connection: Connection,
    name: str,
    projects: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> str:
    """Make a key for these projects (names or slugs), or for all, and return it.

    It cannot be read again: only its hash is stored. A project that is not there yet is made, so
    that a client can be let in before its first call arrives, and `say` is told.

    Raises:
        BadInput: a key of that name exists, even a revoked one, or a name is empty.
    """
    name = name.strip()
    if not name:
        raise BadInput("a key needs a name; it is how you revoke it", code="key_without_name")
    taken = connection.execute(text("SELECT 1 FROM api_keys WHERE name = :name"), {"name": name})
    if taken.first():
        raise BadInput(
            f"there is a key {name!r} already; choose another name", code="key_name_taken"
        )
    key_id = connection.execute(
        text("SELECT nextval(pg_get_serial_sequence('api_keys', 'id'))")
    ).scalar_one()
    key = f"fi_{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    connection.execute(
        text(
            "INSERT INTO api_keys (id, name, key_hash, all_projects) OVERRIDING SYSTEM VALUE"
            " VALUES (:id, :name, :hash, :all_projects)"
        ),
        {"id": key_id, "name": name, "hash": _hash(key), "all_projects": not projects},
    )
    for project in projects:
        values = {"key_id": key_id, "project_id": _project_id(connection, project, say)}
        connection.execute(query("grant_project"), values)
    return key


def list_keys(connection: Connection) -> list[KeyRow]:
    """Return every key, revoked ones too, oldest first."""
    rows = connection.execute(query("list_keys"))
    return [
        KeyRow(row.name, row.all_projects, tuple(row.projects), row.created_at, row.revoked_at)
        for row in rows
    ]


def revoke_key(connection: Connection, name: str) -> None:
    """Put a key out of force, at once and for good.

    Raises:
        UnknownName: there is no key of that name in force.
    """
    statement = text(
        "UPDATE api_keys SET revoked_at = now() WHERE name = :name AND revoked_at IS NULL"
    )
    if not connection.execute(statement, {"name": name}).rowcount:
        raise UnknownName(f"there is no key {name!r} in force", code="unknown_key")


def key_in_force(connection: Connection, shown: str) -> ApiKey | None:
    """Return the key that a caller shows, or None for one that is unknown or revoked."""
    match = _KEY.fullmatch(shown)
    if not match:
        return None
    statement = text(
        "SELECT id, name, all_projects, key_hash FROM api_keys"
        " WHERE id = :id AND revoked_at IS NULL"
    )
    row = connection.execute(statement, {"id": int(match[1])}).first()
    if not hmac.compare_digest(row.key_hash if row else bytes(32), _hash(shown)) or row is None:
        return None
    return ApiKey(row.id, row.name, row.all_projects)


def key_by_id(connection: Connection, key_id: int) -> ApiKey | None:
    """Return the key that a session was opened with, or None if it was revoked since."""
    statement = text(
        "SELECT id, name, all_projects FROM api_keys WHERE id = :id AND revoked_at IS NULL"
    )
    row = connection.execute(statement, {"id": key_id}).first()
    return ApiKey(*row) if row else None


def has_key_in_force(connection: Connection) -> bool:
    """Return whether there is a key that is not revoked."""
    statement = text("SELECT EXISTS (SELECT FROM api_keys WHERE revoked_at IS NULL)")
    return bool(connection.execute(statement).scalar_one())


def _project_id(connection: Connection, name: str, say: Callable[[str], None]) -> int:
    try:
        return find_project(connection, name).id
    except UnknownName:
        projects, told = projects_of_names(connection, [name])
        say(f"Project {name!r} was not there yet and is made.")
        for sentence in told:
            say(sentence)
        return projects[name].id


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
