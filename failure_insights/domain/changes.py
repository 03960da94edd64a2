"""What became of a project's themes: new, grown, regressed, gone; and which are one cause.

Counts are of calls by when they began, never of audits: pools of 24 hours and of 7 days cannot be
compared, and a call that is in the pools of seven days is still one call.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal, get_args

from failure_insights.domain.breakdown import Severity
from failure_insights.domain.origins import Origin
from failure_insights.domain.pools import date_of

ChangeKind = Literal["new", "grew", "regressed", "went_away"]
CHANGE_KINDS: tuple[ChangeKind, ...] = get_args(ChangeKind)

#: The words that people read for it.
CHANGE_WORDS: Mapping[ChangeKind, str] = {
    "new": "New",
    "grew": "Grew",
    "regressed": "Back after it was resolved",
    "went_away": "Went away",
}
#: Before any call.
EVER = datetime.min.replace(tzinfo=UTC)
#: A theme without a call for so long is gone; it is told once, on the day that this comes true.
AWAY = timedelta(days=3)
#: Days before its last call in which a theme must have had so many calls to be missed.
AWAY_LOOKS_BACK = timedelta(days=14)
AWAY_LEAST = 5
#: Part of the smaller theme's calls that two themes must share to be one cause, and how many calls.
SAME_CALLS = 0.5
SHARED_CALLS = 3
#: Likeness of the words of two titles from which on they are one cause, if their origin is one.
SAME_WORDS = 0.6
#: The same whatever their origin.
SAME_TITLE = 0.9


@dataclass(frozen=True, slots=True)
class Growth:
    """When a theme grows: its recent calls are `least` or more, and `factor` times what the hours
    before them would let expect."""

    recent_hours: int
    baseline_hours: int
    least: int
    factor: float


Preset = Literal["slow", "daily", "fast"]
#: The three presets of Cekura's alerts.
PRESETS: Mapping[Preset, Growth] = {
    "slow": Growth(24, 14 * 24, 10, 4.0),
    "daily": Growth(24, 7 * 24, 5, 3.0),
    "fast": Growth(6, 3 * 24, 3, 2.0),
}
#: What a digest calls grown: less than an alert needs, since nobody is woken by it.
IN_DIGEST = Growth(24, 7 * 24, 5, 2.0)


@dataclass(frozen=True, slots=True)
class ThemeFacts:
    """A theme with its calls by when they began (UTC).

    `insight_id` is the newest audit that shows it. `resolved_at`: somebody marked it resolved then,
    and it is so still.
    """

    theme_id: str
    metric_slug: str
    metric_name: str
    title: str
    first_seen: date
    insight_id: int
    calls: Mapping[str, datetime]
    origin: Origin = "unclear"
    severity: Severity | None = None
    suggested_fix: str = ""
    quote: str = ""
    quote_call_id: str = ""
    resolved_at: datetime | None = None

    def between(self, start: datetime, end: datetime) -> list[str]:
        """Return the calls that began in [start, end), in order of their IDs."""
        return sorted(call for call, at in self.calls.items() if start <= at < end)


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one theme: its recent calls, and how many the time before let expect."""

    kind: ChangeKind
    theme: ThemeFacts
    call_ids: tuple[str, ...]
    expected: float = 0.0

    @property
    def count(self) -> int:
        return len(self.call_ids)


@dataclass(frozen=True, slots=True)
class Story:
    """Changes of one kind that have one cause, the largest first: told as one."""

    changes: tuple[Change, ...]

    @property
    def kind(self) -> ChangeKind:
        return self.changes[0].kind

    @property
    def lead(self) -> Change:
        return self.changes[0]

    @property
    def call_ids(self) -> list[str]:
        return sorted({call for change in self.changes for call in change.call_ids})

    @property
    def metrics(self) -> list[str]:
        return list(dict.fromkeys(change.theme.metric_name for change in self.changes))


