"""Token and time budget of one audit, and what its requests have used of it."""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from failure_insights.llm.errors import BudgetSpent

#: Retries that an audit may make, as a share of its requests.
RETRY_SHARE = 0.2
#: Retries that it may make in any case.
FREE_RETRIES = 5


@dataclass
class Tokens:
    """Tokens of requests that were answered.

    `cached` is the part of `input` that the provider read from its prompt cache.
    """

    input: int = 0
    cached: int = 0
    output: int = 0


@dataclass
class Budget:
    """What all requests of one audit share; its time starts when it is made.

    Args:
        max_tokens: input and output tokens that the audit may use.
        seconds: how long its requests may take together.
    """

    max_tokens: int
    seconds: float
    #: Requests sent, retries among them.
    requests: int = 0
    retries: int = 0
    #: By the model that was asked.
    tokens_by_model: Mapping[str, Tokens] = field(default_factory=lambda: defaultdict(Tokens))
    #: Names that the endpoint itself gave for the models that answered.
    models: set[str] = field(default_factory=set)
    _reserved_tokens: int = 0
    _started_at: float = field(default_factory=time.monotonic)

    @property
    def input_tokens(self) -> int:
        return sum(tokens.input for tokens in self.tokens_by_model.values())

    @property
    def cached_tokens(self) -> int:
        return sum(tokens.cached for tokens in self.tokens_by_model.values())

    @property
    def output_tokens(self) -> int:
        return sum(tokens.output for tokens in self.tokens_by_model.values())

    @property
    def seconds_left(self) -> float:
        return max(0.0, self.seconds - (time.monotonic() - self._started_at))

    def require(self, tokens: int = 0) -> None:
        """Raise BudgetSpent if the time is over, or if these tokens are more than are left."""
        if self.seconds_left <= 0:
            raise BudgetSpent(f"The {self.seconds:g} seconds of this audit's requests are over.")
        used = self.input_tokens + self.output_tokens + self._reserved_tokens
        if used + tokens > self.max_tokens:
            raise BudgetSpent(f"The {self.max_tokens:,} tokens of this audit are spent.")

    @contextmanager
    def reserve(self, tokens: int) -> Iterator[None]:
        """Set tokens aside during the block, so that concurrent requests cannot spend them."""
        self._reserved_tokens += tokens
        try:
            yield
        finally:
            self._reserved_tokens -= tokens

    def charge(self, model: str, tokens: Tokens) -> None:
        """Count the tokens of an answered request."""
        total = self.tokens_by_model[model]
        total.input += tokens.input
        total.cached += tokens.cached
        total.output += tokens.output

    def may_retry(self) -> bool:
        """Count a retry; return False if this audit has made as many as it may."""
        if self.retries >= max(FREE_RETRIES, RETRY_SHARE * self.requests):
            return False
        self.retries += 1
        return True
