"""A real Dagster instance for every test that asks, on a database of the test's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import make_url

from failure_insights import settings
from failure_insights.orchestration.home import dagster_instance
from failure_insights.orchestration.patches import storage
from failure_insights.store.database import engine_for, url_for_driver
from failure_insights_tests.conftest import new_database
from failure_insights_tests.pipeline.grid import Grid


@pytest.fixture(scope="session")
def dagster_database(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Name of a database that holds our tables and Dagster's, to copy."""
    with new_database(postgres_url, "migrated") as url:
        with dagster_on(url, tmp_path_factory.mktemp("dagster")):
            pass
        engine_for(url).dispose()
        yield make_url(url).database or ""


@pytest.fixture
def grid(postgres_url: str, dagster_database: str, tmp_path: Path) -> Iterator[Grid]:
    """An empty store and a Dagster instance, with the project's dagster.yaml, on one database."""
    with (
        new_database(postgres_url, dagster_database) as url,
        dagster_on(url, tmp_path) as instance,
    ):
        yield Grid(engine_for(url), instance)


@contextmanager
def dagster_on(url: str, home: Path) -> Iterator[dg.DagsterInstance]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FAILURE_INSIGHTS_DATABASE_URL", url)
        environment.setenv("FAILURE_INSIGHTS_HOME", str(home))
        environment.setenv("FAILURE_INSIGHTS_AUDITOR", "wording")
        environment.setenv("DAGSTER_HOME", "")
        _forget_settings()
        with dagster_instance() as instance:
            yield instance
        storage._pool(url_for_driver(url, "psycopg2"), storage.PoolSizes()).dispose()
    _forget_settings()


def _forget_settings() -> None:
    settings.get_settings.cache_clear()
