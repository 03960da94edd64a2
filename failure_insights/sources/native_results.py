"""The metric results of a native object: one that cannot be used costs neither call nor others."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from failure_insights.domain.calls import MetricResult, Score
from failure_insights.domain.metrics import METRIC_TYPES, PassRule
from failure_insights.domain.names import name_key
from failure_insights.errors import BadInput
from failure_insights.sources.native_fields import MAX_NAME, MAX_PHRASE, name_with_slug, phrase
from failure_insights.sources.reading import LeftOut, Losses, shown
from failure_insights.sources.texts import storable, words

MAX_RESULTS = 1_000
MAX_EXPLANATION = 100_000

_TRUTH = dict.fromkeys(("true", "yes", "1", "1.0"), True) | dict.fromkeys(
    ("false", "no", "0", "0.0"), False
)

rule_of = lru_cache(maxsize=1_000)(PassRule.parse)


def results_of(payload: Mapping[str, Any], losses: Losses) -> tuple[MetricResult, ...]:
    """Return the results that can be used; the others are counted."""
    items = payload.get("metrics")
    if items is None:
        return ()
    if not isinstance(items, list):
        losses.add(LeftOut.UNUSABLE_RESULTS, f"metrics is {shown(items)}, not a list")
        return ()
    results: dict[str, MetricResult] = {}
    for place, item in enumerate(items):
        try:
            if len(results) == MAX_RESULTS:
                raise BadInput(f"only the first {MAX_RESULTS} results of a call are taken")
            result = _result(item, f"metrics[{place}].", losses)
            if result is None:
                continue
            key = name_key(result.name)
            if key in results:
                raise BadInput(f"{shown(result.name)} is named twice; the first is taken")
            results[key] = result
        except BadInput as error:
            losses.add(LeftOut.UNUSABLE_RESULTS, f"metrics[{place}]: {error}")
    return tuple(results.values())


def _result(item: Any, where: str, losses: Losses) -> MetricResult | None:
    """Return one result, or None, counted, where it judges nothing."""
    if not isinstance(item, dict):
        raise BadInput(f"is {shown(item)}, not an object")
    name = name_with_slug(item, "name", losses)
    passed, score = _passed(item, where, losses), _score(item, where, losses)
    if passed is None and score is None:
        example = f"{where}{shown(name)} has neither passed nor a score"
        losses.add(LeftOut.RESULTS_WITHOUT_VERDICT, example)
        return None
    type_ = item.get("type")
    if type_ is not None and type_ not in METRIC_TYPES:
        expected = f"use one of {', '.join(METRIC_TYPES)}"
        losses.add(LeftOut.FIELDS, f"{where}type is {shown(type_)}; {expected}")
        type_ = None
    explanation = storable(words(item.get("explanation")), losses)
    if len(explanation) > MAX_EXPLANATION:
        losses.add(LeftOut.TEXTS_CUT, f"{where}explanation")
        explanation = explanation[:MAX_EXPLANATION]
    return MetricResult(
        name=name,
        passed=passed,
        score=score,
        explanation=explanation,
        type=type_,
        pass_rule=_pass_rule(item, where, losses),
    )


def _passed(item: Mapping[str, Any], where: str, losses: Losses) -> bool | None:
    value = item.get("passed")
    if value is None or isinstance(value, bool):
        return value
    # Warehouses export booleans as words or as 0 and 1.
    word = str(value).strip().lower() if isinstance(value, str | int | float) else ""
    if word in _TRUTH:
        return _TRUTH[word]
    losses.add(LeftOut.FIELDS, f"{where}passed is {shown(value)}, neither true nor false")
    return None


def _score(item: Mapping[str, Any], where: str, losses: Losses) -> Score:
    score = item.get("score")
    if isinstance(score, str):
        return phrase(item, "score", MAX_PHRASE, where, losses)
    if score is None or isinstance(score, bool | int | float):
        return score
    what = f"{where}score is {shown(score)}, neither a number, a word nor true or false"
    losses.add(LeftOut.FIELDS, what)
    return None


def _pass_rule(item: Mapping[str, Any], where: str, losses: Losses) -> str | None:
    rule = phrase(item, "pass_rule", MAX_NAME, where, losses)
    try:
        return None if rule is None else str(rule_of(rule))
    except BadInput as error:
        losses.add(LeftOut.FIELDS, f"{where}pass_rule: {error}")
        return None
