"""Marked results as JSON lines: for those who relabel, and as examples for a judge's prompt."""

from collections.abc import Iterable, Iterator
from typing import Literal

import orjson

from failure_insights.store.result_marks import MarkedCallRow

#: `relabel`: all that is known of each marked result; `few_shot`: transcript, verdict and reason.
MarkShape = Literal["relabel", "few_shot"]


def mark_lines(marks: Iterable[MarkedCallRow], shape: MarkShape) -> Iterator[bytes]:
    """Yield a line of JSON a mark, each with its line break.

    An example shows the right verdict. Where the metric itself is wrong there is none, so that
    such marks are no examples.
    """
    for mark in marks:
        if shape == "relabel":
            yield _line(mark)
        elif mark["verdict"] != "metric_wrong":
            yield _line(_example(mark))


def _example(mark: MarkedCallRow) -> dict[str, object]:
    stands = mark["verdict"] == "stands"
    return {
        "metric": mark["metric_name"],
        "transcript": "\n".join(
            f"{turn['role']}: {turn['content']}" for turn in mark["transcript"]
        ),
        "passed": mark["passed"] if stands else mark["expected_passed"],
        "expected": mark["score"] if stands else mark["expected"],
        "reason": mark["note"] or (mark["explanation"] if stands else ""),
    }


def _line(content: object) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)
