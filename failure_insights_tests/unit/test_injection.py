"""Each pattern of text that speaks to its reader matches what it is for, and no plain words."""

import re

import pytest

from failure_insights.text.injection import (
    InjectionPattern,
    injection_patterns,
    reads_like_instructions,
)


@pytest.mark.parametrize("pattern", injection_patterns(), ids=lambda pattern: pattern.name)
def test_a_pattern_matches_its_own_example_and_not_the_plain_one(pattern: InjectionPattern) -> None:
    own = re.compile(pattern.regex, re.IGNORECASE | re.MULTILINE)
    assert own.search(pattern.matches)
    assert reads_like_instructions(pattern.matches)
    assert not reads_like_instructions(pattern.not_matches)


def test_no_two_patterns_share_a_name() -> None:
    names = [pattern.name for pattern in injection_patterns()]
    assert len(names) == len(set(names))
