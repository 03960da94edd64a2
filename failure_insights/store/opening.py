"""Open the store that the settings name, whether it is a server or the embedded Postgres."""

from functools import cache
from pathlib import Path

from sqlalchemy import Engine

from failure_insights.store.database import engine_for
from failure_insights.store.embedded import start_embedded_postgres
from failure_insights.store.schema import migrate


@cache
def store_url(database_url: str | None, home: Path) -> str:
    """Return the URL of the store, starting the embedded Postgres where none is set.

    Args:
        database_url: Postgres that the settings name, or None.
        home: folder under which the embedded Postgres keeps its data.

    Raises:
        DatabaseUnreachable: the embedded Postgres does not start.
    """
    return database_url or start_embedded_postgres(home / "postgres")


def open_store(database_url: str | None, home: Path) -> Engine:
    """Return the engine of the store, with its schema up to date; see `store_url`.

    Raises:
        DatabaseUnreachable: Postgres does not answer.
    """
    engine = engine_for(store_url(database_url, home))
    migrate(engine)
    return engine
