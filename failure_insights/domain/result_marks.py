"""What people say of a result: the judge was wrong, the metric is, or the verdict stands."""

from typing import Literal

from failure_insights.domain.calls import Score
from failure_insights.domain.metrics import MetricCard, PassRule
from failure_insights.errors import BadInput

#: `judge_wrong`: the result should have been another; `metric_wrong`: the judge did as it was told,
#: and the metric asks for the wrong thing; `stands`: somebody looked, and the result is right.
MarkVerdict = Literal["judge_wrong", "metric_wrong", "stands"]


def expected_verdict(card: MetricCard, passed: bool | None, expected: Score) -> bool | None:
    """Return whether a result would have passed, had the judge not erred.

    Args:
        passed: the judge's verdict; None: no pass rule has judged its score.
        expected: what the result should have been: a verdict, or a score that the card's pass rule
            judges; None: the other verdict.

    Raises:
        BadInput: the pass rule cannot judge the expected score.
    """
    if isinstance(expected, bool):
        return expected
    if expected is not None and card.pass_rule:
        return PassRule.parse(card.pass_rule).passes(expected)
    return None if passed is None else not passed


def leaves_pools(verdict: MarkVerdict | None, passed: bool | None, expected: bool | None) -> bool:
    """Return whether later audits leave a result out: it failed for no fault of the agent's."""
    if passed is not False:
        return False
    return verdict == "metric_wrong" or (verdict == "judge_wrong" and expected is True)


def require_sense(verdict: MarkVerdict, expected: Score, passed: bool | None) -> None:
    """Refuse a mark that contradicts itself.

    Raises:
        BadInput: the judge is said to be wrong, and the expected verdict is the judge's own; or
            a value is expected where the judge is not said to be wrong.
    """
    if verdict != "judge_wrong" and expected is not None:
        raise BadInput("an expected value belongs to judge_wrong; leave it out")
    if verdict == "judge_wrong" and isinstance(expected, bool) and expected is passed:
        raise BadInput("the expected verdict is the judge's own; mark it as 'stands' then")
