"""Limit how many requests one endpoint gets at once, and pause them all when it says so."""

import asyncio
import logging
import random
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from anyio import CapacityLimiter

from failure_insights.llm.budget import Budget
from failure_insights.llm.errors import BudgetSpent, EndpointUnavailable

#: Successes that add one slot, once the endpoint has said "too many requests".
SUCCESSES_TO_GROW = 20
#: Seconds; an endpoint that asks for a longer pause is not waited for.
LONGEST_PAUSE_S = 120.0
#: Seconds of the longest pause that we choose ourselves.
LONGEST_BACKOFF_S = 30.0

_log = logging.getLogger(__name__)


class Limiter:
    """Limits concurrent requests, first come first served, and starts none during a pause.

    `limit` begins at half of `most` and grows with every success. When the endpoint says "too
    many requests" it halves, and from then on grows by one for every twenty successes.

    Each event loop has a limiter of its own. Processes that are to share one limit need another
    class with these methods, given to `open_endpoint`.
    """

    def __init__(self, most: int, backoff_s: float) -> None:
        self.most = most
        self._backoff_s = backoff_s
        self._slots = CapacityLimiter(max(1, most // 2))
        self._successes = 0
        self._slowed_at = 0.0
        self._slowed_in_a_row = 0
        self._resume_at = 0.0

    @property
    def limit(self) -> int:
        """Requests that may be under way at once."""
        return int(self._slots.total_tokens)

    @property
    def has_surplus(self) -> bool:
        """Return whether more slots are held than the limit allows, since it was lowered.

        A request that is to be tried again then gives its slot back and queues for another.
        """
        return self._slots.borrowed_tokens > self._slots.total_tokens

    @asynccontextmanager
    async def slot(self, budget: Budget) -> AsyncIterator[None]:
        """Hold a slot during the block.

        Raises:
            BudgetSpent: the audit's time is over before a slot is free.
        """
        try:
            async with asyncio.timeout(budget.seconds_left):
                await self._slots.acquire()
        except TimeoutError:
            raise BudgetSpent("The audit's time was over before its request had a turn.") from None
        try:
            yield
        finally:
            self._slots.release()

    async def wait_out_pause(self, budget: Budget) -> None:
        """Return when no pause is on.

        Raises:
            EndpointUnavailable: the pause is longer than the audit's time, or than any is worth.
        """
        while (left := self._resume_at - time.monotonic()) > 0:
            if left > min(LONGEST_PAUSE_S, budget.seconds_left):
                raise EndpointUnavailable(
                    f"The LLM endpoint asked for a pause of {left:.0f} s, which is too long."
                )
            await asyncio.sleep(left)

    def slow_down(self, sent_at: float, wait_s: float | None) -> bool:
        """Halve the limit and pause all requests; return False if that was done already.

        Requests that were under way together are often answered "too many" together: that is
        one event.

        Args:
            sent_at: when the refused request went out, in seconds of `time.monotonic()`.
            wait_s: seconds that the endpoint asks for; None: a backoff of our own.
        """
        is_new = sent_at >= self._slowed_at
        if is_new:
            self._slowed_at = time.monotonic()
            self._slowed_in_a_row += 1
            self._successes = 0
            self._slots.total_tokens = max(1, self.limit // 2)
            wait_s = self.backoff(self._slowed_in_a_row) if wait_s is None else wait_s
            _log.info(
                "The LLM endpoint asks for less: a pause of %.1f s, then %d requests at once.",
                wait_s,
                self.limit,
            )
        self.pause(wait_s or 0.0)
        return is_new

    def pause(self, seconds: float) -> None:
        """Start no request for these seconds."""
        self._resume_at = max(self._resume_at, time.monotonic() + seconds)

    def backoff(self, attempt: int) -> float:
        """Return the seconds before an attempt: doubled each time, up to a quarter less at random.

        Args:
            attempt: 1 for the first retry.
        """
        seconds = min(self._backoff_s * 2.0 ** (attempt - 1), LONGEST_BACKOFF_S)
        return seconds * random.uniform(0.75, 1.0)  # noqa: S311

    def succeeded(self) -> None:
        """Count a success, and add a slot if enough of them came."""
        self._slowed_in_a_row = 0
        self._successes += 1
        needed = SUCCESSES_TO_GROW if self._slowed_at else 1
        if self._successes >= needed and self.limit < self.most:
            self._successes = 0
            self._slots.total_tokens = self.limit + 1

    def read_allowance(self, headers: Mapping[str, str], tokens: int) -> None:
        """Pause where the endpoint's headers say that the next request would be refused.

        They are OpenAI's `x-ratelimit-remaining-*`, `-reset-*` and `-limit-*`, which others send
        too; see https://platform.openai.com/docs/guides/rate-limits.

        Args:
            tokens: what the next request is likely to cost.
        """
        for unit, needed in (("requests", 1), ("tokens", tokens)):
            remaining = _number(headers.get(f"x-ratelimit-remaining-{unit}"))
            reset_s = _seconds(headers.get(f"x-ratelimit-reset-{unit}"))
            if remaining is None or reset_s is None or remaining >= needed:
                continue
            # Allowances fill up steadily; `reset` says when they are full.
            limit = _number(headers.get(f"x-ratelimit-limit-{unit}")) or 0.0
            share = (needed - remaining) / (limit - remaining) if limit > needed else 1.0
            if reset_s * share <= LONGEST_PAUSE_S:
                self.pause(reset_s * share)


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _seconds(text: str | None) -> float | None:
    """Return the seconds of `1.5`, `20ms`, `6m0s` or `1h2m3.5s`; None for anything else."""
    if (plain := _number(text)) is not None:
        return plain
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
    parts = re.findall(r"([\d.]+)(ms|h|m|s)", text or "")
    if not parts or "".join(amount + unit for amount, unit in parts) != text:
        return None
    amounts = [_number(amount) for amount, _ in parts]
    if None in amounts:
        return None
    pairs = zip(amounts, parts, strict=True)
    return sum(amount * units[unit] for amount, (_, unit) in pairs if amount)
