"""`failure-insights costs`: what audits cost, and what they may cost a month."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from failure_insights.commands.store_transaction import store_transaction

if TYPE_CHECKING:
    from failure_insights.audit.costs import CostsRow

app = typer.Typer(
    name="costs", help="Say what audits cost, and cap it by month.", no_args_is_help=True
)


@app.command()
def show(
    project: Annotated[str, typer.Argument(help="Name or slug of the project.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the API's answer.")] = False,
) -> None:
    """Print what was spent this month, what the next daily audit may cost, and past months."""
    with store_transaction() as connection:
        from datetime import UTC, datetime

        from failure_insights.audit.costs import costs_of
        from failure_insights.settings import get_settings
        from failure_insights.store.projects import find_project

        place = find_project(connection, project)
        costs = costs_of(connection, get_settings(), place, datetime.now(UTC))
    print(json.dumps(costs, default=str, indent=2) if as_json else _told(costs))


@app.command()
def cap(
    project: Annotated[str, typer.Argument(help="Name or slug of the project.")],
    dollars: Annotated[str, typer.Argument(help="US dollars a calendar month, or none.")],
) -> None:
    """Set what a project's audits may cost a month; beyond it they are grouped by wording."""
    with store_transaction() as connection:
        from failure_insights.errors import BadInput
        from failure_insights.store.projects import find_project
        from failure_insights.store.spending import put_cap

        try:
            amount = None if dollars == "none" else float(dollars.removeprefix("$"))
        except ValueError:
            amount = -1.0
        if amount is not None and not 0 <= amount < 1e9:
            raise BadInput(f"{dollars!r} is no amount; write US dollars such as 50, or none")
        put_cap(connection, find_project(connection, project).id, amount)
    print("no cap" if amount is None else f"${amount:,.2f} a month")


def _told(costs: "CostsRow") -> str:
    from failure_insights.domain.spending import dollars

    cap = "" if costs["monthly_cap"] is None else f" of {dollars(costs['monthly_cap'])}"
    lines = [f"this month\t{dollars(costs['spent_this_month'])}{cap}"]
    if costs["paused"]:
        lines.append(f"paused\t{costs['paused']}")
    for row in (costs["next_grid"], *costs["next_audits"]) if costs["model"] else ():
        amount = "price not known"
        if row["low"] is not None and row["high"] is not None:
            amount = f"{dollars(row['low'])} to {dollars(row['high'])}"
        lines.append(f"next\t{row['metric_name']}\t{row['failing_calls']} calls\t{amount}")
    for spent in costs["months"]:
        month = f"{spent['month']:%Y-%m}"
        lines.append(f"{month}\t{spent['metric_name']}\t{dollars(spent['cost'])}")
    return "\n".join(lines)
