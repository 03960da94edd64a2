"""Bringing the new calls of a source: what is listed and has changed is fetched and stored.

A pull looks at the time from its cursor, less an overlap for what comes late, up to now, a stretch
at a time; after each of which everything was brought, the cursor moves. So a pull that is cut off
loses nothing, and since calls are stored by their ID and items remembered by a fingerprint, what
is seen twice is stored once and fetched once.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import orjson
from sqlalchemy import Engine

from failure_insights.ingest.payloads import take_payloads
from failure_insights.ingest.report import ImportReport
from failure_insights.pull.api import FIRST_PAUSE_S, BadMoment, Gone, SourceFailed, new_client
from failure_insights.pull.provider import Item, Payload, Provider
from failure_insights.pull.providers import Secrets, provider_of
from failure_insights.store import sources
from failure_insights.store.sources import SourceRow

#: Calls fetched before they are stored: few enough to hold, enough for one transaction.
BATCH_CALLS = 50
BATCH_BYTES = 8 * 2**20
#: A call that could not be fetched holds the cursor for this long; then it is given up, and told.
GIVE_UP_AFTER = timedelta(days=3)
#: Items are remembered for the overlap and this long.
REMEMBER = timedelta(days=2)


class Busy(SourceFailed):
    """Another process pulls this source."""

    code = "source_busy"


@dataclass(slots=True)
class PullReport:
    """What one pull did.

    `calls` says what became of the fetched ones; `listed` counts items seen, `gone` those that the
    provider no longer had. `failures` names the calls that could not be fetched; the next pull
    tries them again. `is_complete`: nothing is left up to the time of the pull.
    """

    calls: ImportReport = field(default_factory=ImportReport)
    listed: int = 0
    fetched: int = 0
    gone: int = 0
    failures: list[str] = field(default_factory=list)
    is_complete: bool = False


class _OutOfTime(Exception):
    """The pull has used its time; the next one goes on."""


def pull(
    engine: Engine,
    source: SourceRow,
    *,
    now: datetime,
    secrets: Secrets,
    seconds: float | None = None,
    first_pause_s: float = FIRST_PAUSE_S,
    on_progress: Callable[[PullReport], None] | None = None,
) -> PullReport:
    """Bring the new calls of a source and return what was done.

    Args:
        engine: the store.
        source: one of way `pull`.
        now: an aware UTC time; calls up to then are brought.
        secrets: gives secrets by the names of their variables.
        seconds: how long it may take; None: as long as it takes.
        first_pause_s: seconds before a failed request is tried again; doubled each time.
        on_progress: told after each batch.

    Raises:
        Busy: another process pulls it.
        SourceFailed: the provider cannot be asked; what was brought before is kept.
    """
    with engine.begin() as connection:
        if not sources.take_source(connection, source.id):
            raise Busy(
                f"source {source.name} is being pulled by another process; one that died "
                f"lets it go after {sources.LEASE_S // 60} minutes"
            )
    report, error = PullReport(), "The pull was cut off."
    try:
        with new_client() as client:
            provider, api = provider_of(source, client, secrets, first_pause_s)
            run = _Pull(engine, source, provider, report, now, _deadline(seconds), on_progress)
            api.heartbeat = run.heartbeat
            run.bring()
        error = "; ".join(report.failures[:3])
    except SourceFailed as failed:
        error = str(failed)
        raise
    finally:
        with engine.begin() as connection:
            sources.end_pull(
                connection,
                source.id,
                new=report.calls.new,
                updated=report.calls.updated,
                rejected=report.calls.rejected,
                error=error,
            )
    return report


def _deadline(seconds: float | None) -> float | None:
    return None if seconds is None else time.monotonic() + seconds


@dataclass(slots=True)
class _Pull:
    """One pull under way."""

    engine: Engine
    source: SourceRow
    provider: Provider
    report: PullReport
    now: datetime
    deadline: float | None
    on_progress: Callable[[PullReport], None] | None
    _renew_at: float = 0.0

    def bring(self) -> None:
        try:
            is_whole = True
            for start, end in self._stretches():
                is_whole = self._bring_stretch(start, end) and is_whole
                if is_whole:
                    with self.engine.begin() as connection:
                        sources.move_cursor(connection, self.source.id, end)
        except _OutOfTime:
            return
        self.report.is_complete = is_whole
        before = datetime.now(UTC) - self.provider.overlap - REMEMBER
        with self.engine.begin() as connection:
            sources.forget_items(connection, self.source.id, before)

    def heartbeat(self) -> None:
        """Keep the lease, and stop where the time is used up."""
        moment = time.monotonic()
        if self.deadline is not None and moment >= self.deadline:
            raise _OutOfTime
        if moment >= self._renew_at:
            self._renew_at = moment + sources.LEASE_S / 10
            with self.engine.begin() as connection:
                sources.take_source(connection, self.source.id, is_mine=True)

    def _stretches(self) -> Iterator[tuple[datetime, datetime]]:
        since = self.source.since or self.now
        cursor = self.source.cursor_at or since
        start = max(cursor - self.provider.overlap, since)
        while start < self.now:
            end = min(start + self.provider.stretch, self.now)
            yield start, end
            start = end

    def _bring_stretch(self, start: datetime, end: datetime) -> bool:
        """Bring what has changed of a stretch; return whether the cursor may pass it."""
        failed = 0
        for page in self.provider.pages(start, end):
            self.report.listed += len(page)
            failed += self._bring_page(page)
        return failed == 0 or end < self.now - GIVE_UP_AFTER

    def _bring_page(self, page: Sequence[Item]) -> int:
        """Bring the changed items of a page; return how many could not be fetched."""
        items = {item.id: item for item in page}
        with self.engine.connect() as connection:
            changed = sources.changed_items(
                connection,
                self.source.id,
                {item.id: item.fingerprint for item in items.values()},
            )
        failed, size = 0, 0
        batch: list[tuple[Item, Payload | None]] = []
        try:
            for item in (item for item in items.values() if item.id in changed):
                try:
                    payload = self.provider.payload(item)
                except Gone:
                    self.report.gone += 1
                    continue
                except BadMoment as moment:
                    failed += 1
                    self.report.failures.append(str(moment))
                    continue
                batch.append((item, payload))
                size += len(orjson.dumps(payload)) if payload else 0
                if len(batch) >= BATCH_CALLS or size >= BATCH_BYTES:
                    self._store(batch)
                    batch, size = [], 0
        finally:
            # Also where the time is used up: what was fetched is not fetched again.
            self._store(batch)
        return failed

    def _store(self, batch: Sequence[tuple[Item, Payload | None]]) -> None:
        if not batch:
            return
        take_payloads(
            self.engine,
            self.source.kind,
            [payload for _, payload in batch if payload is not None],
            project=self.source.project_slug,
            agent=self.source.agent,
            report=self.report.calls,
        )
        # After the calls: an item that is remembered has been stored.
        with self.engine.begin() as connection:
            sources.keep_items(
                connection, self.source.id, {item.id: item.fingerprint for item, _ in batch}
            )
        self.report.fetched += sum(payload is not None for _, payload in batch)
        if self.on_progress:
            self.on_progress(self.report)
