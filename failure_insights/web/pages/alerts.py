"""A project's alerts: adding, previewing, testing and removing them, and how messages fare."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from failure_insights.alerts.outbox import preview, send_test
from failure_insights.alerts.sending import NotDelivered
from failure_insights.domain.alerts import ALERT_KINDS, ALERT_WORDS
from failure_insights.domain.changes import PRESETS
from failure_insights.errors import BadInput
from failure_insights.settings import secret_named
from failure_insights.store.alerts import (
    NewRule,
    add_rule,
    list_rules,
    messages_of,
    put_rule_enabled,
    remove_rule,
)
from failure_insights.store.projects import ProjectRow, eligible_pairs
from failure_insights.web.pages import links
from failure_insights.web.pages.html import render_html
from failure_insights.web.pages.visitor import Store, VisibleProject

router = APIRouter()

#: The fields of the form before anybody has typed.
EMPTY = dict.fromkeys(
    ("name", "kind", "channel", "address_env", "secret_env", "metric", "number", "preset"), ""
)
Text = Annotated[str, Form(max_length=200)]


@router.get("/projects/{project}/alerts")
def alerts_page(request: Request, connection: Store, project: VisibleProject) -> Response:
    """The project's alerts, and the form to add one."""
    return _page(request, connection, project)


@router.post("/projects/{project}/alerts")
def add(
    request: Request,
    connection: Store,
    project: VisibleProject,
    name: Text,
    kind: Text,
    channel: Text,
    address_env: Text,
    secret_env: Text = "",
    metric: Text = "",
    number: Text = "",
    preset: Text = "",
) -> Response:
    """Add an alert."""
    given = {
        "name": name,
        "kind": kind,
        "channel": channel,
        "address_env": address_env,
        "secret_env": secret_env,
        "metric": metric,
        "number": number,
        "preset": preset,
    }
    try:
        add_rule(connection, project, _rule(given))
    except BadInput as error:
        return _page(request, connection, project, 422, complaint=str(error), given=given)
    return RedirectResponse(links.alerts(project.slug), 303)


@router.post("/projects/{project}/alerts/{alert_id}/{act}")
def act_on(
    request: Request, connection: Store, project: VisibleProject, alert_id: int, act: str
) -> Response:
    """Preview, test, remove, or turn an alert on or off."""
    now = datetime.now(UTC)
    public_url = request.app.state.settings.public_url
    if act == "preview":
        message = preview(connection, project, alert_id, public_url, now)
        shown = {"alert_id": alert_id, "message": message}
        return _page(request, connection, project, preview=shown)
    if act == "test":
        try:
            send_test(connection, project, alert_id, public_url, now, secret_named)
        except NotDelivered as error:
            told = {"alert_id": alert_id, "error": str(error)}
            return _page(request, connection, project, test=told)
        return _page(request, connection, project, test={"alert_id": alert_id, "error": ""})
    if act == "remove":
        remove_rule(connection, project, alert_id)
    elif act in ("on", "off"):
        put_rule_enabled(connection, project, alert_id, act == "on")
    else:
        raise BadInput(f"nothing can be done by the name {act[:40]!r}")
    return RedirectResponse(links.alerts(project.slug), 303)


def _page(
    request: Request,
    connection: Connection,
    project: ProjectRow,
    status: int = 200,
    complaint: str = "",
    **more: Any,
) -> Response:
    rules = list_rules(connection, project)
    return render_html(
        request,
        "alerts.html",
        status,
        project=project,
        rules=rules,
        messages={rule["id"]: messages_of(connection, rule["id"], 5) for rule in rules},
        metrics=eligible_pairs(connection, [project.id]),
        kinds={kind: ALERT_WORDS[kind] for kind in ALERT_KINDS},
        presets=PRESETS,
        complaint=complaint,
        **{"preview": None, "test": None, "given": EMPTY, **more},
    )


def _rule(given: dict[str, str]) -> NewRule:
    """Return the rule that the form describes.

    Raises:
        BadInput: a field cannot be used.
    """
    kind = next((kind for kind in ALERT_KINDS if kind == given["kind"]), None)
    if kind is None or given["channel"] not in ("apprise", "webhook"):
        raise BadInput("choose what to be told of, and by which way")
    if not given["name"].strip():
        raise BadInput("Name: give the alert a name")
    params: dict[str, Any] = {}
    field = {"new_theme": "least", "no_audit": "hours"}.get(kind)
    if field and given["number"].strip():
        if not given["number"].strip().isdecimal():
            raise BadInput("Number: give a whole number, or leave it empty")
        params[field] = int(given["number"])
    if kind == "growing" and given["preset"]:
        params["preset"] = given["preset"]
    return NewRule(
        name=given["name"].strip(),
        kind=kind,
        channel="webhook" if given["channel"] == "webhook" else "apprise",
        address_env=given["address_env"].strip(),
        secret_env=given["secret_env"].strip() or None,
        metric=given["metric"] or None,
        params=params,
    )
