"""Rules of alerts: what a project is told of, and to where; previews and tests."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from failure_insights.alerts.outbox import preview, send_test
from failure_insights.settings import secret_named
from failure_insights.store.alerts import (
    AlertRuleRow,
    add_rule,
    find_rule,
    list_rules,
    messages_of,
    put_rule,
    remove_rule,
)
from failure_insights.web.api.answer_models import (
    AlertList,
    AlertMessageList,
    AlertPreview,
    preview_of,
)
from failure_insights.web.api.answers import answer
from failure_insights.web.api.insights import ProjectName
from failure_insights.web.api.request_models import AlertBody
from failure_insights.web.auth.api_keys import CallerOf

router = APIRouter(prefix="/api/projects/{project}/alerts", tags=["Alerts"])

#: Postgres' integer.
RuleId = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("/", response_model=AlertList)
def list_(caller: CallerOf, project: ProjectName) -> Response:
    """List a project's alerts by name."""
    with caller.engine.connect() as connection:
        rows = list_rules(connection, caller.project(connection, project))
        return answer({"results": rows})


@router.post("/", status_code=201, response_model=AlertRuleRow)
def add(caller: CallerOf, project: ProjectName, body: AlertBody) -> Response:
    """Add an alert. It tells of what happens from now on."""
    with caller.engine.begin() as connection:
        place = caller.project(connection, project)
        return answer(add_rule(connection, place, body.rule()), 201)


@router.get("/{alert_id}/", response_model=AlertRuleRow)
def read(caller: CallerOf, project: ProjectName, alert_id: RuleId) -> Response:
    """Read one alert, with how its messages fare."""
    with caller.engine.connect() as connection:
        return answer(find_rule(connection, caller.project(connection, project), alert_id))


@router.put("/{alert_id}/", response_model=AlertRuleRow)
def put(caller: CallerOf, project: ProjectName, alert_id: RuleId, body: AlertBody) -> Response:
    """Replace an alert; what it has told already it tells no more."""
    with caller.engine.begin() as connection:
        place = caller.project(connection, project)
        return answer(put_rule(connection, place, alert_id, body.rule()))


@router.delete("/{alert_id}/", response_model=AlertRuleRow)
def remove(caller: CallerOf, project: ProjectName, alert_id: RuleId) -> Response:
    """Remove an alert with its messages; the answer is what it was."""
    with caller.engine.begin() as connection:
        place = caller.project(connection, project)
        row = find_rule(connection, place, alert_id)
        remove_rule(connection, place, alert_id)
        return answer(row)


@router.get("/{alert_id}/messages/", response_model=AlertMessageList)
def messages(caller: CallerOf, project: ProjectName, alert_id: RuleId) -> Response:
    """List an alert's newest messages, and how far their delivery is."""
    with caller.engine.connect() as connection:
        find_rule(connection, caller.project(connection, project), alert_id)
        return answer({"results": messages_of(connection, alert_id)})


@router.get("/{alert_id}/preview/", response_model=AlertPreview)
def show_preview(
    request: Request, caller: CallerOf, project: ProjectName, alert_id: RuleId
) -> Response:
    """Return what an alert would have told of the last two days' audits."""
    public_url = request.app.state.settings.public_url
    with caller.engine.connect() as connection:
        place = caller.project(connection, project)
        message = preview(connection, place, alert_id, public_url, datetime.now(UTC))
    return answer(preview_of(message))


@router.post("/{alert_id}/test/", response_model=AlertPreview)
def test(request: Request, caller: CallerOf, project: ProjectName, alert_id: RuleId) -> Response:
    """Send an alert's test message now, and say why it did not go out, if so."""
    public_url = request.app.state.settings.public_url
    now = datetime.now(UTC)
    with caller.engine.connect() as connection:
        place = caller.project(connection, project)
        message = send_test(connection, place, alert_id, public_url, now, secret_named)
    return answer(preview_of(message))
