"""Bring the store's tables up to date, or say plainly why that cannot be done."""

from functools import cache
from importlib.resources import files

from sqlalchemy import Connection, Engine, text

from failure_insights.errors import FailureInsightsError
from failure_insights.store.database import SCHEMA, reachable

#: Number of the lock that whoever migrates takes. Any will do, if all processes take the same.
MIGRATION_LOCK = 7_215_306
#: An index that 0001 has as it was released. While it was written, it was edited in place, so that
#: a store of that time calls itself 0001 without having it.
MARK_OF_RELEASED = "done_insights"


class SchemaUnusable(FailureInsightsError):
    """The store's tables are of a version that this release can neither use nor upgrade."""

    code = "schema_unusable"


def migrate(engine: Engine) -> None:
    """Bring the schema up to date; of many processes that start at once, one does it.

    Raises:
        DatabaseUnreachable: Postgres does not answer.
        SchemaUnusable: the tables were made by a newer release, or before the first.
    """
    with reachable(engine) as connection, connection.begin():
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        stored = _stored_version(connection)
        if stored is not None:
            _require_usable(connection, stored)
        if stored != versions()[-1]:
            _upgrade(connection)


@cache
def versions() -> tuple[str, ...]:
    """Return the numbers of all migrations, the oldest first, by the names of their files."""
    folder = files("failure_insights.store") / "migrations" / "versions"
    names = (file.name for file in folder.iterdir())
    return tuple(sorted(name.partition("_")[0] for name in names if name.endswith(".sql")))


def _stored_version(connection: Connection) -> str | None:
    table = f"{SCHEMA}.alembic_version"
    if connection.execute(text("SELECT to_regclass(:table)"), {"table": table}).scalar() is None:
        return None
    version: str | None = connection.execute(text(f"SELECT version_num FROM {table}")).scalar()
    return version


def _require_usable(connection: Connection, stored: str) -> None:
    newest = versions()[-1]
    if stored not in versions():
        raise SchemaUnusable(
            f"The store's tables are of version {stored}, and this release knows those up to "
            f"{newest}: a newer release has upgraded them. Install that release again, or restore "
            "the backup from before its upgrade.",
            code="schema_newer",
        )
    mark = {"mark": f"{SCHEMA}.{MARK_OF_RELEASED}"}
    if connection.execute(text("SELECT to_regclass(:mark)"), mark).scalar() is None:
        raise SchemaUnusable(
            "The store's tables were made before the first release, 0.1.0, and cannot be upgraded "
            f"(the index {MARK_OF_RELEASED} is missing). Start anew and import the calls again: "
            "move the folder FAILURE_INSIGHTS_HOME away, or on a server of your own run "
            f"DROP SCHEMA {SCHEMA} CASCADE.",
            code="schema_unreleased",
        )


def _upgrade(connection: Connection) -> None:
    # Imported here: a store that is up to date needs no Alembic, which takes 200 ms to load.
    from alembic import command
    from alembic.config import Config

    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    config = Config()
    config.set_main_option("script_location", str(files("failure_insights.store") / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
