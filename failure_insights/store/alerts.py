"""Rules of alerts, and the outbox that their messages go out from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text
from typing_extensions import TypedDict

from failure_insights.domain.alerts import AlertKind, AlertParams, Channel, checked_variable
from failure_insights.errors import BadInput, UnknownName
from failure_insights.store.database import query
from failure_insights.store.documented import documented
from failure_insights.store.projects import ProjectRow, find_metric

#: A sender that dies leaves its message to others after this long.
LEASE = timedelta(minutes=5)
MessageStatus = Literal["waiting", "sent", "given_up"]


@documented
class AlertRuleRow(TypedDict):
    """What a project is told of, and to where."""

    id: int
    project: str
    name: str
    metric_name: str | None
    """Null: all metrics."""
    kind: AlertKind
    params: dict[str, float | int]
    """The numbers of its kind: `least`; `recent_hours`, `baseline_hours`, `least` and `factor`; or
    `hours`."""
    channel: Channel
    address_env: str
    """Environment variable of the address: an Apprise URL, or that of a webhook."""
    secret_env: str | None
    """Environment variable of a webhook's signing secret."""
    enabled: bool
    created_at: datetime
    last_sent_at: datetime | None
    waiting: int
    """Messages that are still to be delivered."""
    given_up: int
    """Messages that could not be delivered."""
    last_error: str
    """Why the newest message could not be delivered yet, or ""."""


@documented
class AlertMessageRow(TypedDict):
    """A message of a rule, and how far its delivery is."""

    id: int
    title: str
    body: str
    payload: dict[str, Any]
    """What a webhook gets."""
    status: MessageStatus
    attempts: int
    next_at: datetime
    last_error: str
    created_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewRule:
    """A rule to keep; fields are as in `AlertRuleRow`, `metric` is a name or slug."""

    name: str
    kind: AlertKind
    channel: Channel
    address_env: str
    secret_env: str | None = None
    metric: str | None = None
    params: Mapping[str, Any] | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class DueRule:
    """An enabled rule as it is looked at; `checked_at`: what ended before has been."""

    id: int
    project_id: int
    project_slug: str
    project_name: str
    metric_id: int | None
    metric_name: str | None
    name: str
    kind: AlertKind
    params: AlertParams
    checked_at: datetime


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message that the caller has taken to send, and where it goes."""

    id: int
    rule_id: int
    rule_name: str
    channel: Channel
    address_env: str
    secret_env: str | None
    title: str
    body: str
    payload: dict[str, Any]
    #: With the one that is about to be made.
    attempts: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class EndedAudit:
    """An audit that ended, as rules look at it."""

    id: int
    metric_id: int
    metric_name: str
    date: date | None
    window_end: datetime | None
    ended_at: datetime
    failed: bool
    error_message: str
    degraded: bool


def add_rule(connection: Connection, project: ProjectRow, rule: NewRule) -> AlertRuleRow:
    """Keep a rule and return it. It tells of what happens from now on.

    Raises:
        BadInput: a field cannot be used, or the project has a rule of that name.
        UnknownName: the project has no such metric.
    """
    row = connection.execute(query("add_alert_rule"), _columns(connection, project, rule)).first()
    if row is None:
        raise BadInput(f"there is an alert {rule.name!r} already; choose another name")
    return find_rule(connection, project, row.id)


def put_rule(
    connection: Connection, project: ProjectRow, rule_id: int, rule: NewRule
) -> AlertRuleRow:
    """Replace a rule and return it; what it has told already it tells no more.

    Raises:
        BadInput: a field cannot be used, or another rule has that name.
        UnknownName: the project has no such rule or metric.
    """
    find_rule(connection, project, rule_id)
    values = {**_columns(connection, project, rule), "id": rule_id}
    if connection.execute(query("put_alert_rule"), values).first() is None:
        raise BadInput(f"there is an alert {rule.name!r} already; choose another name")
    return find_rule(connection, project, rule_id)


def put_rule_enabled(
    connection: Connection, project: ProjectRow, rule_id: int, enabled: bool
) -> None:
    """Turn a rule on or off; one that was off does not tell what it missed.

    Raises:
        UnknownName: the project has no such rule.
    """
    find_rule(connection, project, rule_id)
    statement = text(
        "UPDATE alert_rules SET checked_at = CASE WHEN enabled THEN checked_at"
        " ELSE clock_timestamp() END, enabled = :enabled WHERE id = :id"
    )
    connection.execute(statement, {"id": rule_id, "enabled": enabled})


def list_rules(connection: Connection, project: ProjectRow) -> list[AlertRuleRow]:
    """Return a project's rules by name."""
    values = {"project_id": project.id, "id": None}
    return [_rule(row) for row in connection.execute(query("alert_rules"), values)]


