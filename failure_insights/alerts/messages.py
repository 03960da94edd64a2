"""Write messages: plain text that no service takes for markup, and the same as JSON."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from failure_insights.alerts.events import Event
from failure_insights.domain.alerts import ALERT_WORDS, AlertKind
from failure_insights.store.alerts import DueRule
from failure_insights.text.harmless import clean

#: Events that a message lists; a grid of failed audits is one message, not a thousand.
EVENTS_SHOWN = 20
LINE_CHARACTERS = 500
TITLE_CHARACTERS = 150

#: What Slack, Discord, Teams, mail or a terminal may take for formatting, a link or a mention.
_MARKS = re.compile(r"[*~`|<>\[\]{}\\#]|(?<!\w)_+|_+(?!\w)")
_SCHEME = re.compile(r"://|\bwww\.", re.IGNORECASE)
#: Joins what it stands between, and is not seen: "@here" behind it calls nobody.
_WORD_JOINER = "\u2060"


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it goes out: to people (title and body), and to programs (payload)."""

    title: str
    body: str
    payload: dict[str, Any]


def harmless(text: str, most: int = LINE_CHARACTERS) -> str:
    """Return strangers' text on one line, without markup, links and mentions."""
    plain = _MARKS.sub(" ", clean(text))
    plain = _SCHEME.sub(": ", plain).replace("@", f"@{_WORD_JOINER}")
    plain = " ".join(plain.split())
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def message_of(rule: DueRule, events: Sequence[Event], public_url: str, now: datetime) -> Message:
    """Return the message of what a rule tells of; there is at least one event."""
    base = public_url.rstrip("/")
    lines = []
    for event in events[:EVENTS_SHOWN]:
        lines += [harmless(line) for line in event.line.split("\n")]
        lines += [base + event.path, ""]
    if more := len(events) - EVENTS_SHOWN:
        lines += [f"and {more} more: {base}/?project={rule.project_slug}"] if more > 0 else []
    return Message(
        title=harmless(
            f"{rule.project_name}: {_headline(rule.kind, len(events))}", TITLE_CHARACTERS
        ),
        body="\n".join(lines).strip(),
        payload={
            "type": f"failure_insights.{rule.kind}",
            "rule": rule.name,
            "project": rule.project_slug,
            "metric_name": rule.metric_name,
            "at": now.isoformat(),
            "events": [{"url": base + event.path, **event.facts} for event in events],
        },
    )


def test_message(rule: DueRule, public_url: str, now: datetime) -> Message:
    """Return a message that says that it is a test."""
    words = ALERT_WORDS[rule.kind].lower()
    text = f"This is a test. The alert {rule.name} will tell here: {words}."
    return Message(
        title=harmless(f"{rule.project_name}: test of an alert", TITLE_CHARACTERS),
        body=f"{harmless(text)}\n{public_url.rstrip('/')}/?project={rule.project_slug}",
        payload={
            "type": "failure_insights.test",
            "rule": rule.name,
            "project": rule.project_slug,
            "at": now.isoformat(),
            "events": [],
        },
    )


def _headline(kind: AlertKind, count: int) -> str:
    match kind:
        case "new_theme":
            return "1 new theme" if count == 1 else f"{count} new themes"
        case "growing":
            return "1 theme grows" if count == 1 else f"{count} themes grow"
        case "regressed":
            return "1 resolved theme is back" if count == 1 else f"{count} resolved themes are back"
        case "audit_failed":
            return "1 audit failed" if count == 1 else f"{count} audits failed"
        case "no_audit":
            return "no audit"
    return "what changed"
