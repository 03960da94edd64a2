"""Judging stored scores by a metric's pass rule, when there is a new one."""

import json

from sqlalchemy import Connection

from failure_insights.domain.metrics import PassRule
from failure_insights.store.database import query

#: Different scores that one statement judges.
SCORES_AT_ONCE = 10_000


def judge_stored(
    connection: Connection, metric_id: int, rule: PassRule, *, only_unjudged: bool = False
) -> int:
    """Judge a metric's stored scores by a rule; return how many results have another verdict.

    Only results that nobody has judged yet, or (unless `only_unjudged`) an earlier rule has. One
    whose score the rule cannot be applied to, such as a word where it compares numbers, is left
    without a verdict.
    Nobody may import into the project meanwhile (`store.names.lock_projects`).
    """
    values = {"metric_id": metric_id, "only_unjudged": only_unjudged}
    scores = connection.execute(query("scores_to_judge"), values).scalars().all()
    judged = 0
    for start in range(0, len(scores), SCORES_AT_ONCE):
        some = scores[start : start + SCORES_AT_ONCE]
        verdicts = [rule.verdict(score) for score in some]
        result = connection.execute(
            query("judge_scores"),
            {**values, "scores": [json.dumps(score) for score in some], "verdicts": verdicts},
        )
        judged += result.rowcount
    return judged
