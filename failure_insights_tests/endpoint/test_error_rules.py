"""Every row of the tables of error answers decides, on its own sample, what that means."""

import pytest

from failure_insights.llm.error_meaning import meaning_of, read_error
from failure_insights.llm.error_rules import (
    ERROR_RULES,
    FALLBACK_RULES,
    PARAMETER_RULES,
    ErrorRule,
    ParameterRule,
)

SENT = [rule.name for rule in PARAMETER_RULES]


def rule_id(rule: ErrorRule | ParameterRule) -> str:
    what = rule.meaning if isinstance(rule, ErrorRule) else rule.name
    return f"{what}, {rule.source}"


@pytest.mark.parametrize("rule", [*ERROR_RULES, *FALLBACK_RULES], ids=rule_id)
def test_a_sample_is_read_by_its_own_row(rule: ErrorRule) -> None:
    error = read_error(rule.sample.status, rule.sample.body)
    rows = [row for row in (*ERROR_RULES, *FALLBACK_RULES) if row.matches(error)]
    assert rows[0] is rule, "A row above it takes its sample: it would never decide."
    meaning, names = meaning_of(error, SENT)
    assert meaning == rule.meaning
    assert bool(names) == (rule.meaning == "parameter")


@pytest.mark.parametrize("rule", PARAMETER_RULES, ids=rule_id)
def test_a_parameter_that_an_error_names_is_found(rule: ParameterRule) -> None:
    error = read_error(rule.sample.status, rule.sample.body)
    meaning, names = meaning_of(error, SENT)
    assert meaning == "parameter"
    assert rule.name in names
    # What was not sent is not to blame.
    assert rule.name not in meaning_of(error, [name for name in SENT if name != rule.name])[1]


@pytest.mark.parametrize("status", [400, 404, 422, 500, 503])
def test_what_no_row_knows_blames_no_parameter(status: int) -> None:
    meaning, names = meaning_of(read_error(status, "Sorry."), SENT)
    assert meaning == ("no_model" if status == 404 else None)
    assert names == ()
