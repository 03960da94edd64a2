"""What the commands of `marks` do."""

import getpass
import sys

from failure_insights.commands.store_transaction import store_transaction
from failure_insights.commands.terminal import say
from failure_insights.domain.calls import Score
from failure_insights.domain.result_marks import MarkVerdict
from failure_insights.export.marks import MarkShape, mark_lines
from failure_insights.store.projects import find_project
from failure_insights.store.result_marks import (
    judge_error_rates,
    mark_result,
    marked_calls,
    take_back_mark,
)


def add(
    project: str,
    metric: str,
    call_id: str,
    verdict: MarkVerdict,
    expected: str | None,
    note: str,
    by: str | None,
) -> None:
    """Mark a result, and tell how to take that back."""
    with store_transaction() as connection:
        row = mark_result(
            connection,
            find_project(connection, project),
            metric,
            call_id,
            verdict,
            by or getpass.getuser(),
            expected=_score(expected),
            note=note,
        )
    left_out = "; later audits leave the call out" if row["leaves_pools"] else ""
    print(f"{row['id']}\t{row['verdict']}\t{row['metric_name']}\t{row['call_id']}")
    say(f"'marks undo' with {row['id']} takes it back{left_out}.")


def undo(project: str, mark_id: int, by: str | None) -> None:
    """Take a mark back."""
    with store_transaction() as connection:
        place = find_project(connection, project)
        row = take_back_mark(connection, place, mark_id, by or getpass.getuser())
    say(f"Nothing is said of {row['metric_name']} on call {row['call_id']} any more.")


def export(project: str, metric: str | None, verdict: MarkVerdict | None, shape: MarkShape) -> None:
    """Print marked results as JSON lines."""
    with store_transaction() as connection:
        place = find_project(connection, project)
        marks = marked_calls(connection, place, metric_name=metric, verdict=verdict)
        for line in mark_lines(marks, shape):
            sys.stdout.write(line.decode())


def rates(project: str, metric: str) -> None:
    """Print a metric's judge error rates by week."""
    with store_transaction() as connection:
        rows = judge_error_rates(connection, find_project(connection, project), metric)
    print("week\tevaluated\tfailing\tsuspected\tjudge wrong\tmetric wrong\tstands\terror rate")
    for row in rows:
        rate = "" if row["error_rate"] is None else f"{row['error_rate']:.1%}"
        counts = (row["evaluated"], row["failing"], row["suspected"], row["judge_wrong"])
        more = (row["metric_wrong"], row["stands"], rate)
        print("\t".join(map(str, (row["week"], *counts, *more))))


def _score(given: str | None) -> Score:
    """Return a score as it was typed: a verdict, a number or a word."""
    if given is None:
        return None
    if given.casefold() in ("true", "false"):
        return given.casefold() == "true"
    for number in (int, float):
        try:
            return number(given)
        except ValueError:
            continue
    return given
