"""The interface that every auditor has: pool and metric card in, breakdown out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from failure_insights.domain.breakdown import AuditorName, Breakdown
from failure_insights.domain.calls import Turn
from failure_insights.domain.identity import PriorCause, PriorTheme
from failure_insights.domain.pools import FailingCall, Pool

__all__ = ["Auditor", "CallReader", "Earlier", "PriorTheme"]


@dataclass(frozen=True)
class Earlier:
    """What the newest audit before this one held: its calls, and its sample.

    `read` are the calls whose transcripts it read first; those that it read later, because of
    what it had found, are no choice to hold on to. An audit that is asked for again is its own
    predecessor, and has to choose the same sample. `causes` are those of the last days, with the
    audit's own day.
    """

    pool: Collection[str] = ()
    read: Collection[str] = ()
    causes: Sequence[PriorCause] = ()


@dataclass(frozen=True, slots=True)
class CallContext:
    """What is known of a call beside its transcript. `metadata` is its provider's or importer's."""

    ended_reason: str | None = None
    duration_s: float | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


class CallReader(Protocol):
    """The calls of the pool's project and metric, read when an auditor asks for them."""

    def transcripts(self, call_ids: Sequence[str]) -> Mapping[str, Sequence[Turn]]:
        """Return the transcript of each call; a call that is gone is missing from the mapping."""
        ...

    def contexts(self, call_ids: Sequence[str]) -> Mapping[str, CallContext]:
        """Return what is known of each call beside its transcript; calls that are gone miss."""
        ...

    def about_project(self) -> str:
        """Return what people write about the project, for auditors; "" if they wrote nothing."""
        ...

    def passing(self, limit: int) -> Sequence[FailingCall]:
        """Return up to `limit` calls of the window that passed the metric, newest first."""
        ...

    def earlier(self) -> Earlier:
        """Return what the newest audit held that looked at no later window; empty: none did."""
        ...


class Auditor(Protocol):
    """Finds the groups of a pool. Blocking work must leave the event loop free."""

    name: AuditorName

    async def audit(
        self,
        pool: Pool,
        calls: CallReader,
        prior_themes: Sequence[PriorTheme],
        max_calls: int | None,
    ) -> Breakdown:
        """Return the breakdown of the pool.

        Args:
            pool: at least `min_failing_calls` failing calls.
            calls: reader of transcripts and of passing calls.
            prior_themes: themes of earlier days, to be recognised where they recur.
            max_calls: transcripts to read at most; None for the auditor's own number.
        """
        ...

    def paused(self, reason: str) -> "Auditor":
        """Return the auditor as it works where no LLM may be asked, which it says with the reason.

        An auditor that asks none is its own.
        """
        ...
