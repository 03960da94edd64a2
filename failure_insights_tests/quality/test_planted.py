"""The wording auditor on planted pools, and the planted pools themselves."""

import pytest

from failure_insights.audit.wording import WordingAuditor
from failure_insights_tests.quality.domains import HARD, NAMES, domain
from failure_insights_tests.quality.hard import plant_hard
from failure_insights_tests.quality.knowledge import Knowledge
from failure_insights_tests.quality.planted import END, KINDS, plant
from failure_insights_tests.quality.report import (
    Continuity,
    continuity,
    k_within_one,
    lexical_pools,
    measure,
    planted_days,
)
from failure_insights_tests.quality.scoring import mean

pytestmark = pytest.mark.slow


def test_wording_finds_causes_that_judges_describe_in_words_of_their_own() -> None:
    measured = measure(WordingAuditor(), lexical_pools(sizes=(10, 20, 40, 100)))
    assert mean([m.scores for m in measured]).v_measure >= 0.70
    assert k_within_one(measured) >= 0.75


def test_wording_cannot_tell_two_causes_that_judges_describe_alike() -> None:
    pools = [plant(name, 60, 2, 0, kind="one symptom") for name in NAMES]
    assert mean([m.scores for m in measure(WordingAuditor(), pools)]).v_measure <= 0.3


def test_a_theme_that_recurs_keeps_its_id() -> None:
    counts = Continuity()
    for name in NAMES:
        continuity(WordingAuditor(), planted_days(name, 0), counts)
    assert counts.kept >= 0.75 * (counts.kept + counts.false_new + counts.false_merge)
    assert counts.false_merge <= 0.15 * counts.kept


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_the_cause_of_a_planted_call_stands_in_one_turn(name: str, kind: str) -> None:
    planted = plant(name, 40, 3, 0, kind=kind)  # type: ignore[arg-type]
    assert plant(name, 40, 3, 0, kind=kind) == planted  # type: ignore[arg-type]
    assert set(planted.truth) == set(planted.pool.call_ids) == set(planted.transcripts)
    assert set(planted.cause_turn) == set(planted.truth) - planted.judge_wrong
    assert bool(planted.judge_wrong) == (kind == "judge wrong")
    assert all(turn.content for turns in planted.transcripts.values() for turn in turns)
    assert all(call.started_at < END for call in planted.pool.calls)
    line_of: dict[str, set[str]] = {}
    for call_id, turn in planted.cause_turn.items():
        role = planted.transcripts[call_id][turn].role
        line_of.setdefault(planted.truth[call_id], set()).add(role)
    assert all(len(roles) == 1 for roles in line_of.values())


def test_a_long_call_holds_its_cause_somewhere_in_its_middle() -> None:
    planted = plant("bank", 60, 3, 0, num_tokens=3_000)
    places = []
    for call_id, turns in planted.transcripts.items():
        assert 3_000 <= sum(len(turn.content) for turn in turns) // 4 <= 3_600
        places.append(planted.cause_turn[call_id] / len(turns))
    assert min(places) < 0.25
    assert max(places) > 0.75
    assert len(set(planted.truth.values())) == 3


def test_of_several_causes_the_first_counts() -> None:
    planted = plant("clinic", 200, 3, 0, kind="several causes")
    knows = Knowledge(domain("clinic"))
    several = 0
    for call_id, turns in planted.transcripts.items():
        causes = [cause for turn in turns if (cause := knows.in_line(turn.content))]
        assert causes[0] == planted.truth[call_id]
        several += len(causes) > 1
    assert 0.3 <= several / 200 <= 0.5


def test_a_cause_told_like_another_comes_the_day_that_one_goes() -> None:
    for name in NAMES:
        days = [set(planted.causes) for planted in planted_days(name, 0, with_twin=True)]
        twin, twin_of = domain(name).twin.key, domain(name).twin_of
        assert all(twin_of in day and twin not in day for day in days[:3])
        assert all(twin in day and twin_of not in day for day in days[3:5])


def test_a_hard_pool_has_what_a_real_one_has() -> None:
    planted = plant_hard(0, 120)
    knows = Knowledge(domain(HARD))
    assert len(planted.causes) == 12
    assert set(planted.truth.values()) - set(planted.causes) == {
        "nothing_called_for_it",
        "reason_not_in_call",
    }
    faults = [
        [cause for turn in planted.transcripts[call] if (cause := knows.in_line(turn.content))]
        for call in planted.cause_turn
    ]
    for call, found in zip(planted.cause_turn, faults, strict=True):
        assert found[0] == planted.truth[call]
        assert len(planted.transcripts[call]) >= 60
    assert 0.1 <= sum(len(found) > 1 for found in faults) / len(faults) <= 0.3
    explanations = {call.explanation for call in planted.pool.calls}
    assert not any(knows.in_words(explanation) for explanation in explanations)


def test_causes_that_differ_by_one_precondition_are_told_apart_in_words_and_lines() -> None:
    knows = Knowledge(domain(HARD))
    for cause in knows.causes:
        assert [knows.in_words(knows.word(cause.key, n)) for n in (0, 1)] == [[cause.key]] * 2
