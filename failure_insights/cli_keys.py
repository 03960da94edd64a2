"""`failure-insights keys`: API keys are made, listed and revoked here, where the database is."""

import sys
from typing import Annotated

import typer

from failure_insights.errors import FailureInsightsError
from failure_insights.settings import database_url
from failure_insights.store.database import engine_for, migrate
from failure_insights.store.keys import create_key, list_keys, revoke_key

app = typer.Typer(name="keys", help="API keys.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Name of the key; how you revoke it.")],
    project: Annotated[
        list[str] | None, typer.Option(help="Project it may see; more than once; default: all.")
    ] = None,
) -> None:
    """Make a key and print it. It is shown this once; only its hash is stored."""
    engine = engine_for(database_url())
    migrate(engine)
    try:
        with engine.begin() as connection:
            key = create_key(connection, name, project or [])
    except FailureInsightsError as error:
        _refuse(error)
    print("Keep this key; it is not shown again:", file=sys.stderr)
    print(key)


@app.command("list")
def list_() -> None:
    """List the keys with the projects they may see. Keys themselves are not stored."""
    engine = engine_for(database_url())
    migrate(engine)
    with engine.connect() as connection:
        for key in list_keys(connection):
            scope = "all projects" if key.all_projects else ", ".join(key.projects) or "no project"
            state = f"revoked {key.revoked_at:%Y-%m-%d %H:%M} UTC" if key.revoked_at else "in force"
            print(f"{key.name}\t{scope}\tmade {key.created_at:%Y-%m-%d %H:%M} UTC\t{state}")


@app.command()
def revoke(name: Annotated[str, typer.Argument(help="Name of the key.")]) -> None:
    """Put a key out of force, at once and for good."""
    engine = engine_for(database_url())
    migrate(engine)
    try:
        with engine.begin() as connection:
            revoke_key(connection, name)
    except FailureInsightsError as error:
        _refuse(error)
    print(f"Key {name} is revoked.", file=sys.stderr)


def _refuse(error: FailureInsightsError) -> None:
    print(f"failure-insights: {error}", file=sys.stderr)
    raise typer.Exit(2)
