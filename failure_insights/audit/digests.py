"""Make a project's digest: what is new, grew, regressed or went away, over all of its metrics.

Code decides all of it; an LLM may tell the same in words (`digest_words.py`).
"""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Connection, Engine

from failure_insights.domain.changes import ChangeKind, Story, changes_of, stories_of
from failure_insights.domain.pools import end_of
from failure_insights.settings import Settings
from failure_insights.store.digests import (
    DigestRow,
    DigestStoryRow,
    NewDigest,
    audits_of_day,
    find_digest,
    keep_digest,
    theme_facts,
)
from failure_insights.store.projects import ProjectRow

_DONE = ("succeeded", "skipped_not_enough_data")
#: How a headline counts stories of each kind: one, several.
_WORDS: dict[ChangeKind, tuple[str, str]] = {
    "new": ("new theme", "new themes"),
    "grew": ("grew", "grew"),
    "regressed": ("came back after it was resolved", "came back after they were resolved"),
    "went_away": ("went away", "went away"),
}


def make_digest(
    engine: Engine,
    settings: Settings,
    project: ProjectRow,
    day: date,
    now: datetime,
    days: int = 1,
    *,
    in_words: bool = True,
) -> DigestRow:
    """Make a project's digest of the days up to a day and keep it.

    Args:
        days: 1 to 30; the daily one has 1.
        in_words: ask the LLM that the settings name, if they name one; this takes seconds.
    """
    with engine.connect() as connection:
        digest = digest_of(connection, project, day, now, days)
    if in_words:
        # Imported here: every process of Dagster loads this file, and few tell a digest.
        from failure_insights.audit.digest_words import tell

        digest = tell(engine, settings, project.slug, digest, now)
    with engine.begin() as connection:
        return find_digest(connection, project, keep_digest(connection, project.id, digest))


def digest_of(
    connection: Connection, project: ProjectRow, day: date, now: datetime, days: int = 1
) -> NewDigest:
    """Return a project's digest of the days up to a day, without keeping it."""
    audits = audits_of_day(connection, project.id, day)
    end = min(end_of(day), now)
    stories = stories_of(changes_of(theme_facts(connection, project.id, day), end, days))
    done = [audit for audit in audits if audit.status in _DONE]
    failing = sum(audit.num_failing_calls or 0 for audit in done)
    return NewDigest(
        date=day,
        days=days,
        window_end=end,
        headline=headline(stories, failing, len(done)),
        stories=[story_row(story) for story in stories],
        failing_calls=failing,
        audited=len(done),
        failed=[audit.name for audit in audits if audit.status == "failed"],
        missing=[a.name for a in audits if a.status in (None, "pending", "running")],
        degraded=[audit.name for audit in done if audit.degraded],
    )


def headline(stories: Sequence[Story], failing: int, audited: int) -> str:
    """Return the digest in a sentence: changes by kind, and what failed in all."""
    counts = []
    for kind, (one, several) in _WORDS.items():
        if count := sum(story.kind == kind for story in stories):
            counts.append(f"{count} {one if count == 1 else several}")
    calls = "1 failing call" if failing == 1 else f"{failing:,} failing calls"
    metrics = "1 metric" if audited == 1 else f"{audited} metrics"
    return f"{', '.join(counts) or 'Nothing new'}; {calls} in {metrics}."


def story_row(story: Story) -> DigestStoryRow:
    """Return a story as it is kept."""
    lead = story.lead.theme
    return {
        "kind": story.kind,
        "title": lead.title,
        "count": len(story.call_ids),
        "call_ids": story.call_ids,
        "metrics": story.metrics,
        "suggested_fix": next(
            (c.theme.suggested_fix for c in story.changes if c.theme.suggested_fix), ""
        ),
        "quote": lead.quote,
        "quote_call_id": lead.quote_call_id,
        "themes": [
            {
                "theme_id": change.theme.theme_id,
                "metric_name": change.theme.metric_name,
                "metric_slug": change.theme.metric_slug,
                "title": change.theme.title,
                "count": change.count,
                "expected": change.expected,
                "insight_id": change.theme.insight_id,
                "severity": change.theme.severity,
            }
            for change in story.changes
        ],
    }
