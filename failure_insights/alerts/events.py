"""Find what a rule tells of: themes that are new, grow or came back, and audits that failed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from failure_insights.domain.addresses import digest_path, group_anchor, insight_path
from failure_insights.domain.changes import Change, ThemeFacts, grew, since_resolved
from failure_insights.domain.pools import date_of
from failure_insights.store.alerts import DueRule, EndedAudit, last_audit_at
from failure_insights.store.digests import DigestRow, newest_digest, theme_facts
from failure_insights.store.names import ProjectRow

#: Audits of days before these are backfills: what they find is no news.
NEWS_DAYS = 2


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that a rule tells of.

    Args:
        key: the same for the same thing, so that it is told once.
        line: in plain words; strangers' text in it is not yet harmless.
        path: of the page to look at.
        facts: for programs.
    """

    key: str
    line: str
    path: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def events_of(
    connection: Connection, rule: DueRule, audits: Sequence[EndedAudit], now: datetime
) -> list[Event]:
    """Return what a rule tells of, given the audits that ended since it was looked at last."""
    match rule.kind:
        case "audit_failed":
            return [_failed(rule, audit) for audit in audits if audit.failed]
        case "no_audit":
            return _no_audit(connection, rule, now)
        case "digest":
            return _digest(connection, rule)
    fresh = [audit for audit in audits if not audit.failed and _is_news(audit, now)]
    if not fresh:
        return []
    themes = theme_facts(
        connection, rule.project_id, date_of(now), {audit.metric_id for audit in fresh}
    )
    return list(_theme_events(rule, themes, fresh))


def _is_news(audit: EndedAudit, now: datetime) -> bool:
    """Return whether an audit's themes may be told: it is of these days, and not degraded.

    Where the LLM failed, calls were grouped by wording, and themes that look new are not.
    """
    if audit.date is None or audit.window_end is None or audit.degraded:
        return False
    return audit.date >= date_of(now) - timedelta(days=NEWS_DAYS)


def _theme_events(
    rule: DueRule, themes: Iterable[ThemeFacts], audits: Iterable[EndedAudit]
) -> Iterator[Event]:
    by_metric = {audit.metric_name: audit for audit in audits}
    for theme in themes:
        audit = by_metric[theme.metric_name]
        assert audit.window_end
        if change := _change(rule, theme, audit, audit.window_end):
            yield _theme_event(rule, change, audit)


def _change(rule: DueRule, theme: ThemeFacts, audit: EndedAudit, end: datetime) -> Change | None:
    match rule.kind:
        case "new_theme":
            calls = tuple(sorted(theme.calls))
            is_new = theme.first_seen == audit.date and len(calls) >= rule.params.least
            return Change("new", theme, calls) if is_new else None
        case "growing":
            return grew(theme, end, rule.params.growth)
        case "regressed":
            calls = since_resolved(theme, end)
            return Change("regressed", theme, calls) if calls else None
    return None


def _theme_event(rule: DueRule, change: Change, audit: EndedAudit) -> Event:
    theme = change.theme
    calls = "1 call" if change.count == 1 else f"{change.count} calls"
    told = {
        "new": f"new, {calls}",
        "grew": f"grows, {calls} where {change.expected:g} were to be expected",
        "regressed": f"back after it was resolved, {calls}",
        "went_away": "gone",
    }[change.kind]
    moment = {
        "new": "",
        "grew": f":{audit.date}",
        "regressed": f":{theme.resolved_at}",
        "went_away": "",
    }[change.kind]
    path = insight_path(rule.project_slug, theme.insight_id)
    return Event(
        key=f"{rule.kind}:{theme.theme_id}{moment}",
        line=f"{theme.title} ({theme.metric_name}): {told}",
        path=f"{path}#{group_anchor(theme.insight_id, theme.theme_id)}",
        facts={
            "theme_id": theme.theme_id,
            "title": theme.title,
            "metric_name": theme.metric_name,
            "insight_id": theme.insight_id,
            "count": change.count,
            "expected": change.expected,
            "severity": theme.severity,
            "call_ids": list(change.call_ids),
        },
    )


def _failed(rule: DueRule, audit: EndedAudit) -> Event:
    return Event(
        key=f"failed:{audit.id}",
        line=f"The audit of {audit.metric_name} failed: {audit.error_message}",
        path=insight_path(rule.project_slug, audit.id),
        facts={
            "insight_id": audit.id,
            "metric_name": audit.metric_name,
            "error_message": audit.error_message,
        },
    )


def _no_audit(connection: Connection, rule: DueRule, now: datetime) -> list[Event]:
    last = last_audit_at(connection, rule.project_id, rule.metric_id)
    if last is None or now - last < timedelta(hours=rule.params.hours):
        return []
    what = rule.metric_name or "any metric"
    return [
        Event(
            key=f"no_audit:{last.isoformat()}",
            line=f"No audit of {what} has ended since {last:%-d %B, %H:%M} UTC",
            path=f"/?project={rule.project_slug}",
            facts={"last_audit_at": last.isoformat(), "metric_name": rule.metric_name},
        )
    ]


def _digest(connection: Connection, rule: DueRule) -> list[Event]:
    project = ProjectRow(rule.project_id, rule.project_slug, rule.project_name, rule.checked_at)
    digest = newest_digest(connection, project)
    if digest is None or digest["made_at"] < rule.checked_at:
        return []
    return [digest_event(rule, digest)]


def digest_event(rule: DueRule, digest: DigestRow) -> Event:
    """Return a digest as what a rule tells of; it is told once a day, however often it is made."""
    lines = [digest["headline"]]
    if digest["words"]:
        lines.append(digest["words"])
    for story in digest["stories"]:
        kind = story["kind"].replace("_", " ")
        where = ", ".join(f"{theme['metric_name']} {theme['count']}" for theme in story["themes"])
        lines.append(f"{kind}: {story['title']} ({where})")
    return Event(
        key=f"digest:{digest['date']}",
        line="\n".join(lines),
        path=digest_path(rule.project_slug, digest["id"]),
        facts={
            "digest_id": digest["id"],
            "date": f"{digest['date']}",
            "headline": digest["headline"],
            "words": digest["words"],
            "stories": digest["stories"],
        },
    )
