"""What providers judge of a call, as metric results in the native format.

A verdict says pass or fail. A number or a word of a scale ("Good") is not judged here: it comes
as a score, and the metric's pass rule decides, once somebody gives one.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from failure_insights.sources import times
from failure_insights.sources.fields import first_in, get, snaked
from failure_insights.sources.reading import LeftOut, Losses, shown
from failure_insights.sources.texts import words

#: A metric result in the native format, as JSON.
NativeResult = dict[str, Any]

_PASSES = ("true", "pass", "passed", "success", "successful", "yes", "met", "succeeded")
_FAILS = ("false", "fail", "failed", "failure", "unsuccessful", "no", "not met", "unmet")
_VERDICTS = dict.fromkeys(_PASSES, True) | dict.fromkeys(_FAILS, False)
#: What judges write where they cannot tell.
_UNDECIDED = frozenset({"", "unknown", "n/a", "na", "none", "null", "not applicable", "maybe"})

#: Where an object has its verdict, its score and its reason.
_VERDICT_FIELDS = (
    *("passed", "pass", "success", "successful", "met", "verdict", "result", "status"),
    *("overall", "evaluation", "success_evaluation", "call_successful"),
)
_SCORE_FIELDS = ("score", "rating", "value", "level", "result", "status", "overall", "grade")
_REASON_FIELDS = (
    *("explanation", "rationale", "reasoning", "reason", "justification", "feedback", "comment"),
    *("evidence", "summary"),
)
#: What makes an object one result, and not several.
_OF_ONE_RESULT = ("passed", "score", "verdict", "rationale", "reasoning")

_TAKEN = frozenset((*_VERDICT_FIELDS, *_SCORE_FIELDS, *_REASON_FIELDS))

#: A word of a scale has no more words and characters than this; longer ones are texts.
_SCALE_WORDS = 4
_SCALE_CHARACTERS = 40
#: Objects in objects of extracted data are read this deep.
_MAX_DEPTH = 3
_NUMBER = re.compile(r"([+-]?\d{1,12}(?:\.\d{1,12})?)\s*(?:%|/\s*\d{1,12})?")
#: A verdict with its reason behind it: "Fail - never booked", "False. The caller hung up."
_WITH_REASON = re.compile(
    rf"\W*({'|'.join(sorted(_VERDICTS, key=len, reverse=True))})\W*?\s*"
    r"[-\u2013\u2014:.,;(\n]\s*(.+)",
    re.IGNORECASE | re.DOTALL,
)


def passed_of(value: Any) -> bool | None:
    """Return whether a verdict in words ("Pass", "failure") or as a boolean passes, or None."""
    if isinstance(value, bool):
        return value
    return _VERDICTS.get(value.strip().strip(".*").lower()) if isinstance(value, str) else None


def passed_with_reason(value: Any) -> tuple[bool | None, str]:
    """Return a verdict as `passed_of` does, and the reason that stands behind it, or ''."""
    if (passed := passed_of(value)) is not None or not isinstance(value, str):
        return passed, ""
    match = _WITH_REASON.match(value)
    if not match:
        return None, ""
    # "Success: false" is a name and its verdict.
    if passed_of(match[2]) is not None or _NUMBER.fullmatch(match[2].strip()):
        return passed_of(match[2]), ""
    return passed_of(match[1]), match[2].strip().removesuffix(")")


def score_of(value: Any) -> float | int | str | bool | None:
    """Return a score: a number, which may come as "7", "85%" or "7/10", or a word of a scale."""
    if isinstance(value, bool | int | float):
        return value
    if not isinstance(value, str):
        return None
    text = value.strip().strip("*")
    if match := _NUMBER.fullmatch(text):
        number = times.number(match[1])
        return int(number) if number is not None and number.is_integer() else number
    is_short = len(text.split()) <= _SCALE_WORDS and len(text) <= _SCALE_CHARACTERS
    return text if is_short and "\n" not in text and text.lower() not in _UNDECIDED else None


def says_for_certain(value: Any) -> bool:
    """Return whether a value is a verdict or a number, which a word of a scale may only be."""
    return passed_with_reason(value)[0] is not None or isinstance(score_of(value), int | float)


def is_judging(value: Any) -> bool:
    """Return whether a value is a verdict or a score."""
    return says_for_certain(value) or score_of(value) is not None


def is_one_result(item: Mapping[str, Any]) -> bool:
    """Return whether an object is one verdict or score with its reason, and not several."""
    return snaked(item).keys() <= _TAKEN and any(
        is_judging(get(item, key)) for key in (*_VERDICT_FIELDS, *_SCORE_FIELDS)
    )


def judged(
    metric: Any, value: Any, explanation: Any, losses: Losses, *, score: Any = None
) -> Iterator[NativeResult]:
    """Yield the result of a metric whose value is a verdict or a score, or count that it has none.

    Args:
        metric: its name.
        value: what the provider says.
        explanation: the provider's reason or summary.
        losses: counts a value that judges nothing.
        score: a score beside the verdict.
    """
    passed, reason = passed_with_reason(value)
    if score is None and passed is None:
        score = value
    points = score_of(score)
    if passed is None and points is None:
        losses.add(LeftOut.RESULTS_WITHOUT_VERDICT, f"{shown(metric)} is {shown(value)}")
        return
    told = reason or words(explanation)
    yield {"name": metric, "passed": passed, "score": points, "explanation": told}


def judged_object(
    metric: Any, item: Mapping[str, Any], explanation: Any, losses: Losses
) -> Iterator[NativeResult]:
    """Yield the result of an object that has a verdict or a score in it, and perhaps a reason."""
    verdicts = (get(item, key) for key in _VERDICT_FIELDS)
    verdict = next((value for value in verdicts if passed_of(value) is not None), None)
    scores = (get(item, key) for key in _SCORE_FIELDS)
    score = next((value for value in scores if value is not verdict and is_judging(value)), None)
    reason = first_in([item], *_REASON_FIELDS) or explanation
    value = verdict if verdict is not None else score if score is not None else get(item, "result")
    yield from judged(metric, value, reason, losses, score=score)


@dataclass(slots=True)
class Extracted:
    """Data that an LLM has drawn from a call: what judges in it, and the rest.

    A boolean is a verdict; a number or a word of an enum is a score. Other texts describe and do
    not judge: they are no results, and go to the call's metadata.
    """

    explanation: Any
    losses: Losses
    results: list[NativeResult] = field(default_factory=list)
    rest: dict[str, Any] = field(default_factory=dict)

    def add(self, metric: str, value: Any, explanation: Any = None, depth: int = 0) -> None:
        """Add the data of one name; those in an object are named after it too."""
        reason = explanation or self.explanation
        if isinstance(value, dict) and value:
            if is_one_result(value) or any(get(value, key) is not None for key in _OF_ONE_RESULT):
                self.results += judged_object(metric, value, reason, self.losses)
                value = {key: inner for key, inner in value.items() if key not in _TAKEN}
            elif own := first_in([value], *_REASON_FIELDS):
                explanation = own
                value = {key: inner for key, inner in value.items() if inner is not own}
            if depth < _MAX_DEPTH:
                for key, inner in value.items():
                    self.add(f"{metric}: {key}", inner, explanation, depth + 1)
            else:
                self.rest[metric] = value
        elif passed_of(value) is not None or _is_score(value):
            self.results += judged(metric, value, reason, self.losses)
        elif value is not None:
            self.rest[metric] = value


def _is_score(value: Any) -> bool:
    """Return whether extracted data is a score: a number, or what looks like an enum's word.

    Phone numbers, addresses and people's names are drawn from calls too.
    """
    if not isinstance(value, str):
        return isinstance(value, int | float)
    parts = value.split()
    is_name = len(parts) > 1 and all(part[0].isupper() for part in parts)
    has_sign = any(not (sign.isalpha() or sign in " _-") for sign in value)
    return not is_name and not has_sign and isinstance(score_of(value), str)
