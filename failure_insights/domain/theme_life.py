"""What becomes of a theme: the states that people give it, and what code sees in its days.

The presets of growth are those of Cekura's alerts, under the same names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, get_args

from failure_insights.domain.changes import PRESETS

#: What people say of a theme.
GivenState = Literal["active", "watched", "resolved", "dismissed"]
#: `regressed`: it was resolved, and calls that began afterwards are of it.
ThemeState = Literal["active", "watched", "resolved", "regressed", "dismissed"]
GIVEN_STATES: tuple[GivenState, ...] = get_args(GivenState)
#: What code sees: `stale`, not seen for `STALE_DAYS`; `growing`, see `Growth`.
Trend = Literal["new", "growing", "stale", "steady"]

#: Why a theme is dismissed.
DismissalReason = Literal[
    "works_as_intended", "metric_is_wrong", "not_important", "cannot_be_fixed", "other"
]
#: The words that people read for it.
DISMISSAL_REASONS: Mapping[DismissalReason, str] = {
    "works_as_intended": "the agent does what it should",
    "metric_is_wrong": "the metric asks for the wrong thing",
    "not_important": "true, and not worth a fix",
    "cannot_be_fixed": "nothing that we can change",
    "other": "another reason",
}
#: Days without a call after which a theme is stale.
STALE_DAYS = 14


@dataclass(frozen=True, slots=True)
class Growth:
    """When a theme grows: at least `least` calls on the day, and `factor` times what is usual.

    What is usual is the mean of the `baseline_days` before. A theme without calls in them is new
    and never growing.
    """

    baseline_days: int
    least: int
    factor: float


#: The middle one of three presets: 24 h against 7 d, at least 5 calls, 3 times as many.
USUAL_GROWTH = Growth(
    baseline_days=PRESETS["daily"].baseline_hours // 24,
    least=PRESETS["daily"].least,
    factor=PRESETS["daily"].factor,
)


def grows(history: Mapping[date, int], day: date, growth: Growth = USUAL_GROWTH) -> bool:
    """Return whether a theme with these counts per day grows on a day."""
    count = history.get(day, 0)
    before = sum(
        history.get(day - timedelta(days=back), 0) for back in range(1, growth.baseline_days + 1)
    )
    mean = before / growth.baseline_days
    return before > 0 and count >= growth.least and count >= growth.factor * mean


def trend_of(history: Mapping[date, int], first_seen: date, day: date) -> Trend:
    """Return what a theme's counts per day up to `day` say of it."""
    if first_seen >= day:
        return "new"
    if grows(history, day):
        return "growing"
    last = max((seen for seen, count in history.items() if seen <= day and count), default=None)
    is_stale = last is None or day - last >= timedelta(days=STALE_DAYS)
    return "stale" if is_stale else "steady"


def state_of(
    given: GivenState, since: datetime | None, last_call_at: datetime | None
) -> ThemeState:
    """Return a theme's state.

    Args:
        given: what people said last.
        since: from when on that holds (UTC).
        last_call_at: when the newest call of the theme began (UTC); None where it is not known.
    """
    if given == "resolved" and since and last_call_at and last_call_at > since:
        return "regressed"
    return given
