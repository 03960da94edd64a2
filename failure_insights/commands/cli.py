"""The command line. Each command is thin: it reads its options and calls what does the work.

Its imports stand in the commands: `--help` should not wait for Dagster.
"""

import sys
from datetime import UTC, datetime
from io import TextIOWrapper
from typing import Annotated

import typer

from failure_insights.commands import alerts, costs, keys, marks, metrics, sources, themes
from failure_insights.commands.terminal import end_on_sigterm, plain_errors, say, terminal
from failure_insights.errors import BadInput

app = typer.Typer(
    name="failure-insights",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(keys.app)
app.add_typer(marks.app)
app.add_typer(metrics.app)
app.add_typer(sources.app)
app.add_typer(costs.app)
app.add_typer(themes.app)
app.add_typer(alerts.app)


@app.callback()
def main() -> None:
    """Root causes of failing voice-agent calls, every morning."""
    end_on_sigterm()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")


@app.command()
def up(
    demo: Annotated[bool, typer.Option("--demo", help="Load demo calls and audit them.")] = False,
    host: Annotated[
        str, typer.Option(help="Address of the API and the dashboard; others need an API key.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the API and the dashboard.")
    ] = 8000,
    dagster_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of Dagster's own pages.")
    ] = 3000,
) -> None:
    """Start everything: Postgres (embedded unless a URL is set), Dagster, API and dashboard."""
    with plain_errors():
        from failure_insights.commands.parts import Addresses
        from failure_insights.commands.up import run_everything

        run_everything(Addresses(host, port, dagster_port), demo=demo)


@app.command("import")
def import_(
    files: Annotated[
        list[str],
        typer.Argument(
            help="Files and folders: JSON of any layout, CSV, Parquet, packed or not; "
            "- for standard input."
        ),
    ],
    format: Annotated[
        str,
        typer.Option(
            help="auto (each call's own), native, cekura, vapi, retell, elevenlabs, livekit, "
            "pipecat, langfuse or phoenix."
        ),
    ] = "auto",
    project: Annotated[
        str | None, typer.Option(help="Project of every call; default: each call's own.")
    ] = None,
) -> None:
    """Import calls with their metric results. The same file again changes nothing."""
    with plain_errors():
        from failure_insights.commands.import_files import import_files

        report = import_files(files, format, project, say)
    if report.rejected:
        raise typer.Exit(1)


@app.command()
def audit(
    project: Annotated[str, typer.Option(help="Name or slug of the project.")],
    metric: Annotated[str, typer.Option(help="Name or slug of the metric.")],
    at: Annotated[
        str | None, typer.Option(help="Time to look back from, ISO 8601 with zone; default: now.")
    ] = None,
    window_days: Annotated[
        int | None, typer.Option(min=1, max=90, help="Days to read, instead of the pool rule.")
    ] = None,
    max_calls: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Transcripts to read at most.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the API's row.")] = False,
) -> None:
    """Audit one project and metric now; the breakdown goes to standard output."""
    with plain_errors():
        from failure_insights.commands.audit import audit_in_foreground
        from failure_insights.export.render import render

        with terminal.status("Auditing ..."):
            row = audit_in_foreground(project, metric, _time(at), window_days, max_calls, say=say)
        print(render(row, "json" if as_json else "md"))
    if row["status"] == "failed":
        raise typer.Exit(1)


@app.command()
def export(
    insight: Annotated[int, typer.Argument(min=1, max=2**63 - 1, help="ID of the insight.")],
    format: Annotated[str, typer.Option(help="md, json or csv.")] = "md",
) -> None:
    """Print one insight."""
    with plain_errors():
        from failure_insights.export.render import export_insight
        from failure_insights.settings import get_settings
        from failure_insights.store.opening import open_store

        settings = get_settings()
        engine = open_store(settings.database_url, settings.home)
        print(export_insight(engine, insight, format))


@app.command()
def digest(
    project: Annotated[str, typer.Argument(help="Name or slug of the project.")],
    days: Annotated[int, typer.Option(min=1, max=30, help="Days that it tells of.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the API's row.")] = False,
) -> None:
    """Make and print what is new, grew, regressed or went away, over all metrics of a project."""
    with plain_errors():
        from failure_insights.commands.digest import digest_now, told

        print(told(digest_now(project, days), as_json=as_json))


@app.command()
def mcp() -> None:
    """Serve tools for coding agents over standard input and output (MCP)."""
    with plain_errors():
        from failure_insights.commands.mcp import serve_agent_tools

        serve_agent_tools()


def _time(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(
            f"--at {text!r} is not a time; write it like 2026-11-23T06:00Z", code="bad_time"
        ) from None
    if time.tzinfo is None:
        raise BadInput(
            f"--at {text!r} has no zone; add Z or an offset such as +01:00",
            code="time_without_zone",
        )
    return time.astimezone(UTC)
