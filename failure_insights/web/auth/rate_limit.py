"""Limit how many requests a key may send."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock


@dataclass(slots=True)
class RateLimit:
    """A bucket a key: `per_minute` requests at once, refilled evenly. Each process has its own."""

    per_minute: int
    clock: Callable[[], float] = time.monotonic
    _buckets: dict[int, tuple[float, float]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def take(self, key_id: int) -> int | None:
        """Count a request; return None, or the seconds to wait where the key has used its share."""
        now = self.clock()
        with self._lock:
            left, then = self._buckets.get(key_id, (float(self.per_minute), now))
            left = min(self.per_minute, left + (now - then) * self.per_minute / 60)
            allowed = left >= 1
            self._buckets[key_id] = (left - 1 if allowed else left, now)
        return None if allowed else math.ceil((1 - left) * 60 / self.per_minute)