def find_rule(connection: Connection, project: ProjectRow, rule_id: int) -> AlertRuleRow:
    """Return a rule of a project.

    Raises:
        UnknownName: the project has no such rule.
    """
    values = {"project_id": project.id, "id": rule_id}
    row = connection.execute(query("alert_rules"), values).first()
    if row is None:
        raise UnknownName(f"there is no alert {rule_id} in project {project.slug!r}")
    return _rule(row)


def remove_rule(connection: Connection, project: ProjectRow, rule_id: int) -> None:
    """Remove a rule with its messages.

    Raises:
        UnknownName: the project has no such rule.
    """
    find_rule(connection, project, rule_id)
    connection.execute(text("DELETE FROM alert_rules WHERE id = :id"), {"id": rule_id})


def messages_of(connection: Connection, rule_id: int, limit: int = 20) -> list[AlertMessageRow]:
    """Return a rule's newest messages."""
    statement = text(
        "SELECT id, title, body, payload, status, attempts, next_at, last_error, created_at,"
        " sent_at FROM alert_messages WHERE rule_id = :rule ORDER BY id DESC LIMIT :limit"
    )
    rows = connection.execute(statement, {"rule": rule_id, "limit": limit}).mappings()
    return [AlertMessageRow(**row) for row in rows]  # type: ignore[typeddict-item]


def rules_to_check(connection: Connection) -> list[DueRule]:
    """Return all enabled rules; they are the caller's until its transaction ends."""
    return [_due(row) for row in connection.execute(query("rules_to_check"))]


def due_rule(connection: Connection, rule_id: int) -> DueRule:
    """Return one rule as it is looked at, enabled or not."""
    statement = text(f"{_DUE} WHERE rule.id = :id")
    return _due(connection.execute(statement, {"id": rule_id}).one())


def ended_audits(
    connection: Connection, project_id: int, metric_id: int | None, since: datetime
) -> list[EndedAudit]:
    """Return the audits of a project, or of one metric, that ended from a time on."""
    values = {"project_id": project_id, "metric_id": metric_id, "since": since}
    return [EndedAudit(*row) for row in connection.execute(query("ended_audits"), values)]


def has_open_audits(connection: Connection, project_id: int) -> bool:
    """Return whether audits of a project are under way."""
    statement = text(
        "SELECT EXISTS (SELECT FROM insights AS audit JOIN metrics AS metric"
        " ON metric.id = audit.metric_id WHERE metric.project_id = :id"
        " AND audit.status IN ('pending', 'running'))"
    )
    return bool(connection.execute(statement, {"id": project_id}).scalar_one())


def last_audit_at(
    connection: Connection, project_id: int, metric_id: int | None
) -> datetime | None:
    """Return when the newest audit of a project or metric ended well; None: none did yet."""
    statement = text(
        "SELECT max(audit.finished_at) FROM insights AS audit JOIN metrics AS metric"
        " ON metric.id = audit.metric_id WHERE metric.project_id = :project_id"
        " AND (CAST(:metric_id AS integer) IS NULL OR metric.id = :metric_id)"
        " AND audit.status IN ('succeeded', 'skipped_not_enough_data')"
    )
    values = {"project_id": project_id, "metric_id": metric_id}
    return connection.execute(statement, values).scalar()


def told_already(connection: Connection, rule_id: int, keys: Sequence[str]) -> set[str]:
    """Return those of the keys that a rule has told of."""
    statement = text("SELECT key FROM alert_events WHERE rule_id = :rule AND key = ANY(:keys)")
    rows = connection.execute(statement, {"rule": rule_id, "keys": list(keys)})
    return set(rows.scalars())


def put_out(
    connection: Connection,
    rule_id: int,
    title: str,
    body: str,
    payload: Mapping[str, Any],
    keys: Sequence[str],
) -> int:
    """Put a message into the outbox, and remember what it tells of; return its ID."""
    values = {
        "rule_id": rule_id,
        "title": title,
        "body": body,
        "payload": Jsonb(dict(payload)),
        "keys": list(keys),
    }
    return int(connection.execute(query("put_out_alert"), values).scalar_one())