def changes_of(themes: Sequence[ThemeFacts], end: datetime, days: int = 1) -> list[Change]:
    """Return what became of themes in the days before a time; a theme has one change at most."""
    growth = replace(
        IN_DIGEST,
        recent_hours=IN_DIGEST.recent_hours * days,
        baseline_hours=IN_DIGEST.baseline_hours * min(days, 3),
    )
    found = []
    for theme in themes:
        since = since_resolved(theme, end)
        if since and theme.between(end - timedelta(days=days), end):
            found.append(Change("regressed", theme, since))
        elif is_new(theme, date_of(end) - timedelta(days=days - 1)):
            found.append(Change("new", theme, tuple(theme.between(EVER, end))))
        elif grown := grew(theme, end, growth):
            found.append(grown)
        elif gone := went_away(theme, end, days):
            found.append(gone)
    found = [change for change in found if change.call_ids]
    return sorted(found, key=lambda change: (CHANGE_KINDS.index(change.kind), -change.count))


def is_new(theme: ThemeFacts, first_day: date) -> bool:
    """Return whether no audit of a day before that one shows the theme."""
    return theme.first_seen >= first_day


def since_resolved(theme: ThemeFacts, end: datetime) -> tuple[str, ...]:
    """Return the calls that began after the theme was marked resolved."""
    if theme.resolved_at is None:
        return ()
    return tuple(theme.between(theme.resolved_at, end))


def grew(theme: ThemeFacts, end: datetime, rule: Growth) -> Change | None:
    """Return the growth of a theme up to a time; one without calls before is new, not grown."""
    recent_from = end - timedelta(hours=rule.recent_hours)
    recent = theme.between(recent_from, end)
    before = theme.between(recent_from - timedelta(hours=rule.baseline_hours), recent_from)
    expected = len(before) * rule.recent_hours / rule.baseline_hours
    if before and len(recent) >= max(rule.least, rule.factor * expected):
        return Change("grew", theme, tuple(recent), round(expected, 1))
    return None


def went_away(theme: ThemeFacts, end: datetime, days: int = 1) -> Change | None:
    """Return that a theme is gone, if its last call became `AWAY` old within the last days."""
    past = [at for at in theme.calls.values() if at < end]
    if not past or not AWAY <= end - max(past) < AWAY + timedelta(days=days):
        return None
    lately = theme.between(max(past) - AWAY_LOOKS_BACK, end)
    return Change("went_away", theme, tuple(lately)) if len(lately) >= AWAY_LEAST else None


def stories_of(changes: Sequence[Change]) -> list[Story]:
    """Put changes of one kind together whose themes are of different metrics and have one cause.

    They share calls, or their titles are alike.
    """
    groups: list[list[Change]] = []
    for change in changes:
        for group in groups:
            if group[0].kind == change.kind and any(_is_one(change, other) for other in group):
                group.append(change)
                break
        else:
            groups.append([change])
    stories = [Story(tuple(sorted(group, key=lambda change: -change.count))) for group in groups]
    return sorted(stories, key=lambda story: (CHANGE_KINDS.index(story.kind), -len(story.call_ids)))


def _is_one(one: Change, other: Change) -> bool:
    if one.theme.metric_slug == other.theme.metric_slug:
        return False
    calls, others = set(one.call_ids), set(other.call_ids)
    shared = len(calls & others)
    if shared >= SHARED_CALLS and shared >= SAME_CALLS * min(len(calls), len(others)):
        return True
    alike = _alike(one.theme.title, other.theme.title)
    has_one_origin = one.theme.origin == other.theme.origin != "unclear"
    return alike >= (SAME_WORDS if has_one_origin else SAME_TITLE)


def _alike(one: str, other: str) -> float:
    """Return the part of both titles' words of four letters and more that they share."""
    words, others = (set(re.findall(r"\w{4,}", title.casefold())) for title in (one, other))
    return len(words & others) / len(words | others) if words and others else 0.0
