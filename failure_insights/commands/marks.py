"""`failure-insights marks`: say that judges' results are wrong or stand, and export that."""

from typing import Annotated

import typer

from failure_insights.commands.terminal import plain_errors
from failure_insights.domain.result_marks import MarkVerdict

app = typer.Typer(
    name="marks",
    help="Say that judges' results are wrong or stand, and export that.",
    no_args_is_help=True,
)

Project = Annotated[str, typer.Argument(help="Name or slug of the project.")]
By = Annotated[str | None, typer.Option(help="Who says it; default: the user's name.")]


@app.command()
def add(
    project: Project,
    metric: Annotated[str, typer.Argument(help="Name or slug of the metric.")],
    call: Annotated[str, typer.Argument(help="ID of the call.")],
    verdict: Annotated[
        MarkVerdict,
        typer.Argument(
            help="judge_wrong: the result should have been another; metric_wrong: the metric asks "
            "for the wrong thing; stands: somebody looked, and it is right."
        ),
    ],
    expected: Annotated[
        str | None,
        typer.Option(help="What it should have been: true, false or a score; default: the other."),
    ] = None,
    note: Annotated[str, typer.Option(help="Why.")] = "",
    by: By = None,
) -> None:
    """Say what a result is. Later audits leave out what failed for no fault of the agent's."""
    with plain_errors():
        from failure_insights.commands import mark_actions

        mark_actions.add(project, metric, call, verdict, expected, note, by)


@app.command()
def undo(
    project: Project,
    mark: Annotated[int, typer.Argument(min=1, help="Number of the mark.")],
    by: By = None,
) -> None:
    """Take a mark back."""
    with plain_errors():
        from failure_insights.commands import mark_actions

        mark_actions.undo(project, mark, by)


@app.command()
def rates(
    project: Project, metric: Annotated[str, typer.Argument(help="Name or slug of the metric.")]
) -> None:
    """Tell how often a metric's judge was wrong, by week."""
    with plain_errors():
        from failure_insights.commands import mark_actions

        mark_actions.rates(project, metric)


@app.command()
def export(
    project: Project,
    metric: Annotated[str | None, typer.Option(help="Only this metric.")] = None,
    verdict: Annotated[MarkVerdict | None, typer.Option(help="Only marks that say this.")] = None,
    few_shot: Annotated[
        bool, typer.Option("--few-shot", help="As examples for a judge's prompt.")
    ] = False,
) -> None:
    """Print marked results with their transcripts, a line of JSON each."""
    with plain_errors():
        from failure_insights.commands import mark_actions

        mark_actions.export(project, metric, verdict, "few_shot" if few_shot else "relabel")
