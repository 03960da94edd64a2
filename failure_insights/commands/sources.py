"""`failure-insights sources`: where calls come from by themselves, by asking or by webhook."""

from typing import Annotated

import typer

from failure_insights.commands.terminal import plain_errors

app = typer.Typer(
    name="sources",
    help="Add, list, remove and pull sources, which bring calls by themselves.",
    no_args_is_help=True,
)


@app.command()
def add(
    kind: Annotated[
        str,
        typer.Argument(
            help="Pulled: vapi, retell, elevenlabs, langfuse or phoenix. "
            "With --webhook: vapi, retell, elevenlabs, livekit or cekura."
        ),
    ],
    name: Annotated[str, typer.Option(help="Name of the source.")],
    project: Annotated[str, typer.Option(help="Project of its calls.")],
    webhook: Annotated[
        bool, typer.Option("--webhook", help="Make an address for signed deliveries instead.")
    ] = False,
    key_env: Annotated[
        str | None,
        typer.Option(help="Variable of the key or signing secret; default: the provider's."),
    ] = None,
    user_env: Annotated[
        str | None, typer.Option(help="Langfuse: variable of the public key.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(help="Address of the API; default: the provider's own.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Time of the first calls, ISO 8601; default: 7 days ago.")
    ] = None,
    agent: Annotated[
        str | None, typer.Option(help="Agent of all its calls; default: as each call says.")
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            help="Only this assistant (vapi), agent (retell, elevenlabs), environment (langfuse) "
            "or project (phoenix; default: default)."
        ),
    ] = None,
) -> None:
    """Store a source. Its key stays in the environment or .env; the variable's name is stored."""
    with plain_errors():
        from failure_insights.commands import source_actions

        source_actions.add(
            source_actions.Options(
                kind, name, project, webhook, key_env, user_env, base_url, since, agent, only
            )
        )


@app.command("list")
def list_() -> None:
    """List the sources: where they stand, what has come, and how it last ended."""
    with plain_errors():
        from failure_insights.commands import source_actions

        source_actions.show()


@app.command()
def remove(name: Annotated[str, typer.Argument(help="Name of the source.")]) -> None:
    """Remove a source. The calls that it brought stay."""
    with plain_errors():
        from failure_insights.commands import source_actions

        source_actions.remove(name)


@app.command()
def pull(
    name: Annotated[
        str | None, typer.Argument(help="Name of the source; default: all that are pulled.")
    ] = None,
) -> None:
    """Bring new calls now, in the foreground. Status 1: some calls could not be brought."""
    with plain_errors():
        from failure_insights.commands import source_actions

        is_well = source_actions.pull_now(name)
    if not is_well:
        raise typer.Exit(1)
