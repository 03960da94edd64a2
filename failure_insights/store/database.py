"""Connect to the one Postgres, and read the statements of `sql/`."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files

from sqlalchemy import Connection, Engine, TextClause, create_engine, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError

from failure_insights.errors import DatabaseUnreachable

SCHEMA = "failure_insights"


def url_for_driver(url: str, driver: str) -> str:
    """Return a Postgres URL that names a driver: `psycopg` (ours) or `psycopg2` (Dagster's)."""
    parsed: URL = make_url(url)
    return parsed.set(drivername=f"postgresql+{driver}").render_as_string(hide_password=False)


@cache
def engine_for(url: str) -> Engine:
    """Return the process's engine for a URL; its connections find our tables first."""
    return create_engine(
        url_for_driver(url, "psycopg"),
        pool_size=4,
        max_overflow=12,
        pool_pre_ping=True,
        # Parameters are strangers' words; an error that is logged must not carry them.
        hide_parameters=True,
        connect_args={
            "connect_timeout": 10,
            "options": f"-c search_path={SCHEMA},public -c timezone=UTC",
            # Plans must see the arrays' lengths, and a pgbouncer may stand between.
            "prepare_threshold": None,
        },
    )


@contextmanager
def reachable(engine: Engine) -> Iterator[Connection]:
    """Connect, or say plainly that the database does not answer."""
    try:
        connection = engine.connect()
    except OperationalError as error:
        address = engine.url.set(drivername="postgresql").render_as_string(hide_password=True)
        reason = str(error.orig).strip().splitlines()[0]
        raise DatabaseUnreachable(
            f"Postgres at {address} does not answer: {reason}. Start it, correct "
            "FAILURE_INSIGHTS_DATABASE_URL, or unset that to use the embedded Postgres."
        ) from None
    with connection:
        yield connection


@cache
def query(name: str, **named: str) -> TextClause:
    """Return the statement of `store/sql/NAME.sql`.

    Args:
        named: the statements of other files, under the names that this one has for them (WITH).
    """
    parts = ", ".join(f"{alias} AS ({_sql(file)})" for alias, file in named.items())
    return text(f"WITH {parts}\n{_sql(name)}" if parts else _sql(name))


def _sql(name: str) -> str:
    return (files("failure_insights.store") / "sql" / f"{name}.sql").read_text()


def require_answer(connection: Connection) -> None:
    """Ask Postgres the cheapest question; sqlalchemy's OperationalError where it is away."""
    connection.execute(text("SELECT 1"))
