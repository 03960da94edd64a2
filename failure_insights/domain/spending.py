"""What LLM requests may cost: estimates before an audit, and caps on a calendar month."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

#: What an estimate rests on: what the metric's last audits cost for each call, or how long its
#: calls are.
Basis = Literal["past_audits", "length_of_calls", "no_llm", "no_calls", "price_unknown"]
#: One past audit is no range; the next may cost this part less or more.
ONE_AUDIT_SPREAD = 0.5


@dataclass(frozen=True, slots=True)
class PastCost:
    """What an audit cost in US dollars and tokens, and how many failing calls it had."""

    cost: float
    failing: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an audit may cost in US dollars, from `low` to `high`; None: nobody knows the price.

    `failing` are the calls of its pool; where an earlier audit has read some of them already, it
    costs less.
    """

    failing: int
    low: float | None
    high: float | None
    basis: Basis


def from_past(past: Sequence[PastCost], failing: int) -> Estimate | None:
    """Return the estimate that past audits give; None: there are none with calls."""
    each = [audit.cost / audit.failing for audit in past if audit.failing]
    if not each:
        return None
    low, high = min(each) * failing, max(each) * failing
    if len(each) == 1:
        low, high = low * (1 - ONE_AUDIT_SPREAD), high * (1 + ONE_AUDIT_SPREAD)
    return Estimate(failing, round(low, 6), round(high, 6), "past_audits")


def total(estimates: Sequence[Estimate]) -> Estimate:
    """Return what audits may cost together; the price of one unknown: of all."""
    failing = sum(estimate.failing for estimate in estimates)
    lows = [estimate.low for estimate in estimates if estimate.low is not None]
    highs = [estimate.high for estimate in estimates if estimate.high is not None]
    if len(lows) < len(estimates):
        return Estimate(failing, None, None, "price_unknown")
    bases = {estimate.basis for estimate in estimates} - {"no_calls"}
    basis: Basis = bases.pop() if len(bases) == 1 else "length_of_calls" if bases else "no_calls"
    return Estimate(failing, round(sum(lows), 6), round(sum(highs), 6), basis)


@dataclass(frozen=True, slots=True)
class Caps:
    """What a month may cost in US dollars, for one project and for all together; None: no cap."""

    project: float | None = None
    all_projects: float | None = None

    def __bool__(self) -> bool:
        return self.project is not None or self.all_projects is not None

    def why_not(self, cost: float, of_project: float, of_all: float, now: datetime) -> str | None:
        """Return why something of this cost may not begin, as a sentence; None: it may.

        Args:
            cost: what it may cost at most.
            of_project: spent this month by the project.
            of_all: spent this month by all projects.
        """
        for cap, spent, whose in (
            (self.project, of_project, "this project"),
            (self.all_projects, of_all, "all projects"),
        ):
            if cap is not None and spent + cost > cap:
                return (
                    f"The monthly cap of {dollars(cap)} for {whose} is reached: "
                    f"{dollars(spent)} spent in {now:%B}, and this may cost {dollars(cost)}. "
                    f"Raise the cap, or wait for {next_month(now):%-d %B}."
                )
        return None


def month_of(now: datetime) -> date:
    """Return the first day of the calendar month (UTC) that a time is in."""
    return now.astimezone(UTC).date().replace(day=1)


def next_month(now: datetime) -> date:
    """Return the first day of the month after the one that a time is in."""
    return (month_of(now) + timedelta(days=32)).replace(day=1)


def dollars(amount: float) -> str:
    """Return US dollars as people write them, with as many digits as a small amount needs."""
    if amount and amount < 0.01:
        return f"${amount:.4f}" if amount >= 0.0001 else "less than $0.0001"
    return f"${amount:,.2f}"
