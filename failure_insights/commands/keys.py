"""`failure-insights keys`: API keys are made, listed and revoked here, where the database is."""

from typing import Annotated

import typer

from failure_insights.commands.store_transaction import store_transaction
from failure_insights.commands.terminal import say

app = typer.Typer(name="keys", help="Make, list and revoke API keys.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Name of the key; how you revoke it.")],
    project: Annotated[
        list[str] | None, typer.Option(help="Project it may see; more than once; default: all.")
    ] = None,
) -> None:
    """Make a key and print it. It is shown this once; only its hash is stored."""
    with store_transaction() as connection:
        from failure_insights.store.keys import create_key

        key = create_key(connection, name, project or [], say)
    say("Keep this key; it is not shown again:")
    print(key)


@app.command("list")
def list_() -> None:
    """List the keys with the projects they may see. Keys themselves are not stored."""
    with store_transaction() as connection:
        from failure_insights.store.keys import list_keys

        keys = list_keys(connection)
    for key in keys:
        scope = "all projects" if key.all_projects else ", ".join(key.projects) or "no project"
        state = f"revoked {key.revoked_at:%Y-%m-%d %H:%M} UTC" if key.revoked_at else "in force"
        print(f"{key.name}\t{scope}\tmade {key.created_at:%Y-%m-%d %H:%M} UTC\t{state}")


@app.command()
def revoke(name: Annotated[str, typer.Argument(help="Name of the key.")]) -> None:
    """Put a key out of force, at once and for good."""
    with store_transaction() as connection:
        from failure_insights.store.keys import revoke_key

        revoke_key(connection, name)
    say(f"Key {name} is revoked.")
