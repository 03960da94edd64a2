"""Which failing calls an audit sees: the pool and the rule of its window."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from failure_insights.domain.calls import Score
from failure_insights.domain.metrics import MetricCard
from failure_insights.errors import BadInput

DAY = timedelta(days=1)
#: A date's 24 hours end at this hour (UTC) of the next day.
AUDIT_HOUR = 6
#: The window that a small pool falls back to.
WIDE_WINDOW_DAYS = 7
NOT_ENOUGH_DATA = f"Not enough metric failure instances in last {WIDE_WINDOW_DAYS} days."


@dataclass(frozen=True, slots=True)
class Window:
    """The days whose failing calls are read: from `start`, up to and without `end` (UTC)."""

    end: datetime
    days: int

    def __post_init__(self) -> None:
        if self.end.tzinfo is None:
            raise BadInput(
                f"window end {self.end.isoformat()} has no time zone", code="time_without_zone"
            )
        if self.days < 1:
            raise BadInput(
                f"a window of {self.days} days holds no call; give 1 or more",
                code="bad_window_days",
            )
        object.__setattr__(self, "end", self.end.astimezone(UTC))

    @property
    def start(self) -> datetime:
        return self.end - self.days * DAY

    @property
    def date(self) -> date:
        """The date whose 24 hours hold the window's last moment."""
        return date_of(self.end)


def date_of(at: datetime) -> date:
    """Return the date whose 24 hours hold the moment before `at` (aware)."""
    return (at.astimezone(UTC) - timedelta(hours=AUDIT_HOUR, microseconds=1)).date()


def end_of(day: date) -> datetime:
    """Return the time at which a date's audit looks back: 06:00 UTC of the next day."""
    return datetime.combine(day + timedelta(days=1), time(AUDIT_HOUR), UTC)


@dataclass(frozen=True, slots=True)
class PoolRule:
    """The two numbers of the pool rule.

    Fewer than `small_pool` failing calls in the last 24 hours: the last 7 days are read instead.
    Fewer than `min_failing_calls` even then: the audit is skipped.
    """

    small_pool: int = 10
    min_failing_calls: int = 3

    def window(self, at: datetime, failing_in_last_day: int, asked_days: int | None) -> Window:
        """Return the window of an audit at a time.

        Args:
            at: the audit's time (UTC); the window ends there.
            failing_in_last_day: failing calls in the 24 hours before `at`.
            asked_days: the window that a request named, used as it is.
        """
        if asked_days is not None:
            return Window(at, asked_days)
        return Window(at, 1 if failing_in_last_day >= self.small_pool else WIDE_WINDOW_DAYS)

    def has_enough(self, failing: int) -> bool:
        return failing >= self.min_failing_calls


@dataclass(frozen=True, slots=True)
class FailingCall:
    """A call whose result for the metric did not pass, with the judge's words about it."""

    call_id: str
    agent: str
    started_at: datetime
    explanation: str
    score: Score = None


@dataclass(frozen=True, slots=True)
class Pool:
    """The failing calls of one project and metric in a window, in order of time."""

    project: str
    metric: MetricCard
    window: Window
    calls: tuple[FailingCall, ...]

    def __post_init__(self) -> None:
        if len({call.call_id for call in self.calls}) != len(self.calls):
            raise BadInput(f"the pool of {self.project}/{self.metric.name} names a call twice")

    @property
    def call_ids(self) -> tuple[str, ...]:
        return tuple(call.call_id for call in self.calls)
