"""Which metrics are audited, what their slugs are, and when a score passes."""

import math
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from failure_insights.domain.calls import Score
from failure_insights.domain.metrics import (
    PREDEFINED_LLM_JUDGES,
    MetricCard,
    MetricType,
    PassRule,
    default_type,
    slugify,
)
from failure_insights.errors import BadInput, NotEligible
from failure_insights_tests.refusals import refused


@pytest.mark.parametrize(
    ("name", "type_", "eligible"),
    [
        *((name, "llm_judge", True) for name in sorted(PREDEFINED_LLM_JUDGES)),
        ("Expected Outcome", "custom_code", True),
        ("tool CALL  accuracy", "custom_code", True),
        ("Was polite", "llm_judge", True),
        ("Was polite", "custom_code", False),
        ("Latency", "custom_code", False),
        ("Latency", "llm_judge", False),
        ("wpm", "llm_judge", False),
        ("Talk Ratio", "llm_judge", False),
        ("Latency of answers", "llm_judge", True),
    ],
)
def test_judges_are_audited_and_code_metrics_never(
    name: str, type_: MetricType, eligible: bool
) -> None:
    card = MetricCard(name, type_)
    assert card.is_eligible is eligible
    if not eligible:
        with pytest.raises(NotEligible, match=name):
            card.require_eligible()


def test_there_are_eighteen_predefined_judges() -> None:
    assert len(PREDEFINED_LLM_JUDGES) == 18


def test_a_metric_without_a_type_is_a_judge_unless_code_is_known_to_compute_it() -> None:
    assert default_type("Was polite") == "llm_judge"
    assert [default_type(n) for n in ("latency", "WPM", " Talk  Ratio")] == ["custom_code"] * 3


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Expected Outcome", "expected-outcome"),
        ("  Tool call_Accuracy ", "tool-call-accuracy"),
        ("a|b/c,d[e]", "a-b-c-d-e"),
        ("Ｆｕｌｌ width", "full-width"),
        ("Straße", "strasse"),
        ("応答の一貫性", "応答の一貫性"),
        ("x" * 130, "x" * 120),
    ],
)
def test_a_slug_is_the_name_s_words(name: str, slug: str) -> None:
    assert slugify(name) == slug


@pytest.mark.parametrize("name", ["", "!?", "🙂", "__", "\0"])
def test_no_slug_is_made_of_a_name_without_letters(name: str) -> None:
    with pytest.raises(BadInput):
        slugify(name)


@given(name=st.text())
def test_a_slug_can_stand_in_a_partition_key_and_an_address(name: str) -> None:
    try:
        slug = slugify(name)
    except BadInput:
        return
    assert 0 < len(slug) <= 120
    assert not re.search(r"[|/,\[\]\s\x00]", slug)
    assert slugify(f" {name}\n") == slug


@given(name=st.text(st.characters(max_codepoint=0x24F)))
def test_a_slug_is_its_own_slug(name: str) -> None:
    try:
        slug = slugify(name)
    except BadInput:
        return
    assert slugify(slug) == slug


@pytest.mark.parametrize(
    ("rule", "passing", "failing"),
    [
        (">= 4", [4, 5.0, "4.5"], [3.9, 0, "3", False]),
        ("score < 0.5", [0.4, -1, False], [0.5, 1, True]),
        ("<=2", [2, "2"], [2.01]),
        ("> 0", [1, True], [0, False]),
        ("= true", [True, "TRUE"], [False, "no", 2]),
        ("== yes", ["Yes", True], ["no", False, 7]),
        ("!= 'fail'", ["pass", 3, True], ["FAIL", False]),
        ("in good, great", ["good", " Great "], ["bad", "goodish", 1]),
        ("in 1, 2", [1, 2.0, "1"], [3, "x"]),
    ],
)
def test_a_score_passes_as_the_rule_says(
    rule: str, passing: list[Score], failing: list[Score]
) -> None:
    parsed = PassRule.parse(rule)
    assert [score for score in passing if not parsed.passes(score)] == []
    assert [score for score in failing if parsed.passes(score)] == []


@pytest.mark.parametrize("text", ["", "4", "good", ">=", ">= high", "between 1 and 2", "~ 3"])
def test_what_is_no_rule_is_refused(text: str) -> None:
    with refused("bad_pass_rule", BadInput):
        PassRule.parse(text)


@pytest.mark.parametrize("score", ["good", None, ""])
def test_a_rule_about_a_number_needs_a_number(score: Score) -> None:
    with refused("score_not_a_number", BadInput):
        PassRule.parse(">= 4").passes(score)


SCORES = st.booleans() | st.integers(-10, 10) | st.floats(-10, 10)


@given(bound=st.integers(-10, 10), score=SCORES)
def test_a_rule_and_its_opposite_never_agree(bound: int, score: Score) -> None:
    for rule, opposite in ((">=", "<"), ("<=", ">")):
        one, other = PassRule.parse(f"{rule} {bound}"), PassRule.parse(f"{opposite}{bound}")
        assert one.passes(score) is not other.passes(score)


@given(word=st.text(), score=SCORES | st.text())
def test_a_score_equals_a_word_or_differs_from_it(word: str, score: Score) -> None:
    assume(word.strip())
    same, other = PassRule.parse(f"= {word}"), PassRule.parse(f"!= {word}")
    assert same.passes(score) is not other.passes(score)


@given(text=st.text() | st.builds("{}{}".format, st.sampled_from(["<", "in", "!="]), st.text()))
def test_a_rule_reads_back_as_it_was_written(text: str) -> None:
    try:
        rule = PassRule.parse(text)
    except BadInput:
        return
    assert PassRule.parse(str(rule)) == rule


@pytest.mark.parametrize("score", [math.nan, "nan"])
def test_a_score_that_is_no_number_passes_no_bound(score: Score) -> None:
    assert not PassRule.parse(">= 0").passes(score)
    assert not PassRule.parse("< 0").passes(score)
