"""Vapi's success evaluation: what its LLM writes under each rubric, as metric results.

Shapes: docs.vapi.ai, "Call analysis". PassFail is true or false, NumericScale 1 to 10,
PercentageScale 0% to 100%, DescriptiveScale and LikertScale a word. Checklist, Matrix and
AutomaticRubric name several criteria, as JSON, as lines or as a table, as the LLM likes.
"""

import re
from collections.abc import Iterator
from typing import Any

from failure_insights.sources.fields import first_in, name
from failure_insights.sources.reading import LeftOut, Losses
from failure_insights.sources.texts import parsed
from failure_insights.sources.verdicts import (
    NativeResult,
    is_judging,
    is_one_result,
    judged,
    judged_object,
    passed_of,
    says_for_certain,
)

#: The metric of a whole evaluation; a criterion's name stands behind it.
METRIC = "Success evaluation"

_CRITERION_FIELDS = ("criterion", "criteria", "name", "item", "metric", "title", "question")
#: An evaluation that says what it is: "Overall score: 7", "Verdict: fail".
_LABELLED = re.compile(
    r"\W*(?:(?:overall|call) )?(?:success\w*|result|verdict|evaluation|overall|rating|score|grade)"
    r"\W*[:=]\W*(\w.*)",
    re.IGNORECASE,
)
_FENCE = re.compile(r"\s*```(?:json)?\s*(.*?)\s*```\s*", re.DOTALL)
_TICK, _CROSS = "✓✔✅☑", "✗✘❌☒"
_LINE = re.compile(
    r"\s*(?:[-*•]|\d{1,3}[.)])?\s*"
    rf"(?:\[(?P<box>[xX {_TICK}{_CROSS}])\]|(?P<sign>[{_TICK}{_CROSS}]))?\ufe0f?"
    r"\s*(?P<text>\S.*)"
)


def results_of(evaluation: Any, explanation: Any, losses: Losses) -> list[NativeResult]:
    """Return the results of a success evaluation; one that judges nothing is counted."""
    if isinstance(evaluation, str):
        evaluation = evaluation.strip()
        if fenced := _FENCE.fullmatch(evaluation):
            evaluation = fenced[1]
        if evaluation[:1] in ("{", "["):
            evaluation = parsed(evaluation) or evaluation
    if evaluation in (None, ""):
        return []
    if isinstance(evaluation, str) and (label := _LABELLED.fullmatch(evaluation)):
        evaluation = label[1]
    if is_judging(evaluation):
        return list(judged(METRIC, evaluation, explanation, losses))
    if isinstance(evaluation, dict) and is_one_result(evaluation):
        return list(judged_object(METRIC, evaluation, explanation, losses))
    results = list(_criteria(evaluation, explanation, losses))
    if not results:
        losses.add(LeftOut.RESULTS_WITHOUT_VERDICT, f"{METRIC} says neither pass, fail nor a score")
    return results


def _criteria(evaluation: Any, explanation: Any, losses: Losses) -> Iterator[NativeResult]:
    match evaluation:
        case str():
            lines = evaluation.splitlines()
            is_table = sum(line.strip().startswith("|") for line in lines) > 1
            found = _of_table(lines) if is_table else filter(None, map(_of_line, lines))
            for criterion, value in found:
                yield from judged(f"{METRIC}: {criterion}", value, explanation, losses)
        case dict():
            inner = first_in(
                [evaluation], "criteria", "results", "checklist", "evaluation", "scores"
            )
            if isinstance(inner, dict | list):
                yield from _criteria(inner, explanation, losses)
                evaluation = {k: v for k, v in evaluation.items() if v is not inner}
            for key, value in evaluation.items():
                yield from _criterion(key, value, explanation, losses)
        case list():
            for item in evaluation:
                if key := name(first_in([item], *_CRITERION_FIELDS)):
                    yield from _criterion(key, item, explanation, losses)


def _criterion(
    criterion: str, value: Any, explanation: Any, losses: Losses
) -> Iterator[NativeResult]:
    metric = f"{METRIC}: {criterion}"
    if isinstance(value, dict):
        yield from judged_object(metric, value, explanation, losses)
    elif is_judging(value):
        yield from judged(metric, value, explanation, losses)


def _of_line(line: str) -> tuple[str, Any] | None:
    """Return a criterion and its value: "- [x] Greeted", "Greeted: yes", "1. Tone - 7/10"."""
    match = _LINE.fullmatch(line[:500])
    if not match:
        return None
    text = match["text"].strip().replace("**", "")
    if sign := match["box"] or match["sign"]:
        return text.rstrip(" :"), sign in f"xX{_TICK}"
    if text[-1] in _TICK + _CROSS:
        return text[:-1].rstrip(" :-"), text[-1] in _TICK
    pairs = [
        (text[: split.start()].strip(), text[split.end() :].strip())
        for split in re.finditer(r":| - ", text)
        if text[: split.start()].strip()
    ]
    for criterion, value in pairs:
        if value[:1] and value[0] in _TICK + _CROSS:
            return criterion, value[0] in _TICK
        if says_for_certain(value):
            return criterion, value
    return next(((key, value) for key, value in reversed(pairs) if is_judging(value)), None)


def _of_table(lines: list[str]) -> Iterator[tuple[str, Any]]:
    """Yield each row's criterion and its value, or the column that is ticked."""
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in lines
        if line.strip().startswith("|") and not set(line.strip()) <= set("|:- ")
    ]
    header, *body = rows or [[]]
    for criterion, *cells in body:
        ticked = [place for place, cell in enumerate(cells, 1) if cell and cell[0] in f"xX{_TICK}"]
        is_grid = len(cells) > 1 and len(ticked) == 1 and len(cells[ticked[0] - 1]) <= 2
        if is_grid and ticked[0] < len(header):
            yield criterion, header[ticked[0]]
        elif value := next((c for c in cells if passed_of(c) is not None or is_judging(c)), None):
            yield criterion, value
