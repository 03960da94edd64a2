"""Scores and annotations of traces as metric results: one for each name, and what it says."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from failure_insights.sources.reading import LeftOut, Losses, shown
from failure_insights.sources.texts import words
from failure_insights.sources.verdicts import NativeResult, passed_of, score_of

Level = Literal["session", "trace", "span"]

#: Levels of scores: one of the whole conversation says more than one of a step.
_LEVELS: Mapping[Level, int] = {"session": 0, "trace": 1, "span": 2}
#: A yes to these names is no praise, and a yes to others is; the pass rule has to say.
_OF_FAULTS = re.compile(
    r"hallucinat|toxic|bias|harm|unsafe|jailbreak|inject|pii|leak|error|fail|violat|frustrat"
    r"|interrupt|repet|refus|escalat|offens|profan|abus|risk|confus|angry|anger|wrong|incorrect"
    r"|missing|incomplete|drop|problem|issue|complain|fraud|spam|silence|latency",
    re.IGNORECASE,
)
_YES_OR_NO = ("yes", "no", "true", "false")


@dataclass(frozen=True, slots=True)
class Judgement:
    """One score or annotation: a label, a number or a boolean, and why. `at` sorts by age."""

    metric: str
    value: Any
    explanation: Any = ""
    level: Level = "trace"
    by: Literal["llm", "human", "code"] = "llm"
    at: str = ""


def results(judgements: Iterable[Judgement], losses: Losses) -> Iterator[NativeResult]:
    """Yield one metric result for each name: of several, the one that says most.

    That is the one of the widest level; among these a person's, then a failing one, then the
    newest. The others are counted.
    """
    by_metric: dict[str, list[Judgement]] = {}
    for judgement in judgements:
        by_metric.setdefault(judgement.metric, []).append(judgement)
    for metric, held in by_metric.items():
        held.sort(key=lambda each: each.at, reverse=True)
        held.sort(key=_precedence)
        for other in held[1:]:
            example = f"{shown(metric)} is {shown(other.value)} on another step"
            losses.add(LeftOut.UNUSABLE_RESULTS, example)
        yield from _result(held[0], losses)


def _precedence(judgement: Judgement) -> tuple[int, bool, bool]:
    return (
        _LEVELS[judgement.level],
        judgement.by != "human",
        verdict_of(judgement.metric, judgement.value) is not False,
    )


def _result(judgement: Judgement, losses: Losses) -> Iterator[NativeResult]:
    passed = verdict_of(judgement.metric, judgement.value)
    score = score_of(judgement.value) if passed is None else None
    if passed is None and score is None:
        example = f"{shown(judgement.metric)} is {shown(judgement.value)}"
        losses.add(LeftOut.RESULTS_WITHOUT_VERDICT, example)
        return
    result: NativeResult = {
        "name": judgement.metric,
        "passed": passed,
        "score": score,
        "explanation": words(judgement.explanation),
    }
    if judgement.by == "code":
        result["type"] = "custom_code"
    yield result


def verdict_of(metric: str, value: Any) -> bool | None:
    """Return whether a value passes, or None where only the metric's pass rule can say.

    "Pass" and "failure" say it. A boolean, a yes or a no says it too, unless the metric's name
    asks for a fault: a true "hallucination" is no pass.
    """
    says_yes_or_no = isinstance(value, bool) or str(value).strip().lower() in _YES_OR_NO
    if says_yes_or_no and _OF_FAULTS.search(metric):
        return None
    return passed_of(value)
