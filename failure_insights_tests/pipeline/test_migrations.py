"""The schema walks up version by version, from any of them, once, whoever starts first."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from failure_insights.store.database import SCHEMA, engine_for, migrate
from failure_insights_tests.conftest import new_database

_CONFIG = Config()
_CONFIG.set_main_option("script_location", str(files("failure_insights.store") / "migrations"))
VERSIONS = [r.revision for r in ScriptDirectory.from_config(_CONFIG).walk_revisions()][::-1]


@pytest.fixture
def empty(postgres_url: str) -> Iterator[Engine]:
    """An engine on a database without anything in it."""
    with new_database(postgres_url, "template1") as url:
        yield engine_for(url)


def upgrade(engine: Engine, version: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        _CONFIG.attributes["connection"] = connection
        command.upgrade(_CONFIG, version)


def schema(engine: Engine) -> list[Any]:
    """Return every column, constraint and index of the schema."""
    statement = text(
        "SELECT table_name, column_name, data_type, is_nullable, column_default"
        "  FROM information_schema.columns WHERE table_schema = :schema"
        " UNION ALL SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''"
        "  FROM pg_constraint WHERE connamespace = CAST(:schema AS regnamespace)"
        " UNION ALL SELECT tablename, indexname, indexdef, '', ''"
        "  FROM pg_indexes WHERE schemaname = :schema"
    )
    with engine.connect() as connection:
        return sorted(map(str, connection.execute(statement, {"schema": SCHEMA})))


def version(engine: Engine) -> str:
    with engine.connect() as connection:
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def test_versions_are_walked_up_one_by_one_and_end_where_a_new_store_begins(
    empty: Engine, engine: Engine
) -> None:
    for number in VERSIONS:
        upgrade(empty, number)
        assert version(empty) == number
    assert schema(empty) == schema(engine)


@pytest.mark.parametrize("old", VERSIONS)
def test_what_an_old_version_stored_is_there_after_the_upgrade(empty: Engine, old: str) -> None:
    upgrade(empty, old)
    with empty.begin() as connection:
        connection.execute(text("INSERT INTO projects (slug, name) VALUES ('clinic', 'Clinic')"))
    migrate(empty)
    assert version(empty) == VERSIONS[-1]
    with empty.connect() as connection:
        assert connection.execute(text("SELECT name FROM projects")).scalars().all() == ["Clinic"]


def test_of_many_processes_that_start_at_once_one_migrates(empty: Engine) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(migrate, [empty] * 6))
    assert version(empty) == VERSIONS[-1]
    before = schema(empty)
    migrate(empty)
    assert schema(empty) == before
