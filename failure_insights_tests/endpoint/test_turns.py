"""An agent's turns: what it says, the tools it uses, and what of it is shown to it again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from failure_insights.llm import AgentTurn, ToolsUnsupported, ToolUse, UnusableAnswer
from failure_insights_tests.endpoint.asking import Memory, always, knowing, take_turns
from failure_insights_tests.endpoint.server import Reply, Sent, fails, raw, says, uses_tools

ASKED: list[Mapping[str, Any]] = [
    {"role": "system", "content": "Find the causes."},
    {"role": "user", "content": "c001, c002"},
]
ARGUMENTS = '{"handles": ["c001"]}'
USE = ("read_calls", ARGUMENTS)


def calling(*calls: Mapping[str, Any], **fields: Any) -> Reply:
    """Return a turn whose tool calls are given as the endpoint writes them."""
    return says(None, finish="tool_calls", tool_calls=list(calls), **fields)


@dataclass(frozen=True)
class Turn:
    """A reply, and what is understood of it."""

    name: str
    reply: Reply
    uses: Sequence[ToolUse] = (ToolUse("use_0", "read_calls", ARGUMENTS),)
    text: str = ""


FUNCTION = {"name": "read_calls", "arguments": ARGUMENTS}
TURNS = [
    Turn("one use", uses_tools([USE])),
    Turn("text beside it", uses_tools([USE], "I read."), text="I read."),
    Turn("thoughts beside it", uses_tools([USE], "<think>Which?</think>")),
    Turn("finish that says stop", uses_tools([USE], finish="stop")),
    Turn("text instead of a use", says("I am done."), (), "I am done."),
    Turn("an ID that is missing", calling({"function": FUNCTION})),
    Turn("an ID that is empty", calling({"id": "", "type": "function", "function": FUNCTION})),
    Turn(
        "one ID twice",
        calling({"id": "a", "function": FUNCTION}, {"id": "a", "function": FUNCTION}),
        (ToolUse("a", "read_calls", ARGUMENTS), ToolUse("use_1", "read_calls", ARGUMENTS)),
    ),
    Turn(
        "arguments as an object",
        calling({"id": "use_0", "function": FUNCTION | {"arguments": json.loads(ARGUMENTS)}}),
    ),
    Turn("no arguments", calling({"function": {"name": "f"}}), (ToolUse("use_0", "f", ""),)),
    Turn(
        "malformed arguments",
        uses_tools([("f", '{"handles": [')]),
        (ToolUse("use_0", "f", '{"handles": ['),),
    ),
    Turn(
        "50 uses at once",
        uses_tools([USE] * 50),
        [ToolUse(f"use_{number}", *USE) for number in range(50)],
    ),
    Turn("an unknown tool", uses_tools([("x", "{}")]), (ToolUse("use_0", "x", "{}"),)),
    Turn("a call that is none", calling({"function": "read_calls"}), (ToolUse("use_0", "", ""),)),
]


@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: turn.name)
def test_a_turn_is_understood_and_can_be_shown_again(turn: Turn) -> None:
    taken = take_turns(always(turn.reply), [ASKED]).result
    assert isinstance(taken, AgentTurn)
    assert taken.uses == tuple(turn.uses)
    assert taken.text == turn.text

    # Shown again: with one ID per use, and arguments that any endpoint can parse.
    shown = taken.message.get("tool_calls", [])
    assert [call["id"] for call in shown] == [use.id for use in turn.uses]
    assert all(isinstance(json.loads(call["function"]["arguments"]), dict) for call in shown)
    assert taken.message["content"] == (turn.text or (None if shown else ""))


def test_what_an_endpoint_puts_beside_a_use_is_shown_to_it_again() -> None:
    signed = {"id": "a", "function": FUNCTION, "extra_content": {"thought_signature": "x"}}
    turn = take_turns(always(calling(signed, reasoning_content="Hm.", audio=None)), [ASKED]).result
    assert turn.message == {
        "role": "assistant",
        "content": None,
        "reasoning_content": "Hm.",
        "tool_calls": [{**signed, "type": "function"}],
    }


def test_thoughts_are_no_text() -> None:
    turn = take_turns(always(says("Done.", reasoning_content="Hm.")), [ASKED]).result
    assert (turn.text, turn.message) == ("Done.", {"role": "assistant", "content": "Done."})


def test_tools_are_offered_strictly_and_one_can_be_demanded() -> None:
    outcome = take_turns(always(uses_tools([USE])), [ASKED], must_use="read_calls")
    (sent,) = outcome.sent
    (tool,) = sent.body["tools"]
    assert tool["function"]["strict"] is True
    assert tool["function"]["parameters"]["required"] == ["handles"]
    assert sent.body["parallel_tool_calls"] is True
    assert sent.schema_name == "read_calls"


def unless(name: str, reply: Reply) -> Any:
    return lambda sent: reply if name in sent.body else uses_tools([USE])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("parallel_tool_calls", "Unsupported parameter: parallel_tool_calls"),
        ("tool_choice", "tool_choice 'required' is not supported in thinking mode"),
        ("reasoning_effort", "Function tools with reasoning_effort are not supported for m."),
        ("seed", ""),
    ],
)
def test_a_turn_does_without_what_is_rejected(name: str, message: str) -> None:
    script = unless(name, fails(400, message))
    outcome = take_turns(script, [ASKED] * 2, must_use="read_calls")
    assert all(isinstance(turn, AgentTurn) for turn in outcome.results)
    assert len(outcome.sent) == 3


NO_TOOLS = [
    fails(400, "registry.ollama.ai/library/m does not support tools"),
    fails(404, "No endpoints found that support tool use. Try disabling 'read_calls'."),
    fails(400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser'),
]


@pytest.mark.parametrize("reply", NO_TOOLS, ids=["Ollama", "OpenRouter", "vLLM"])
def test_a_model_without_tools_is_remembered_as_one(reply: Reply) -> None:
    memory = Memory()
    outcome = take_turns(unless("tools", reply), [ASKED] * 2, memory=memory)
    assert [type(result) for result in outcome.results] == [ToolsUnsupported] * 2
    assert len(outcome.sent) == 1
    outcome = take_turns(unless("tools", reply), [ASKED], memory=memory)
    assert outcome.sent == []


def test_an_unexplained_no_to_tools_is_not_remembered() -> None:
    left = [fails(400)]
    outcome = take_turns(
        lambda _: left.pop() if left else uses_tools([USE]), [ASKED] * 2, memory=knowing()
    )
    first, second = outcome.results
    assert type(first) is ToolsUnsupported
    assert isinstance(second, AgentTurn)


def test_a_turn_that_was_thought_up_gets_twice_the_room() -> None:
    def script(sent: Sent) -> Reply:
        is_more = sent.body["max_completion_tokens"] == 16_000
        return uses_tools([USE]) if is_more else says(None, finish="length")

    outcome = take_turns(script, [ASKED])
    assert isinstance(outcome.result, AgentTurn)
    assert [sent.body["reasoning_effort"] for sent in outcome.sent] == ["medium", "low"]


@pytest.mark.parametrize(
    "reply",
    [
        says(None),
        says("<think>Hm."),
        says(None, refusal="No."),
        raw(200, b'{"choices": [{"message": {"tool_calls": "none"}}]}'),
    ],
    ids=["nothing", "thoughts only", "refusal", "calls that are no list"],
)
def test_a_turn_of_nothing_is_unusable(reply: Reply) -> None:
    assert type(take_turns(always(reply), [ASKED]).result) is UnusableAnswer
