"""Cekura's alerts of its two kinds about insights: a new failure mode, and one that grows.

Where a message goes stays in the environment here: `notifications` names the variable.
"""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from failure_insights.domain.alerts import AlertKind
from failure_insights.errors import BadInput
from failure_insights.store.alerts import (
    AlertRuleRow,
    NewRule,
    add_rule,
    find_rule,
    list_rules,
    messages_of,
    put_rule,
    remove_rule,
)
from failure_insights.store.projects import ProjectRow
from failure_insights.store.seen_rows import project_of_row
from failure_insights.web.api.alerts import RuleId
from failure_insights.web.api.answers import MAX_ID, answer
from failure_insights.web.api.request_models import Name
from failure_insights.web.auth.api_keys import CallerOf
from failure_insights.web.cekura.scope import Id, one_project, projects_meant

router = APIRouter(prefix="/observability/v1/alerts")

#: Cekura's kinds in our words.
KINDS: Mapping[str, AlertKind] = {"insight_new_mode": "new_theme", "insight_uptick": "growing"}
_SUB_TYPES = {ours: theirs for theirs, ours in KINDS.items()}
#: Cekura's numbers of each kind in our words.
NUMBERS: Mapping[str, Mapping[str, str]] = {
    "insight_new_mode": {"min_calls": "least"},
    "insight_uptick": {
        "window_hours": "recent_hours",
        "baseline_hours": "baseline_hours",
        "min_count": "least",
        "multiplier": "factor",
        "preset": "preset",
    },
}
#: Holds the address of messages, unless an alert names another variable.
DEFAULT_ADDRESS = "ALERT_SLACK_URL"


class AlertBody(BaseModel):
    """An alert as Cekura's clients write it; a change names only what changes."""

    model_config = ConfigDict(extra="ignore")
    name: Name | None = None
    project: int | None = Field(None, ge=1, le=MAX_ID)
    enabled: bool | None = None
    source: dict[str, Any] | None = Field(None, max_length=20)
    notifications: dict[str, Any] | None = Field(None, max_length=20)


@router.get("/")
def list_(caller: CallerOf, project: Id | None = None, project_id: Id | None = None) -> Response:
    """List the alerts about insights by project and name."""
    with caller.engine.connect() as connection:
        places = projects_meant(connection, caller, project, project_id)
        return answer([_shaped(place, row) for place in places for row in _of(connection, place)])


@router.get("/review/")
def review(caller: CallerOf, project: Id | None = None, project_id: Id | None = None) -> Response:
    """Return each alert with its newest messages, and how far their delivery is."""
    with caller.engine.connect() as connection:
        places = projects_meant(connection, caller, project, project_id)
        alerts = [
            {
                **_shaped(place, row),
                "last_sent_at": row["last_sent_at"],
                "waiting": row["waiting"],
                "given_up": row["given_up"],
                "last_error": row["last_error"],
                "messages": [
                    {key: message[key] for key in ("id", "title", "status", "created_at")}
                    for message in messages_of(connection, row["id"])
                ],
            }
            for place in places
            for row in _of(connection, place)
        ]
    return answer({"count": len(alerts), "alerts": alerts})


@router.post("/", status_code=201)
def create(caller: CallerOf, body: AlertBody) -> Response:
    """Add an alert. It tells of what happens from now on."""
    if body.name is None or body.source is None:
        raise BadInput("name and source are needed; source names sub_type and its numbers")
    with caller.engine.begin() as connection:
        place = one_project(connection, caller, body.project)
        rule = _rule(body, None)
        return answer(_shaped(place, add_rule(connection, place, rule)), 201)


@router.get("/{alert_id:int}/")
def read(caller: CallerOf, alert_id: RuleId) -> Response:
    """Read one alert."""
    with caller.engine.connect() as connection:
        place = project_of_row(connection, caller.key, "alert", alert_id)
        return answer(_shaped(place, find_rule(connection, place, alert_id)))


@router.patch("/{alert_id:int}/")
def update(caller: CallerOf, alert_id: RuleId, body: AlertBody) -> Response:
    """Change the fields of an alert that are sent."""
    with caller.engine.begin() as connection:
        place = project_of_row(connection, caller.key, "alert", alert_id)
        rule = _rule(body, find_rule(connection, place, alert_id))
        return answer(_shaped(place, put_rule(connection, place, alert_id, rule)))


@router.delete("/{alert_id:int}/", status_code=204)
def delete(caller: CallerOf, alert_id: RuleId) -> Response:
    """Remove an alert with its messages."""
    with caller.engine.begin() as connection:
        place = project_of_row(connection, caller.key, "alert", alert_id)
        remove_rule(connection, place, alert_id)
    return Response(status_code=204)


def _of(connection: Connection, place: ProjectRow) -> list[AlertRuleRow]:
    return [row for row in list_rules(connection, place) if row["kind"] in _SUB_TYPES]


def _rule(body: AlertBody, known: AlertRuleRow | None) -> NewRule:
    """Return the rule that is sent; what is left out is as the known one has it."""
    source, sent = body.source or {}, body.notifications or {}
    sub_type = str(source.get("sub_type", known and _SUB_TYPES.get(known["kind"])))
    if sub_type not in KINDS:
        raise BadInput(f"source.sub_type {sub_type[:40]!r} is not one of {', '.join(KINDS)}")
    params = dict(known["params"]) if known else {}
    for theirs, ours in NUMBERS[sub_type].items():
        if theirs in source:
            params[ours] = source[theirs]
    return NewRule(
        name=body.name or (known["name"] if known else ""),
        kind=KINDS[sub_type],
        channel=sent.get("channel", known["channel"] if known else "apprise"),
        address_env=sent.get("address_env", known["address_env"] if known else DEFAULT_ADDRESS),
        secret_env=sent.get("secret_env", known["secret_env"] if known else None),
        metric=source.get("metric_name", known["metric_name"] if known else None),
        params=params,
        enabled=body.enabled if body.enabled is not None else not known or known["enabled"],
    )


def _shaped(place: ProjectRow, row: AlertRuleRow) -> Mapping[str, Any]:
    """Return an alert as Cekura has it."""
    sub_type = _SUB_TYPES.get(row["kind"], row["kind"])
    numbers = {
        theirs: row["params"][ours]
        for theirs, ours in NUMBERS.get(sub_type, {}).items()
        if ours in row["params"]
    }
    return {
        "id": row["id"],
        "name": row["name"],
        "project": place.id,
        "source": {
            "type": "insight",
            "sub_type": sub_type,
            "metric_name": row["metric_name"],
            **numbers,
        },
        "source_object_name": row["metric_name"] or "All metrics",
        "threshold": row["params"].get("least"),
        "notifications": {
            "channel": row["channel"],
            "address_env": row["address_env"],
            "secret_env": row["secret_env"],
        },
        "enabled": row["enabled"],
        "created_at": row["created_at"],
    }
