"""The machinery around the LLM finds planted causes: with a reader that knows, one that errs."""

import pytest
from sqlalchemy import Engine

from failure_insights_tests.quality.agents import observed
from failure_insights_tests.quality.planted import Kind, plant
from failure_insights_tests.quality.reader import NOISY, ORACLE, Noise, Reader
from failure_insights_tests.quality.report import measure
from failure_insights_tests.quality.scoring import mean

KINDS: tuple[Kind, ...] = ("lexical", "one symptom", "three symptoms", "judge wrong", "rubric only")


@pytest.mark.parametrize(
    ("noise", "least_f1", "most_error"),
    [
        pytest.param(ORACLE, 0.95, 0.03, id="oracle"),
        pytest.param(NOISY, 0.85, 0.15, id="wrong on 20 % of notes"),
    ],
)
def test_planted_causes_become_themes_with_right_counts(
    engine: Engine, noise: Noise, least_f1: float, most_error: float
) -> None:
    pools = [plant(name, 40, 3, 1, kind=kind) for name in ("clinic", "bank") for kind in KINDS]
    with observed(Reader(noise), engine) as agent:
        measured = measure(agent.auditor, agent.told(pools))
    scores = mean([item.scores for item in measured])
    assert scores.theme_f1 >= least_f1
    assert scores.count_error <= most_error
    for item in measured:
        calls = item.planted.transcripts
        for mode in item.breakdown.failure_modes:
            assert mode.evidence
            for quoted in mode.evidence:
                assert quoted.turn is not None
                assert quoted.quote in calls[quoted.call_id][quoted.turn].content


def test_a_wrong_judge_is_suspected_and_a_right_one_is_not(engine: Engine) -> None:
    pools = [plant(name, 40, 3, 2, kind="judge wrong") for name in ("clinic", "shop")]
    with observed(Reader(ORACLE), engine) as agent:
        measured = measure(agent.auditor, agent.told(pools))
    scores = mean([item.scores for item in measured])
    assert scores.judge_precision >= 0.8
    assert scores.judge_recall >= 0.8
