"""`failure-insights alerts`: what a project is told of, and to where."""

from typing import Annotated

import typer

from failure_insights.commands.store_transaction import store_transaction
from failure_insights.commands.terminal import say

app = typer.Typer(
    name="alerts",
    help="Add, list, preview, test and remove alerts.",
    no_args_is_help=True,
)

Project = Annotated[str, typer.Argument(help="Name or slug of the project.")]
AlertId = Annotated[int, typer.Argument(help="Number of the alert, as `list` shows it.")]


@app.command()
def add(
    project: Project,
    kind: Annotated[
        str,
        typer.Argument(help="new_theme, growing, regressed, audit_failed, no_audit or digest."),
    ],
    name: Annotated[str, typer.Option(help="Name of the alert.")],
    address_env: Annotated[
        str,
        typer.Option(help="Variable of the address (ALERT_...): an Apprise URL, or a webhook's."),
    ],
    secret_env: Annotated[
        str | None, typer.Option(help="Variable of a webhook's secret: makes it a signed webhook.")
    ] = None,
    metric: Annotated[str | None, typer.Option(help="Only this metric.")] = None,
    least: Annotated[int | None, typer.Option(help="Calls from which on it is told.")] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="growing: slow (24 h / 14 d / 10 / 4x), daily (24 h / 7 d / 5 / 3x) "
            "or fast (6 h / 3 d / 3 / 2x)."
        ),
    ] = None,
    hours: Annotated[int | None, typer.Option(help="no_audit: after so many hours.")] = None,
) -> None:
    """Add an alert. Its address stays in the environment or .env; the variable's name is kept."""
    with store_transaction() as connection:
        from failure_insights.domain.alerts import ALERT_KINDS
        from failure_insights.errors import BadInput
        from failure_insights.settings import secret_named
        from failure_insights.store.alerts import NewRule, add_rule
        from failure_insights.store.projects import find_project

        known = next((each for each in ALERT_KINDS if each == kind), None)
        if known is None:
            raise BadInput(f"{kind!r} is none of {', '.join(ALERT_KINDS)}")
        given = {"least": least, "preset": preset, "hours": hours}
        rule = NewRule(
            name=name,
            kind=known,
            channel="webhook" if secret_env else "apprise",
            address_env=address_env,
            secret_env=secret_env,
            metric=metric,
            params={key: value for key, value in given.items() if value is not None},
        )
        row = add_rule(connection, find_project(connection, project), rule)
    for variable in filter(None, (address_env, secret_env)):
        if secret_named(variable) is None:
            say(f"{variable} is not set here yet; set it in the environment or in .env.")
    print(row["id"])


@app.command("list")
def list_(project: Project) -> None:
    """List a project's alerts, and how their messages fare."""
    with store_transaction() as connection:
        from failure_insights.store.alerts import list_rules
        from failure_insights.store.projects import find_project

        rules = list_rules(connection, find_project(connection, project))
    for rule in rules:
        where = rule["metric_name"] or "all metrics"
        state = "on" if rule["enabled"] else "off"
        fare = f"{rule['waiting']} waiting, {rule['given_up']} given up"
        print("\t".join([str(rule["id"]), rule["name"], rule["kind"], where, state, fare]))


@app.command()
def preview(project: Project, alert: AlertId) -> None:
    """Print what an alert would have told of the last two days' audits."""
    with store_transaction() as connection:
        from datetime import UTC, datetime

        from failure_insights.alerts.outbox import preview as message_of_last_days
        from failure_insights.settings import get_settings
        from failure_insights.store.projects import find_project

        place = find_project(connection, project)
        url = get_settings().public_url
        message = message_of_last_days(connection, place, alert, url, datetime.now(UTC))
    print(f"{message.title}\n\n{message.body}" if message else "Nothing to tell.")


@app.command()
def test(project: Project, alert: AlertId) -> None:
    """Send an alert's test message now. Status 2: it did not go out, with the reason."""
    with store_transaction() as connection:
        from datetime import UTC, datetime

        from failure_insights.alerts.outbox import send_test
        from failure_insights.settings import get_settings, secret_named
        from failure_insights.store.projects import find_project

        place = find_project(connection, project)
        url = get_settings().public_url
        send_test(connection, place, alert, url, datetime.now(UTC), secret_named)
    say("The test went out.")


@app.command()
def remove(project: Project, alert: AlertId) -> None:
    """Remove an alert with its messages."""
    with store_transaction() as connection:
        from failure_insights.store.alerts import remove_rule
        from failure_insights.store.projects import find_project

        remove_rule(connection, find_project(connection, project), alert)
    say(f"Alert {alert} is removed.")
