"""The schema walks up version by version, from any of them, once, whoever starts first."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from failure_insights.domain.pools import PoolRule
from failure_insights.store import queue
from failure_insights.store.cards import read_cards
from failure_insights.store.database import SCHEMA, engine_for
from failure_insights.store.insights import prior_themes
from failure_insights.store.keys import key_in_force
from failure_insights.store.llm_answers import recall
from failure_insights.store.pools import PoolRequest, read_pools
from failure_insights.store.projects import find_metric, find_project
from failure_insights.store.schema import MARK_OF_RELEASED, SchemaUnusable, migrate
from failure_insights_tests.conftest import new_database

_CONFIG = Config()
_CONFIG.set_main_option("script_location", str(files("failure_insights.store") / "migrations"))
#: What each released version of the schema held, as rows to insert.
STORES = sorted((Path(__file__).parent / "stores").glob("*.sql"))
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


def fill(engine: Engine, file: Path) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(file.read_text())


def contents(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of every table of ours, in the order of all their columns."""
    tables = text(
        "SELECT tablename FROM pg_tables"
        " WHERE schemaname = :schema AND tablename <> 'alembic_version'"
    )
    with engine.connect() as connection:
        names = connection.execute(tables, {"schema": SCHEMA}).scalars().all()
        return {
            name: sorted(
                (dict(row) for row in connection.execute(text(f"SELECT * FROM {name}")).mappings()),
                key=str,
            )
            for name in names
        }


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


@pytest.mark.parametrize("filled", STORES, ids=lambda path: path.stem)
def test_a_filled_store_of_a_release_has_all_its_rows_after_the_upgrade(
    empty: Engine, filled: Path
) -> None:
    upgrade(empty, filled.stem)
    fill(empty, filled)
    before = contents(empty)
    assert [table for table, rows in before.items() if not rows] == []
    migrate(empty)
    assert version(empty) == VERSIONS[-1]
    after = contents(empty)
    for table, rows in before.items():
        same_columns = [{name: row[name] for name in rows[0]} for row in after[table]]
        assert same_columns == rows, table


@pytest.mark.parametrize("filled", STORES, ids=lambda path: path.stem)
def test_a_filled_store_of_a_release_is_read_and_goes_on_after_the_upgrade(
    empty: Engine, filled: Path
) -> None:
    upgrade(empty, filled.stem)
    fill(empty, filled)
    migrate(empty)
    with empty.begin() as connection:
        clinic = find_project(connection, "Clinic")
        metric = find_metric(connection, clinic.id, "expected-outcome")
        (card,) = read_cards(connection, clinic, None)
        assert card.insight
        assert [mode["count"] for mode in card.insight["failure_modes"]] == [3, 1]
        assert card.insight["unassigned_call_ids"] == ["c-5"]
        assert [error["call_id"] for error in card.insight["suspected_judge_errors"]] == ["c-6"]
        at = datetime(2026, 11, 21, 6, tzinfo=UTC)
        ((_, calls),) = read_pools(connection, [PoolRequest(metric.id, at)], PoolRule(3, 3))
        assert len(calls) == 6
        assert key_in_force(connection, "fi_1_0123456789abcdef0123456789abcdef0123456789a")
        assert not key_in_force(connection, "fi_2_0123456789abcdef0123456789abcdef0123456789a")
        assert recall(connection, ["0a1b"]) == {"0a1b": {"cause": "It was not moved."}}
        priors = prior_themes(connection, metric.key, date(2026, 11, 21))
        assert {prior.theme_id for prior in priors} == {"th_0123456789ab", "th_ba9876543210"}
        (request,) = queue.pending_requests(connection, 10)
        assert queue.take(connection, request.id, "run-6")


def test_tables_from_before_the_first_release_are_named_with_the_way_to_start_anew(
    empty: Engine,
) -> None:
    upgrade(empty, "0001")
    with empty.begin() as connection:
        connection.execute(text(f"DROP INDEX {MARK_OF_RELEASED}"))
    with pytest.raises(SchemaUnusable, match="DROP SCHEMA failure_insights") as refused:
        migrate(empty)
    assert refused.value.code == "schema_unreleased"
    assert version(empty) == "0001"


def test_tables_of_a_newer_release_are_left_alone(empty: Engine) -> None:
    migrate(empty)
    with empty.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = schema(empty)
    with pytest.raises(SchemaUnusable) as refused:
        migrate(empty)
    assert refused.value.code == "schema_newer"
    assert schema(empty) == before


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
