"""Which calls are read: all kinds, the same on every day that they are there, new ones always."""

from collections import Counter

import pytest

from failure_insights.audit.agent.cases import prepare
from failure_insights.audit.agent.sampling import choose, seed_of
from failure_insights.audit.agent.vectors import vectorize
from failure_insights.domain.auditing import Earlier
from failure_insights_tests.quality.planted import PlantedPool, plant

NONE = Earlier()


def sample(planted: PlantedPool, size: int, earlier: Earlier = NONE) -> list[str]:
    cases = prepare(planted.pool)
    rows = vectorize(cases, planted.passing_calls, planted.pool.metric).rows
    seed = seed_of(planted.pool.project, planted.pool.metric)
    return [cases[i].call_id for i in choose(cases, rows, size, seed, earlier)]


@pytest.mark.parametrize("domain", ["clinic", "shop", "bank", "telecom"])
def test_a_rare_cause_is_in_the_sample(domain: str) -> None:
    planted = plant(domain, 300, 4, 1, kind="rare cause")
    read = Counter(planted.truth[call_id] for call_id in sample(planted, 40))
    assert len(read) == 4
    assert min(read.values()) >= 2


def test_a_pool_that_can_be_read_whole_is() -> None:
    planted = plant("clinic", 30, 3, 1)
    assert sorted(sample(planted, 30)) == sorted(planted.pool.call_ids)


def test_calls_that_were_read_stay_in_the_sample() -> None:
    planted = plant("clinic", 100, 3, 1)
    first = sample(planted, 40)
    assert sample(planted, 40, Earlier(planted.pool.call_ids, first)) == first


def test_a_new_call_is_read_and_costs_one_place() -> None:
    planted = plant("clinic", 100, 3, 1)
    *old, new = planted.pool.call_ids
    first = [call for call in sample(planted, 40) if call != new]
    then = sample(planted, len(first), Earlier(old, first))
    assert new in then
    assert len(set(first) & set(then)) == len(first) - 1


def test_half_of_the_sample_is_for_new_calls() -> None:
    planted = plant("clinic", 100, 3, 1)
    held = planted.pool.call_ids[:40]
    then = sample(planted, 40, Earlier(held, held))
    assert len(set(then) & set(held)) == 20
