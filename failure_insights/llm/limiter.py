"""How much of one endpoint all audits of an event loop may use at once."""

import asyncio
import logging
import random
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from failure_insights.llm.budget import Budget
from failure_insights.llm.errors import BudgetSpent, EndpointUnavailable

#: Successes that earn one more request at once, after the endpoint has once said "too many".
SUCCESSES_TO_GROW = 20
#: Seconds; an endpoint that asks for a longer pause is not waited for.
LONGEST_PAUSE_S = 120.0
#: Seconds of the longest pause that we choose ourselves.
LONGEST_BACKOFF_S = 30.0

_log = logging.getLogger(__name__)


class Limiter:
    """Lets requests through: so many at once, first come first served, none during a pause.

    `limit` begins with half of `most` and grows with every success; when the endpoint says "too
    many" it halves, and creeps up from then on.
    """

    def __init__(self, most: int, backoff_s: float) -> None:
        self.most = most
        self.limit = max(1, most // 2)
        self._backoff_s = backoff_s
        self._busy = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._successes = 0
        self._slowed_at = 0.0
        self._slowed_in_a_row = 0
        self._resume_at = 0.0

    @asynccontextmanager
    async def slot(self, budget: Budget, *, is_retry: bool = False) -> AsyncIterator[None]:
        """Hold one of the places for the block; a retry is the next to get one.

        Raises:
            BudgetSpent: the audit's time is over before a place is free.
        """
        try:
            async with asyncio.timeout(budget.seconds_left):
                await self._enter(is_retry)
        except TimeoutError:
            raise BudgetSpent("The audit's time was over before its request had a turn.") from None
        try:
            yield
        finally:
            self._leave()

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
        """Halve the limit and pause everything; return False if a sibling's answer already did.

        Args:
            sent_at: when the request went out that was one too many, in `time.monotonic()`.
            wait_s: the pause that the endpoint asks for; None: one of our own choice.
        """
        is_news = sent_at >= self._slowed_at
        if is_news:
            self._slowed_at = time.monotonic()
            self._slowed_in_a_row += 1
            self._successes = 0
            self.limit = max(1, self.limit // 2)
            wait_s = self.backoff(self._slowed_in_a_row) if wait_s is None else wait_s
            _log.info(
                "The LLM endpoint asks for less: a pause of %.1f s, then %d requests at once.",
                wait_s,
                self.limit,
            )
        self.pause(wait_s or 0.0)
        return is_news

    def pause(self, seconds: float) -> None:
        """Let nothing through for so many seconds."""
        self._resume_at = max(self._resume_at, time.monotonic() + seconds)

    def backoff(self, number: int) -> float:
        """Return the seconds before a try: doubling with its number, a quarter of it chance."""
        seconds = min(self._backoff_s * 2.0 ** (number - 1), LONGEST_BACKOFF_S)
        return seconds * random.uniform(0.75, 1.0)  # noqa: S311

    def succeeded(self) -> None:
        """Count a success; one adds a place at first, and twenty do once places were taken."""
        self._slowed_in_a_row = 0
        self._successes += 1
        needed = SUCCESSES_TO_GROW if self._slowed_at else 1
        if self._successes >= needed and self.limit < self.most:
            self._successes = 0
            self.limit += 1
            self._admit()

    def heed(self, headers: Mapping[str, str], tokens: int) -> None:
        """Pause before the endpoint has to say so: its headers tell when a request fits again."""
        for what, needed in (("requests", 1), ("tokens", tokens)):
            remaining = _number(headers.get(f"x-ratelimit-remaining-{what}"))
            reset_s = _seconds(headers.get(f"x-ratelimit-reset-{what}"))
            if remaining is None or reset_s is None or remaining >= needed:
                continue
            # Allowances fill up steadily; `reset` says when they are full.
            limit = _number(headers.get(f"x-ratelimit-limit-{what}")) or 0.0
            share = (needed - remaining) / (limit - remaining) if limit > needed else 1.0
            if reset_s * share <= LONGEST_PAUSE_S:
                self.pause(reset_s * share)

    async def _enter(self, is_retry: bool) -> None:
        turn = asyncio.get_running_loop().create_future()
        if is_retry:
            self._waiting.appendleft(turn)
        else:
            self._waiting.append(turn)
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()
            raise

    def _leave(self) -> None:
        self._busy -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._busy < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():  # Done already: its request was given up.
                self._busy += 1
                turn.set_result(None)


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
    if not parts or "".join(a + b for a, b in parts) != text:
        return None
    numbers = [_number(amount) for amount, _ in parts]
    if None in numbers:
        return None
    return sum(n * units[u] for n, (_, u) in zip(numbers, parts, strict=True) if n)