def checked_up_to(connection: Connection, rule_id: int, at: datetime) -> None:
    """Remember that what ended before a time has been looked at for a rule."""
    statement = text("UPDATE alert_rules SET checked_at = :at WHERE id = :id")
    connection.execute(statement, {"id": rule_id, "at": at})


def has_due_messages(connection: Connection, now: datetime) -> bool:
    """Return whether a message waits whose time has come."""
    statement = text(
        "SELECT EXISTS (SELECT FROM alert_messages WHERE status = 'waiting' AND next_at <= :now)"
    )
    return bool(connection.execute(statement, {"now": now}).scalar_one())


def take_message(connection: Connection, now: datetime) -> Outgoing | None:
    """Take the message that has waited longest; None: no other's time has come.

    It is the caller's for `LEASE`, and its attempts count the one that the caller makes.
    """
    values = {"now": now, "until": now + LEASE}
    row = connection.execute(query("take_alert"), values).first()
    return None if row is None else Outgoing(*row)


def end_message(
    connection: Connection,
    message_id: int,
    *,
    error: str,
    next_at: datetime | None,
) -> None:
    """Say how an attempt ended: sent (no error), to be tried again at a time, or given up."""
    status = "sent" if not error else "waiting" if next_at else "given_up"
    values = {"id": message_id, "status": status, "error": error[:500], "next_at": next_at}
    connection.execute(query("end_alert"), values)


def undelivered(connection: Connection, project_id: int) -> int:
    """Return how many messages of a project were given up in the last week."""
    statement = text(
        "SELECT count(*) FROM alert_messages AS message JOIN alert_rules AS rule"
        " ON rule.id = message.rule_id WHERE rule.project_id = :id"
        " AND message.status = 'given_up' AND message.created_at > now() - interval '7 days'"
    )
    return int(connection.execute(statement, {"id": project_id}).scalar_one())


_DUE = (
    "SELECT rule.id, rule.project_id, project.slug AS project_slug, project.name AS project_name,"
    " rule.metric_id, metric.name AS metric_name, rule.name, rule.kind, rule.params,"
    " rule.checked_at FROM alert_rules AS rule JOIN projects AS project"
    " ON project.id = rule.project_id LEFT JOIN metrics AS metric ON metric.id = rule.metric_id"
)


def _columns(connection: Connection, project: ProjectRow, rule: NewRule) -> dict[str, Any]:
    params = AlertParams.of(rule.kind, rule.params or {}).as_given(rule.kind)
    metric = find_metric(connection, project.id, rule.metric) if rule.metric else None
    if rule.channel == "webhook" and not rule.secret_env:
        raise BadInput("a webhook needs secret_env, the variable of the secret that signs it")
    if rule.channel == "apprise" and rule.secret_env:
        raise BadInput("secret_env is for webhooks; an Apprise URL holds its own secrets")
    if metric and rule.kind == "digest":
        raise BadInput("a digest is of all metrics; leave the metric out")
    return {
        "project_id": project.id,
        "metric_id": metric.id if metric else None,
        "name": rule.name,
        "kind": rule.kind,
        "params": Jsonb(params),
        "channel": rule.channel,
        "address_env": checked_variable(rule.address_env, "address_env"),
        "secret_env": checked_variable(rule.secret_env, "secret_env") if rule.secret_env else None,
        "enabled": rule.enabled,
    }


def _rule(row: Any) -> AlertRuleRow:
    return {
        "id": row.id,
        "project": row.project,
        "name": row.name,
        "metric_name": row.metric_name,
        "kind": row.kind,
        "params": row.params,
        "channel": row.channel,
        "address_env": row.address_env,
        "secret_env": row.secret_env,
        "enabled": row.enabled,
        "created_at": row.created_at,
        "last_sent_at": row.last_sent_at,
        "waiting": row.waiting,
        "given_up": row.given_up,
        "last_error": row.last_error or "",
    }


def _due(row: Any) -> DueRule:
    return DueRule(
        row.id,
        row.project_id,
        row.project_slug,
        row.project_name,
        row.metric_id,
        row.metric_name,
        row.name,
        row.kind,
        AlertParams.of(row.kind, row.params),
        row.checked_at,
    )
