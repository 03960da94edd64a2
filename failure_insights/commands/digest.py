"""`failure-insights digest`: a project's digest, made now."""

from datetime import UTC, datetime

from failure_insights.audit.digests import make_digest
from failure_insights.domain.pools import date_of
from failure_insights.export.markdown import digest_markdown
from failure_insights.export.render import as_json as json_of
from failure_insights.settings import get_settings
from failure_insights.store.digests import DigestRow, newest_audited_day
from failure_insights.store.opening import open_store
from failure_insights.store.projects import find_project


def digest_now(project: str, days: int) -> DigestRow:
    """Make the digest of a project's days up to its newest audited one, keep it, and return it.

    Raises:
        UnknownName: there is no such project.
    """
    settings, now = get_settings(), datetime.now(UTC)
    engine = open_store(settings.database_url, settings.home)
    with engine.connect() as connection:
        place = find_project(connection, project)
        day = newest_audited_day(connection, place.id) or date_of(now)
    return make_digest(engine, settings, place, day, now, days)


def told(digest: DigestRow, *, as_json: bool) -> str:
    """Return a digest as the terminal shows it: Markdown, or the API's row."""
    return json_of(digest) if as_json else digest_markdown(digest)
