"""One audit's purse: what its requests may cost, and what they have cost so far."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from failure_insights.llm.errors import BudgetSpent

#: Retries that an audit may make: this share of its requests, or so many if that is more.
RETRY_SHARE, FREE_RETRIES = 0.2, 5


@dataclass
class Budget:
    """The purse that all requests of one audit share; its clock starts when it is made.

    `max_tokens` counts input and output, `cached_tokens` are those of the input that the provider
    had in its prompt cache, `models` the names that the endpoint itself gave.
    """

    max_tokens: int
    seconds: float
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    models: set[str] = field(default_factory=set)
    retries: int = 0
    _held: int = 0
    _began: float = field(default_factory=time.monotonic)

    @property
    def seconds_left(self) -> float:
        return max(0.0, self.seconds - (time.monotonic() - self._began))

    def require_left(self, estimate: int = 0) -> None:
        """Make sure that a request of about so many tokens can be paid for.

        Raises:
            BudgetSpent: it cannot, or the time is over.
        """
        if self.seconds_left <= 0:
            raise BudgetSpent(f"The {self.seconds:g} seconds of this audit's requests are over.")
        if self.input_tokens + self.output_tokens + self._held + estimate > self.max_tokens:
            raise BudgetSpent(f"The {self.max_tokens:,} tokens of this audit are spent.")

    @contextmanager
    def holding(self, estimate: int) -> Iterator[None]:
        """Set tokens aside while a request is under way, so that its siblings cannot spend them."""
        self._held += estimate
        try:
            yield
        finally:
            self._held -= estimate

    def may_retry(self) -> bool:
        """Count a retry; return False if this audit has made as many as it may."""
        if self.retries >= max(FREE_RETRIES, RETRY_SHARE * self.requests):
            return False
        self.retries += 1
        return True
