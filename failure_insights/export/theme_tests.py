"""Make tests from a theme: calls up to the turn that decides, with what should have happened.

A test begins as the call did and ends where the agent has to act: before its own wrong turn, or
after the turn of the caller or tool that it should have heeded. Formats are those of promptfoo's
test files, of dataset items of Langfuse and of examples of LangSmith; each is JSON.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, get_args

import orjson
from sqlalchemy import Connection
from typing_extensions import TypedDict

from failure_insights.domain.calls import Turn
from failure_insights.errors import BadInput
from failure_insights.store.documented import documented
from failure_insights.store.insight_rows import FailureModeRow
from failure_insights.store.pools import transcripts_of
from failure_insights.store.projects import ProjectRow
from failure_insights.store.read_insights import insight_rows
from failure_insights.store.theme_lists import ThemeRow, find_theme

TestFormat = Literal["jsonl", "promptfoo", "langfuse", "langsmith"]
TEST_FORMATS: tuple[TestFormat, ...] = get_args(TestFormat)
#: Tests of a theme, unless somebody asks for more: one call shows what the next one shows too.
USUAL_TESTS = 10
MOST_TESTS = 200
MOST_EXPECTED = 2_000


@documented
class ThemeTest(TypedDict):
    """One call as a test of its theme."""

    id: str
    """The same for the same call and theme."""
    theme_id: str
    title: str
    metric_name: str | None
    call_id: str
    deciding_turn: int | None
    """0-based turn of the call that shows the failure; null: no quote says which, and the test
    ends before the agent's last turn."""
    quote: str
    """What stands there, or ""."""
    messages: list[dict[str, Any]]
    """The call up to there, as chat messages in OpenAI's form."""
    expected: str
    """What should have happened."""


def expectation_of(theme: ThemeRow) -> str:
    """Return what should have happened in a theme's calls, for people to edit."""
    criterion = (theme["criterion"] or theme["title"]).strip().rstrip(".")
    lines = [f"The failure does not occur: {criterion}."]
    if theme["suggested_fix"]:
        lines.append(f"What should change: {theme['suggested_fix']}")
    return " ".join(lines)


def make_tests(
    connection: Connection,
    project: ProjectRow,
    theme_id: str,
    *,
    expected: str = "",
    limit: int = USUAL_TESTS,
) -> list[ThemeTest]:
    """Return tests of a theme, those whose deciding turn is known first.

    Args:
        expected: what should have happened; "": what the theme's criterion and fix say.

    Raises:
        UnknownName: the project has no such theme.
        BadInput: no audit shows it any more.
    """
    theme = find_theme(connection, project, theme_id)
    rows = insight_rows(connection, [theme["insight_id"]] if theme["insight_id"] else [])
    ids = {theme["theme_id"], *theme["merged_theme_ids"]}
    modes = [mode for row in rows for mode in row["failure_modes"] if mode["theme_id"] in ids]
    if not modes:
        raise BadInput(f"no audit shows the theme {theme_id} any more, so it has no calls to test")
    calls = _decided_first(modes)[:limit]
    transcripts = transcripts_of(connection, project.id, [call for call, _, _ in calls])
    expected = expected.strip() or expectation_of(theme)
    return [
        _test(theme, call, turn, quote, transcripts[call], expected)
        for call, turn, quote in calls
        if transcripts.get(call)
    ]


def rendered(tests: Sequence[ThemeTest], format: str) -> str:
    """Return tests as text in one of `TEST_FORMATS`: JSON lines, or for promptfoo a JSON list.

    Raises:
        BadInput: no such format.
    """
    if format == "promptfoo":
        return orjson.dumps(
            [_promptfoo(test) for test in tests], option=orjson.OPT_INDENT_2
        ).decode()
    shapes: Mapping[str, Callable[[ThemeTest], Mapping[str, Any]]] = {
        "jsonl": lambda test: test,
        "langfuse": _langfuse,
        "langsmith": _langsmith,
    }
    if format not in shapes:
        raise BadInput(f"format {format!r} is none of {', '.join(TEST_FORMATS)}")
    return "\n".join(orjson.dumps(shapes[format](test)).decode() for test in tests)


