"""Providers' calls, in the shapes of their SDKs' types, are read whole; what is not is counted."""

import copy
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pytest

from failure_insights.domain.calls import Turn
from failure_insights.errors import BadInput
from failure_insights.sources import FORMATS, LeftOut, NotACall, ReadCall, advice, detect, reader
from failure_insights.sources.entries import read_turns
from failure_insights.sources.reading import Losses
from failure_insights_tests.refusals import refused
from failure_insights_tests.sources.fixtures import FIXTURES, SAID, TRANSCRIPTS, Fixture


def outcome(format: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a reader makes of a payload, in the words of the fixtures."""
    try:
        read = reader(format)(payload, "Harbour")
    except NotACall as event:
        return {"not_a_call": event.reason}
    except BadInput as error:
        return {"refused": str(error)}
    call = asdict(read.call)
    turns = call.pop("transcript")
    results = call.pop("metrics")
    assert call.pop("project") == "Harbour"
    return {
        "call": {**call, "started_at": read.call.started_at.isoformat()},
        "transcript": [{k: v for k, v in turn.items() if v is not None} for turn in turns],
        "metrics": [
            {key: result[key] for key in ("name", "passed", "score", "explanation")}
            for result in results
        ],
        "left_out": {kind.name: count for kind, count in read.left_out.items()},
    }


@pytest.mark.parametrize("fixture", FIXTURES, ids=str)
def test_each_payload_is_read_as_its_file_says(fixture: Fixture) -> None:
    payload = copy.deepcopy(fixture.payload)
    assert outcome(fixture.format, payload) == fixture.expected
    assert payload == fixture.payload


@pytest.mark.parametrize("fixture", FIXTURES, ids=str)
def test_a_format_is_named_right_or_not_at_all(fixture: Fixture) -> None:
    assert detect(fixture.payload) == fixture.detected
    if fixture.detected == "native":
        # Our fields around another's turns: read alike, whichever is named.
        assert outcome("native", fixture.payload)["transcript"] == fixture.expected["transcript"]
    else:
        assert fixture.detected in (fixture.format, None)


def test_every_loss_has_an_example_that_says_where() -> None:
    for fixture in FIXTURES:
        if "left_out" in fixture.expected:
            read = reader(fixture.format)(fixture.payload, "Harbour")
            assert read.examples.keys() == read.left_out.keys(), str(fixture)


@pytest.mark.parametrize("provider", TRANSCRIPTS)
def test_one_conversation_reads_the_same_from_every_provider(provider: str) -> None:
    for transcript in (TRANSCRIPTS[provider], json.dumps(TRANSCRIPTS[provider])):
        losses = Losses()
        turns = read_turns(transcript, losses).turns(None)
        assert [(t["role"], t["content"], t.get("tool_name")) for t in turns] == SAID
        starts = [t["start_s"] - turns[0]["start_s"] for t in turns]
        assert starts == [0.0, 2.5, 3.5, 4.75]
        assert not losses.counts


#: An object of each format into which any transcript may be put, and where.
CARRIERS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "vapi": (
        {"id": "c", "assistantId": "a", "startedAt": "2026-11-23T09:00:00Z", "artifact": {}},
        ("artifact", "messages"),
    ),
    "retell": (
        {"call_id": "c", "agent_id": "a", "start_timestamp": 1795424400000},
        ("transcript_with_tool_calls",),
    ),
    "elevenlabs": (
        {
            "conversation_id": "c",
            "agent_id": "a",
            "metadata": {"start_time_unix_secs": 1795424400},
        },
        ("transcript",),
    ),
    "livekit": ({"call_id": "c", "started_at": 1795424400.0}, ("transcript",)),
    "pipecat": ({"call_id": "c", "started_at": "2026-11-23T09:00:00Z"}, ("messages",)),
    "cekura": (
        {"call_id": "c", "agent": 1, "timestamp": "2026-11-23T09:00:00Z"},
        ("transcript_json",),
    ),
}


def carried(provider: str, transcript: Any) -> ReadCall:
    carrier, path = CARRIERS[provider]
    payload = copy.deepcopy(carrier)
    place = payload
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = transcript
    return reader(provider)(payload, "Harbour")


T = 1795424400

#: Transcripts that every provider may have, since each passes on what an LLM or a tool has said.
EVERYWHERE: list[tuple[str, Any, list[tuple[Any, ...]]]] = [
    (
        "text with labels",
        "AI: Hello.\nUser: Hi,\nit is me.\n",
        [("agent", "Hello."), ("user", "Hi,\nit is me.")],
    ),
    (
        "text with times",
        "[0:00] Main Agent: Hello.\n**Customer** (0:06): Hi.\n1:02:03 - Bot: Bye.",
        [("agent", "Hello.", 0.0), ("user", "Hi.", 6.0), ("agent", "Bye.", 3723.0)],
    ),
    ("text of nobody", "Hello, is it me?", [("system", "Hello, is it me?")]),
    ("lines as a list", ["AI: Hello.", "User: Hi."], [("agent", "Hello."), ("user", "Hi.")]),
    (
        "an unknown role",
        [{"role": "supervisor", "content": "Stop."}, {"content": "Who?"}],
        [("system", "Stop.", None, None, "supervisor"), ("system", "Who?")],
    ),
    (
        "another spelling of a role",
        [{"role": "Virtual-Agent", "content": "Hello."}, {"role": "CALLER", "content": "Hi."}],
        [("agent", "Hello."), ("user", "Hi.")],
    ),
    (
        "a tool that failed without a word",
        [
            {"role": "tool_call", "tool_call_id": "1", "name": "book", "arguments": {"a": 1}},
            {"role": "tool_result", "tool_call_id": "1", "is_error": True, "result": ""},
        ],
        [("tool_call", '{"a": 1}', None, "book"), ("tool_result", "[failed]", None, "book")],
    ),
    (
        "parallel tools answered in another order",
        [
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "1", "function": {"name": "one", "arguments": "{}"}},
                    {"id": "2", "function": {"name": "two", "arguments": "{}"}},
                ],
            },
            {"role": "tool", "tool_call_id": "2", "content": "second"},
            {"role": "tool", "tool_call_id": "1", "content": "first"},
        ],
        [
            ("tool_call", "{}", None, "one"),
            ("tool_call", "{}", None, "two"),
            ("tool_result", "second", None, "two"),
            ("tool_result", "first", None, "one"),
        ],
    ),
    (
        "tools without IDs",
        [
            {"role": "assistant", "function_call": {"name": "one", "arguments": "{}"}},
            {"role": "function", "content": "first"},
        ],
        [("tool_call", "{}", None, "one"), ("tool_result", "first", None, "one")],
    ),
    (
        "Anthropic's parts",
        [
            {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "one"}]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "1", "content": "first"},
                    {"type": "text", "text": "And now?"},
                ],
            },
        ],
        [
            ("tool_call", "", None, "one"),
            ("user", "And now?"),
            ("tool_result", "first", None, "one"),
        ],
    ),
    (
        "Bedrock's parts",
        [
            {
                "role": "assistant",
                "content": [
                    {"text": "I look."},
                    {"toolUse": {"toolUseId": "1", "name": "one", "input": {"a": 1}}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "toolResult": {
                            "toolUseId": "1",
                            "content": [{"text": "no"}],
                            "status": "error",
                        }
                    }
                ],
            },
        ],
        [
            ("agent", "I look."),
            ("tool_call", '{"a": 1}', None, "one"),
            ("tool_result", "[failed] no", None, "one"),
        ],
    ),
    (
        "parts of the AI SDK's user interface",
        [
            {
                "role": "assistant",
                "parts": [
                    {
                        "type": "tool-one",
                        "toolCallId": "1",
                        "state": "output-error",
                        "input": {"a": 1},
                        "errorText": "no",
                    },
                    {"type": "text", "text": "It is not there."},
                ],
            }
        ],
        [
            ("agent", "It is not there."),
            ("tool_call", '{"a": 1}', None, "one"),
            ("tool_result", "[failed] no", None, "one"),
        ],
    ),
    (
        "results that say what kind they are",
        [
            {
                "role": "tool",
                "content": [
                    {
                        "type": "tool-result",
                        "toolName": "one",
                        "output": {"type": "error-text", "value": "no"},
                    }
                ],
            },
            {"role": "tool", "name": "two", "content": {"error": "no"}},
        ],
        [
            ("tool_result", "[failed] no", None, "one"),
            ("tool_result", '[failed] {"error": "no"}', None, "two"),
        ],
    ),
    (
        "messages that LangChain stores",
        [
            {"type": "human", "data": {"content": "Hi.", "type": "human"}},
            {
                "type": "ai",
                "data": {"content": "", "tool_calls": [{"name": "one", "args": {}, "id": "1"}]},
            },
            {"type": "tool", "data": {"content": "first", "tool_call_id": "1"}},
        ],
        [
            ("user", "Hi."),
            ("tool_call", "{}", None, "one"),
            ("tool_result", "first", None, "one"),
        ],
    ),
    (
        "names beside the roles of a text",
        "Ida (agent): Hello.\nCaller (Bo): Hi.",
        [("agent", "Hello.", None, None, "Ida"), ("user", "Hi.", None, None, "Bo")],
    ),
    (
        "times since 1970 in milliseconds",
        [
            {"role": "agent", "content": "Hello.", "timestamp": (T + 1) * 1000},
            {"role": "user", "content": "Hi.", "timestamp": str((T + 3) * 1000)},
        ],
        [("agent", "Hello.", 1.0), ("user", "Hi.", 3.0)],
    ),
    (
        "times since 1970 in microseconds, and as text",
        [
            {"role": "agent", "content": "Hello.", "created_at": (T + 1) * 1_000_000},
            {"role": "user", "content": "Hi.", "created_at": "2026-11-23T10:00:03+01:00"},
        ],
        [("agent", "Hello.", 1.0), ("user", "Hi.", 3.0)],
    ),
    (
        "seconds as text, late, and none",
        [
            {"role": "agent", "content": "Hello.", "start_time": "2.5"},
            {"role": "agent", "content": "(pause)"},
            {"role": "user", "content": "Hi.", "start_time": "0:01"},
        ],
        [("user", "Hi.", 1.0), ("agent", "Hello.", 2.5), ("agent", "(pause)")],
    ),
    (
        "milliseconds of the call",
        [
            {"role": "agent", "content": "Hello.", "start_time": 900},
            {"role": "user", "content": "Hi.", "start_time": 4000},
            {"role": "agent", "content": "Bye.", "start_time": 9000},
        ],
        [("agent", "Hello.", 0.9), ("user", "Hi.", 4.0), ("agent", "Bye.", 9.0)],
    ),
    (
        "a speaker's name",
        [
            {"role": "assistant", "content": "Hello.", "name": "Ida"},
            {"role": "user", "content": "Hi.", "speakerName": "Bo"},
        ],
        [("agent", "Hello.", None, None, "Ida"), ("user", "Hi.", None, None, "Bo")],
    ),
]


@pytest.mark.parametrize("provider", CARRIERS)
@pytest.mark.parametrize(
    ("transcript", "said"), [row[1:] for row in EVERYWHERE], ids=[row[0] for row in EVERYWHERE]
)
def test_every_provider_reads_what_any_llm_or_logger_writes(
    provider: str, transcript: Any, said: list[tuple[Any, ...]]
) -> None:
    assert carried(provider, transcript).call.transcript == tuple(Turn(*turn) for turn in said)


TURNS = [{"role": "assistant", "content": "Hi.", "timestamp": T + 1}]
#: Objects, as whose they are taken, and what is said where nothing tells.
TOLD: list[tuple[dict[str, Any], str | None, str]] = [
    ({"call_id": "c", "agent": "a", "started_at": T, "transcript": TURNS}, "native", ""),
    (
        {"call_id": "c", "started_at": T, "transcript": TURNS},
        None,
        "if it is livekit or pipecat, name that format",
    ),
    (
        {"call_id": "c", "transcript_type": "x", "items": [{"type": "message"}]},
        None,
        "if it is cekura or livekit, name that format",
    ),
    ({"event": "call_ended", "data": {"call_id": "c", "agent_id": "a"}}, "retell", ""),
    ({"id": "t", "timestamp": "2026", "projectId": "p", "input": "Hi."}, "langfuse", ""),
    ({"id": "t", "observations": [{"traceId": "t", "type": "SPAN"}]}, "langfuse", ""),
    ({"id": "s", "traces": [{"observations": []}], "scores": []}, "langfuse", ""),
    ({"id": "t", "spans": [{"context": {"trace_id": "t", "span_id": "s"}}]}, "phoenix", ""),
    ({"id": "t", "spans": []}, None, ""),
    ({"role": "user", "content": "Hi."}, None, ""),
]


@pytest.mark.parametrize(("payload", "format", "advised"), TOLD)
def test_an_object_that_may_be_of_several_formats_is_told_of_them(
    payload: dict[str, Any], format: str | None, advised: str
) -> None:
    assert detect(payload) == format
    if format is None:
        assert advice(payload) == advised


@pytest.mark.parametrize("provider", [*CARRIERS, "native"])
@pytest.mark.parametrize("empty", [[], {"items": []}, {"messages": []}])
def test_a_transcript_without_turns_is_a_call_without_turns(provider: str, empty: Any) -> None:
    native = {"call_id": "c", "agent": "a", "started_at": T, "messages": []}
    read = reader("native")(native, "Harbour") if provider == "native" else carried(provider, empty)
    assert read.call.transcript == ()
    assert not read.left_out


@pytest.mark.parametrize("length", ["soon", {"hours": 1}, "1:2:3:4"])
def test_a_length_that_cannot_be_read_is_counted(length: Any) -> None:
    for provider, (carrier, _) in CARRIERS.items():
        read = reader(provider)({**carrier, "duration": length}, "Harbour")
        assert read.call.duration_s is None
        assert read.left_out == {LeftOut.FIELDS: 1}, provider


@pytest.mark.parametrize("provider", CARRIERS)
def test_one_bad_turn_costs_no_call(provider: str) -> None:
    bad = ["?", {"role": "user"}, {"role": "user", "content": "Hi.", "timestamp": "soon"}, None]
    read = carried(provider, bad)
    assert read.call.transcript == (Turn("user", "Hi."),)
    assert read.left_out == {
        LeftOut.UNUSABLE_TURNS: 2,
        LeftOut.TURNS_WITHOUT_TEXT: 1,
        LeftOut.FIELDS: 1,
    }


@pytest.mark.parametrize("provider", CARRIERS)
@pytest.mark.parametrize("transcript", [7, True, {"a": 1}])
def test_a_transcript_that_is_neither_list_nor_text_is_refused(
    provider: str, transcript: Any
) -> None:
    with refused("bad_transcript", BadInput):
        carried(provider, transcript)


@pytest.mark.parametrize("provider", CARRIERS)
def test_any_object_may_bring_its_project_agent_metadata_and_results(provider: str) -> None:
    own = {
        "project": "Quay",
        "agent": "desk",
        "metadata": {"tier": "gold", "start_time_unix_secs": T},
        "metrics": [{"name": "Greeting", "passed": False, "explanation": "None."}],
    }
    call = reader(provider)({**CARRIERS[provider][0], **own}, None).call
    assert (call.project, call.agent) == ("Quay", "desk")
    assert [(result.name, result.passed) for result in call.metrics] == [("Greeting", False)]
    if provider != "elevenlabs":
        assert call.metadata["tier"] == "gold"


@pytest.mark.parametrize("provider", CARRIERS)
def test_a_call_s_refusal_names_what_is_missing_in_the_provider_s_words(provider: str) -> None:
    carrier, _ = CARRIERS[provider]
    ids = ("id", "call_id", "conversation_id")
    with pytest.raises(BadInput, match="id"):
        reader(provider)({k: v for k, v in carrier.items() if k not in ids}, "Harbour")


def test_every_provider_has_a_carrier_here() -> None:
    traces = {"langfuse", "phoenix"}  # tried in pull/test_traces.py
    assert {"native", *CARRIERS} | traces == set(FORMATS)
