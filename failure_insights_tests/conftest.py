"""A real Postgres for every test that asks: one embedded server, a fresh database a test."""

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, create_engine, make_url, text

from failure_insights.store.database import engine_for, url_for_driver
from failure_insights.store.embedded import start_embedded_postgres
from failure_insights.store.schema import migrate

_numbers = count(1)

# Machines are shared: how long an example takes says nothing of the code.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the slow tests where workers share them.

    The quick ones fill what is left at the end, so that no worker waits for another's long file.
    """
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """URL of the test run's own server, which holds a migrated database to copy."""
    folder = folder_for_a_server()
    # Registered before the server's own end, so done after it.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    url = start_embedded_postgres(folder / "postgres")
    # What a test stores need not outlive a power cut, and a disk is slow to promise that.
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        _execute(url, f"ALTER SYSTEM SET {setting} = off")
    _execute(url, "SELECT pg_reload_conf()")
    _execute(url, "CREATE DATABASE migrated")
    template = engine_for(_named(url, "migrated"))
    migrate(template)
    template.dispose()
    return url


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """URL of a migrated, empty database of the test's own."""
    with new_database(postgres_url, "migrated") as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Engine:
    """Our engine on the test's own database."""
    return engine_for(database_url)


@contextmanager
def new_database(server_url: str, template: str) -> Iterator[str]:
    """Make a copy of a database, give its URL to the block, and drop it."""
    name = f"test_{next(_numbers)}"
    _execute(server_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    url = _named(server_url, name)
    try:
        yield url
    finally:
        engine_for(url).dispose()
        _execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def folder_for_a_server() -> Path:
    """Return a new folder that is not under pytest's.

    As root, Postgres runs as another user, and each start of pytest closes its folder to others.
    """
    return Path(tempfile.mkdtemp(prefix="failure-insights-"))


def _named(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def _execute(url: str, statement: str) -> None:
    server = create_engine(url_for_driver(url, "psycopg"), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(statement))
    server.dispose()
