"""The machinery around the LLM finds planted causes: with a reader that knows, one that errs."""

from collections import Counter
from dataclasses import replace
from itertools import cycle

import pytest
from sqlalchemy import Engine

from failure_insights_tests.quality.agent_report import (
    LONG_CALLS,
    LONG_TOKENS,
    following,
    themes_of,
    traced,
    with_one_more,
)
from failure_insights_tests.quality.agents import observed, sequential_depth
from failure_insights_tests.quality.domains import NAMES
from failure_insights_tests.quality.hard import findings_right, plant_hard
from failure_insights_tests.quality.planted import KINDS, plant
from failure_insights_tests.quality.reader import NOISY, ORACLE, Noise, Reader
from failure_insights_tests.quality.report import (
    Continuity,
    continuity,
    judge_precision,
    measure,
    planted_days,
)
from failure_insights_tests.quality.scoring import agreement, calibration, mean, v_of_causes

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("noise", "least_f1", "most_error", "least_coverage"),
    [
        pytest.param(ORACLE, 0.95, 0.03, 0.97, id="oracle"),
        pytest.param(NOISY, 0.85, 0.15, 0.85, id="wrong on 20 % of notes"),
    ],
)
def test_planted_causes_become_themes_with_right_counts(
    engine: Engine, noise: Noise, least_f1: float, most_error: float, least_coverage: float
) -> None:
    pools = [
        plant(name, 60, 4 if kind == "rare cause" else 3, 1, kind=kind)
        for kind, name in zip(KINDS, cycle(NAMES), strict=False)
    ]
    with observed(Reader(noise), engine) as agent:
        measured = measure(agent.auditor, agent.told(pools))
    scores = mean([item.scores for item in measured])
    assert scores.theme_f1 >= least_f1
    assert scores.count_error <= most_error
    assert scores.coverage >= least_coverage
    assert scores.evidence_at_cause >= 0.95
    assert all(item.scores.verbatim == 1 for item in measured)


def test_twelve_causes_two_of_which_differ_by_one_precondition_are_all_found(
    engine: Engine,
) -> None:
    pool = plant_hard(0, 40)
    with observed(Reader(), engine) as agent:
        (item,) = measure(agent.auditor, agent.told([pool]))
    assert v_of_causes(item.breakdown, pool.truth) >= 0.95
    assert len(item.breakdown.failure_modes) <= 6
    right, made, planted = findings_right(item.breakdown, pool)
    assert right == made == planted > 0
    assert item.scores.verbatim == 1


def test_labels_that_are_called_sure_are_right_more_often(engine: Engine) -> None:
    pools = [plant(name, 60, 3, 4) for name in NAMES]
    counts: Counter[tuple[bool, bool]] = Counter()
    with observed(Reader(NOISY), engine) as agent:
        for item in measure(agent.auditor, agent.told(pools)):
            for basis, right in calibration(item.breakdown, item.planted.truth).items():
                for is_right, count in right.items():
                    counts[basis.endswith("low"), is_right] += count
    sure = counts[False, True] / (counts[False, True] + counts[False, False])
    assert sure >= 0.85


@pytest.mark.parametrize(
    ("noise", "least_recall"),
    [pytest.param(ORACLE, 1.0, id="oracle"), pytest.param(NOISY, 0.6, id="noisy")],
)
def test_a_call_that_passed_in_truth_is_shown_apart(
    engine: Engine, noise: Noise, least_recall: float
) -> None:
    pools = [plant(name, 40, 3, 2, kind="judge wrong") for name in NAMES]
    with observed(Reader(noise), engine) as agent:
        measured = measure(agent.auditor, agent.told(pools))
    assert judge_precision(measured) >= 0.8
    assert mean([item.scores for item in measured]).judge_recall >= least_recall


