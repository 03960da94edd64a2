"""`failure-insights metrics`: what a metric's scores mean."""

from typing import Annotated

import typer

from failure_insights.commands.store_transaction import store_transaction
from failure_insights.domain.metrics import PassRule

app = typer.Typer(name="metrics", help="Say when a metric's scores pass.", no_args_is_help=True)


@app.callback()
def metrics() -> None:
    """Say when a metric's scores pass."""


@app.command()
def rule(
    project: Annotated[str, typer.Argument(help="Name or slug of the project.")],
    metric: Annotated[str, typer.Argument(help="Name or slug of the metric.")],
    rule: Annotated[
        str, typer.Argument(help="When a score passes: '>= 4', '= true' or 'in good, great'.")
    ],
) -> None:
    """Set a metric's pass rule. It judges stored scores that have no verdict, or one of a rule."""
    with store_transaction() as connection:
        from failure_insights.store.projects import find_project, put_pass_rule

        place = find_project(connection, project)
        row, judged = put_pass_rule(connection, place.id, metric, PassRule.parse(rule))
    results = f"{judged:,} result" + ("" if judged == 1 else "s")
    print(f"{row.name} passes when the score is {row.card.pass_rule}; {results} judged anew")
