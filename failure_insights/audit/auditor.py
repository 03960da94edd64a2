"""The interface that every auditor has: pool and metric card in, breakdown out."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from failure_insights.domain.breakdown import AuditorName, Breakdown
from failure_insights.domain.calls import Turn
from failure_insights.domain.identity import PriorTheme
from failure_insights.domain.pools import FailingCall, Pool

__all__ = ["Auditor", "CallReader", "PriorTheme"]


class CallReader(Protocol):
    """The calls of the pool's project and metric, read when an auditor asks for them."""

    def transcripts(self, call_ids: Sequence[str]) -> Mapping[str, Sequence[Turn]]:
        """Return the transcript of each call; a call that is gone is missing from the mapping."""
        ...

    def passing(self, limit: int) -> Sequence[FailingCall]:
        """Return up to `limit` calls of the window that passed the metric, newest first."""
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