def test_a_large_pool_keeps_its_themes_though_many_of_its_notes_are_wrong(engine: Engine) -> None:
    pools = [plant("telecom", 1200, 5, 1, judge_styles=3)]
    with observed(Reader(NOISY), engine) as agent:
        (item,) = measure(agent.auditor, agent.told(pools))
    assert item.scores.theme_f1 == 1
    assert item.scores.count_error <= 0.05
    assert item.breakdown.provenance["labels"]["learned"] > 0
    assert item.breakdown.usage.input_tokens <= 400_000


def test_calls_that_nobody_can_tell_the_cause_of_are_left_out_and_told(engine: Engine) -> None:
    pool = plant("clinic", 40, 2, 1, kind="one symptom")
    with observed(Reader(), engine, max_calls=20) as agent:
        (item,) = measure(agent.auditor, agent.told([pool]))
    assert len(item.breakdown.not_read_call_ids) == 20
    assert item.breakdown.unassigned_call_ids == ()
    assert "why they failed: 20 calls." in item.breakdown.message
    for mode in item.breakdown.failure_modes:
        assert len({pool.truth[call_id] for call_id in mode.call_ids}) == 1


def test_a_reader_that_words_all_otherwise_comes_to_the_same_groups(engine: Engine) -> None:
    pool = plant("shop", 40, 3, 7, kind="one symptom")
    found = []
    for seed in (0, 1):
        with observed(Reader(replace(ORACLE, seed=seed)), engine) as agent:
            agent.forget()
            found += measure(agent.auditor, agent.told([pool]))
    one, other = (item.breakdown for item in found)
    assert one.failure_modes != other.failure_modes
    assert agreement(one, other) == 1


def test_a_theme_of_the_agent_keeps_its_id_over_a_week(engine: Engine) -> None:
    counts = Continuity(causes=Continuity())
    with observed(Reader(), engine) as agent:
        for name in ("shop", "bank"):
            continuity(agent.auditor, agent.told(planted_days(name, 0, size=15)), counts)
    assert counts.kept >= 0.95 * counts.recurring
    assert counts.false_new <= 0.05 * counts.recurring
    assert counts.new == 10
    assert counts.causes is not None
    assert counts.causes.kept >= 0.95 * counts.causes.recurring
    assert counts.causes.false_new <= 0.05 * counts.causes.recurring


@pytest.mark.parametrize(
    ("thoroughness", "most_tokens"), [("thorough", 450_000), ("economy", 75_000)]
)
def test_long_calls_cost_no_more_than_was_promised(
    engine: Engine, thoroughness: str, most_tokens: int
) -> None:
    pool = plant("clinic", LONG_CALLS, 4, 1, num_tokens=LONG_TOKENS)
    with traced(engine, is_curious=True, thoroughness=thoroughness) as agent:
        (first,) = measure(agent.auditor, agent.told([pool]))
        assert first.scores.theme_f1 >= 0.95
        assert first.breakdown.usage.input_tokens <= most_tokens
        assert sequential_depth(agent.server.sent) <= 6
        agent.server.sent.clear()
        (again,) = measure(agent.auditor, [following(pool, first)], themes_of(first))
        assert agent.sent_by_stage() == {}
        assert again.breakdown.failure_modes == first.breakdown.failure_modes


def test_one_more_call_costs_a_note_and_one_answer_of_the_agent(engine: Engine) -> None:
    pool = plant("clinic", 40, 3, 1)
    with observed(Reader(), engine) as agent:
        (first,) = measure(agent.auditor, agent.told([pool]))
        agent.server.sent.clear()
        more = following(with_one_more(pool), first)
        (second,) = measure(agent.auditor, [more], themes_of(first))
        assert agent.sent_by_stage() == {"draft": 1, "note": 1}
        assert sum(mode.count for mode in second.breakdown.failure_modes) == 41
        agent.server.sent.clear()
        measure(agent.auditor, [following(more, second)], themes_of(first))
        assert agent.sent_by_stage() == {}
