"""Look at the rules, put messages into the outbox, and deliver what waits there."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from failure_insights.alerts.events import Event, digest_event, events_of
from failure_insights.alerts.messages import Message, message_of, test_message
from failure_insights.alerts.sending import NotDelivered, Secrets, send
from failure_insights.store import alerts
from failure_insights.store.alerts import DueRule, Outgoing
from failure_insights.store.digests import newest_digest
from failure_insights.store.projects import ProjectRow

#: Waits between attempts, in seconds: some eight hours, then a message is given up.
PAUSES_S = (30, 60, 120, 300, 600, 1_800, 3_600, 3_600, 3_600, 3_600, 7_200)
#: While audits of a project run, what the first of them found waits so long for the others.
GATHER = timedelta(minutes=15)
#: A preview shows what the audits of these days would have told.
PREVIEW = timedelta(days=2)


def check_rules(connection: Connection, public_url: str, now: datetime) -> int:
    """Put a message into the outbox for each rule that has something to tell; return how many."""
    return sum(
        _check(connection, rule, public_url, now) for rule in alerts.rules_to_check(connection)
    )


def _check(connection: Connection, rule: DueRule, public_url: str, now: datetime) -> bool:
    since = rule.checked_at
    audits = alerts.ended_audits(connection, rule.project_id, rule.metric_id, since)
    is_early = bool(audits) and audits[0].ended_at > now - GATHER
    if is_early and rule.kind != "digest" and alerts.has_open_audits(connection, rule.project_id):
        return False
    events = events_of(connection, rule, audits, now)
    told = alerts.told_already(connection, rule.id, [event.key for event in events])
    fresh = [event for event in events if event.key not in told]
    if fresh:
        message = message_of(rule, fresh, public_url, now)
        keys = [event.key for event in fresh]
        alerts.put_out(connection, rule.id, message.title, message.body, message.payload, keys)
    # What ends at this very moment is looked at again; it is not told twice.
    upto = max((audit.ended_at for audit in audits), default=since)
    if rule.kind != "digest" and upto > since:
        alerts.checked_up_to(connection, rule.id, upto)
    return bool(fresh)


def preview(
    connection: Connection, project: ProjectRow, rule_id: int, public_url: str, now: datetime
) -> Message | None:
    """Return what a rule would have told of the last two days' audits; None: nothing.

    Raises:
        UnknownName: the project has no such rule.
    """
    alerts.find_rule(connection, project, rule_id)
    rule = alerts.due_rule(connection, rule_id)
    audits = alerts.ended_audits(connection, rule.project_id, rule.metric_id, now - PREVIEW)
    events: list[Event] = []
    if rule.kind != "digest":
        events = events_of(connection, rule, audits, now)
    elif digest := newest_digest(connection, project):
        events = [digest_event(rule, digest)]
    return message_of(rule, events, public_url, now) if events else None


def send_test(
    connection: Connection,
    project: ProjectRow,
    rule_id: int,
    public_url: str,
    now: datetime,
    secrets: Secrets,
) -> Message:
    """Send a rule's test message at once and return it; it does not pass through the outbox.

    Raises:
        UnknownName: the project has no such rule.
        NotDelivered: it did not go out, with the reason.
    """
    row = alerts.find_rule(connection, project, rule_id)
    message = test_message(alerts.due_rule(connection, rule_id), public_url, now)
    name = f"test_{rule_id}_{now.timestamp():.0f}"
    send(row["channel"], row["address_env"], row["secret_env"], message, name, now, secrets)
    return message


@dataclass
class Delivery:
    """What became of the messages that were due; `given_up` says of each why."""

    sent: int = 0
    postponed: int = 0
    given_up: list[str] = field(default_factory=list)


def deliver(
    engine: Engine, secrets: Secrets, clock: Callable[[], datetime], most: int = 200
) -> Delivery:
    """Send the messages that are due, each once; what fails is tried again later, or given up."""
    done = Delivery()
    for _ in range(most):
        with engine.begin() as connection:
            message = alerts.take_message(connection, clock())
        if message is None:
            break
        error = _attempt(message, secrets, clock())
        next_at = None
        if error and message.attempts <= len(PAUSES_S):
            next_at = clock() + timedelta(seconds=PAUSES_S[message.attempts - 1])
        with engine.begin() as connection:
            alerts.end_message(connection, message.id, error=error, next_at=next_at)
        if not error:
            done.sent += 1
        elif next_at:
            done.postponed += 1
        else:
            done.given_up.append(f"{message.rule_name}, message {message.id}: {error}")
    return done


def _attempt(message: Outgoing, secrets: Secrets, now: datetime) -> str:
    """Return why a message did not go out; "" if it did."""
    text = Message(message.title, message.body, message.payload)
    name = f"msg_{message.id}"
    try:
        send(message.channel, message.address_env, message.secret_env, text, name, now, secrets)
    except NotDelivered as error:
        return str(error)
    except Exception as error:
        # A fault of a library with one service costs no other message; its words may hold secrets.
        return f"sending met an error of its own ({type(error).__name__})"
    return ""