def _decided_first(modes: Sequence[FailureModeRow]) -> list[tuple[str, int | None, str]]:
    """Return each call of these themes with its first quoted turn, those that have one first."""
    quotes = {
        item["call_id"]: (item["turn"], item["quote"])
        for mode in modes
        for item in reversed(mode["evidence"])
        if item["turn"] is not None
    }
    calls = [call for mode in modes for call in mode["call_ids"]]
    decided = [(call, *quotes[call]) for call in calls if call in quotes]
    return decided + [(call, None, "") for call in calls if call not in quotes]


def _test(
    theme: ThemeRow,
    call_id: str,
    turn: int | None,
    quote: str,
    turns: Sequence[Turn],
    expected: str,
) -> ThemeTest:
    key = hashlib.sha256(f"{theme['theme_id']}\0{call_id}".encode()).hexdigest()[:16]
    return {
        "id": f"{theme['theme_id']}-{key}",
        "theme_id": theme["theme_id"],
        "title": theme["title"],
        "metric_name": theme["metric_name"],
        "call_id": call_id,
        "deciding_turn": turn,
        "quote": quote,
        "messages": list(_messages(turns[: _end(turns, turn)])),
        "expected": expected,
    }


def _end(turns: Sequence[Turn], deciding: int | None) -> int:
    """Return how many turns the test gives: up to where the agent has to act."""
    own = ("agent", "tool_call")
    if deciding is None or deciding >= len(turns):
        last = (number for number in reversed(range(len(turns))) if turns[number].role == "agent")
        return next(last, len(turns))
    if turns[deciding].role not in own:
        return deciding + 1
    # The turns of one answer of the agent belong together.
    while deciding > 0 and turns[deciding - 1].role in own:
        deciding -= 1
    return deciding


def _messages(turns: Sequence[Turn]) -> Iterator[dict[str, Any]]:
    """Yield turns as chat messages; a tool's result answers the call of that tool before it."""
    open_calls: list[tuple[str, str]] = []
    for number, turn in enumerate(turns):
        match turn.role:
            case "tool_call":
                use, name = f"call_{number}", turn.tool_name or "tool"
                open_calls.append((use, name))
                function = {"name": name, "arguments": turn.content}
                uses = [{"id": use, "type": "function", "function": function}]
                yield {"role": "assistant", "content": None, "tool_calls": uses}
            case "tool_result":
                named = [call for call in open_calls if call[1] == turn.tool_name] or open_calls
                if named:
                    open_calls.remove(named[0])
                    yield {"role": "tool", "tool_call_id": named[0][0], "content": turn.content}
                else:
                    yield {"role": "system", "content": f"A tool answered: {turn.content}"}
            case "agent":
                yield {"role": "assistant", "content": turn.content}
            case _:
                yield {"role": turn.role, "content": turn.content}


def _promptfoo(test: ThemeTest) -> Mapping[str, Any]:
    """Return a test case of promptfoo, for a prompt of `{{ messages | dump }}`."""
    return {
        "description": _no_template(f"{test['title']}, {test['call_id']}"),
        "vars": {"messages": _no_template(test["messages"])},
        "assert": [{"type": "llm-rubric", "value": _no_template(test["expected"])}],
        "metadata": _no_template(_metadata(test)),
    }


def _langfuse(test: ThemeTest) -> Mapping[str, Any]:
    """Return the body of Langfuse's POST /api/public/dataset-items."""
    return {
        "datasetName": f"failure-insights/{test['theme_id']}",
        "id": test["id"],
        "input": {"messages": test["messages"]},
        "expectedOutput": {"expected": test["expected"]},
        "metadata": _metadata(test),
    }


def _langsmith(test: ThemeTest) -> Mapping[str, Any]:
    """Return an example for LangSmith's `create_examples`, or a line of a dataset's upload."""
    return {
        "inputs": {"messages": test["messages"]},
        "outputs": {"expected": test["expected"]},
        "metadata": _metadata(test),
    }


def _metadata(test: ThemeTest) -> dict[str, Any]:
    kept = ("id", "theme_id", "title", "metric_name", "call_id", "deciding_turn", "quote")
    return {name: value for name, value in test.items() if name in kept}


def _no_template(value: Any) -> Any:
    """Return a value whose texts promptfoo does not take for templates: `{{` becomes `{ {`."""
    if isinstance(value, str):
        return re.sub(r"\{(?=[{%#])", "{ ", value)
    if isinstance(value, Mapping):
        return {name: _no_template(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_no_template(item) for item in value]
    return value
