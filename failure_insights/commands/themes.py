"""`failure-insights themes`: list themes, and say what becomes of them."""

from typing import Annotated

import typer

from failure_insights.commands.terminal import plain_errors
from failure_insights.domain.theme_life import DISMISSAL_REASONS, ThemeState

app = typer.Typer(
    name="themes", help="List themes, and say what becomes of them.", no_args_is_help=True
)

Theme = Annotated[str, typer.Argument(help="ID of the theme, such as th_0123456789ab.")]
By = Annotated[str | None, typer.Option(help="Who does it; default: the user's name.")]
Note = Annotated[str, typer.Option(help="A sentence for those who read it later.")]


@app.command("list")
def list_(
    project: Annotated[str, typer.Option(help="Name or slug of the project.")],
    metric: Annotated[str | None, typer.Option(help="Name or slug of a metric.")] = None,
    state: Annotated[ThemeState | None, typer.Option(help="Only themes of this state.")] = None,
) -> None:
    """List a project's themes: ID, state, calls on the newest day, metric and title."""
    with plain_errors():
        from failure_insights.commands import theme_actions

        theme_actions.show_all(project, metric, state)


@app.command()
def show(theme: Theme) -> None:
    """Show a theme, and what was done with it."""
    with plain_errors():
        from failure_insights.commands import theme_actions

        theme_actions.show(theme)


@app.command()
def watch(theme: Theme, note: Note = "", by: By = None) -> None:
    """Say that a theme is watched."""
    with plain_errors():
        from failure_insights.commands import theme_actions

        theme_actions.give_state(theme, "watched", by, note=note)


@app.command()
def resolve(
    theme: Theme,
    since: Annotated[
        str | None, typer.Option(help="When the fix went out, ISO 8601 with zone; default: now.")
    ] = None,
    note: Note = "",
    by: By = None,
) -> None:
    """Say that a theme is fixed. Calls that begin later make it regressed."""
    with plain_errors():
        from failure_insights.commands import theme_actions

        theme_actions.give_state(theme, "resolved", by, note=note, since=since)


@app.command()
def dismiss(
    theme: Theme,
    reason: Annotated[str, typer.Option(help=f"One of {', '.join(DISMISSAL_REASONS)}.")],
    note: Note = "",
    by: By = None,
) -> None:
    """Say that a theme is none to fix. It is counted still, and not shown among the others."""
    with plain_errors():
        from failure_insights.commands import theme_actions

        theme_actions.give_state(theme, "dismissed", by, note=note, reason=reason)


@app.command()
def activate(theme: Theme, note: Note = "", by: By = None) -> None:
    """Say that a theme is active again."""
    with plain_errors():
        from failure_insights.commands import theme_actions

        theme_actions.give_state(theme, "active", by, note=note)


@app.command()
def rename(
    theme: Theme,
    title: Annotated[str, typer.Argument(help="Empty: that of its first audit again.")],
    by: By = None,
) -> None:
    """Give a theme another title."""
    with plain_errors():
        from failure_insights.commands import theme_actions

        theme_actions.give(theme, by, title=title)


@app.command()
def merge(
    theme: Theme,
    into: Annotated[str, typer.Argument(help="The theme of the same metric that it counts with.")],
    by: By = None,
) -> None:
    """Merge a theme into another."""
    with plain_errors():
        from failure_insights.commands import theme_actions

        theme_actions.give(theme, by, merged_into=into)


@app.command()
def assign(
    theme: Theme,
    owner: Annotated[str | None, typer.Option(help="Who cares for it; empty: nobody.")] = None,
    link: Annotated[str | None, typer.Option(help="Web address of its ticket.")] = None,
    by: By = None,
) -> None:
    """Give a theme an owner, a ticket, or both."""
    with plain_errors():
        from failure_insights.commands import theme_actions

        theme_actions.give(theme, by, owner=owner, link=link)


@app.command()
def split(
    theme: Theme,
    calls: Annotated[list[str], typer.Argument(help="IDs of the calls.")],
    title: Annotated[str, typer.Option(help="The other cause that they count for.")] = "",
    into: Annotated[str | None, typer.Option(help="The theme that they count for.")] = None,
    by: By = None,
) -> None:
    """Split calls off a theme."""
    with plain_errors():
        from failure_insights.commands import theme_actions

        theme_actions.split(theme, calls, title, into, by)


@app.command()
def undo(
    theme: Theme,
    act: Annotated[int, typer.Argument(min=1, help="Number of the act; 'themes show' has it.")],
    by: By = None,
) -> None:
    """Take an act back."""
    with plain_errors():
        from failure_insights.commands import theme_actions

        theme_actions.undo(theme, act, by)


@app.command("tests")
def print_tests(
    theme: Theme,
    format: Annotated[str, typer.Option(help="jsonl, promptfoo, langfuse or langsmith.")] = "jsonl",
    expected: Annotated[
        str, typer.Option(help="What should have happened; default: by criterion and fix.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=200, help="Calls at most.")] = 10,
) -> None:
    """Print tests of a theme: its calls up to the deciding turn, with what should have happened."""
    with plain_errors():
        from failure_insights.commands import theme_actions

        theme_actions.print_tests(theme, format, expected, limit)
