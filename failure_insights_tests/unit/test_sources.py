"""Providers' calls, in the shapes that their documentation gives, become native calls."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failure_insights.domain.calls import ROLES
from failure_insights.errors import BadInput
from failure_insights.sources.cekura import TRANSCRIPT_TYPES, read_transcript
from failure_insights.sources.providers import PROVIDERS

#: One conversation, as each provider's documentation writes it down.
TRANSCRIPTS: dict[str, list[dict[str, Any]]] = {
    "cekura": [
        {"role": "Testing Agent", "content": "A table for two.", "start_time": 1.5, "end_time": 3},
        {
            "role": "Function Call",
            "content": "",
            "data": {"id": "c1", "name": "book", "arguments": '{"seats": 2}'},
            "start_time": 4.0,
        },
        {
            "role": "Function Call Result",
            "data": {"id": "c1", "name": "book", "result": "full"},
            "start_time": 5.0,
        },
        {"role": "Main Agent", "content": "We are full.", "start_time": 6.25, "end_time": 8},
    ],
    "vapi": [
        {
            "role": "user",
            "message": "A table for two.",
            "time": 1728862776876,
            "secondsFromStart": 1.5,
        },
        {
            "role": "tool_calls",
            "message": "",
            "time": 1728862779376,
            "secondsFromStart": 4.0,
            "toolCalls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "book", "arguments": '{"seats": 2}'},
                }
            ],
        },
        {
            "role": "tool_call_result",
            "name": "book",
            "result": "full",
            "toolCallId": "c1",
            "time": 1728862780376,
            "secondsFromStart": 5.0,
        },
        {
            "role": "bot",
            "message": "We are full.",
            "time": 1728862781626,
            "secondsFromStart": 6.25,
        },
    ],
    "retell": [
        {
            "role": "user",
            "content": "A table for two.",
            "words": [{"word": "A", "start": 1.5, "end": 1.6}],
        },
        {
            "role": "tool_call_invocation",
            "tool_call_id": "c1",
            "name": "book",
            "arguments": '{"seats": 2}',
            "time_sec": 4.0,
        },
        {"role": "tool_call_result", "tool_call_id": "c1", "content": "full", "time_sec": 5.0},
        {
            "role": "agent",
            "content": "We are full.",
            "words": [{"word": "We", "start": 6.25, "end": 6.5}],
        },
    ],
    "elevenlabs": [
        {
            "role": "user",
            "message": "A table for two.",
            "time_in_call_secs": 1.5,
            "tool_calls": [],
            "tool_results": [],
        },
        {
            "role": "agent",
            "message": None,
            "time_in_call_secs": 4.0,
            "tool_calls": [
                {"request_id": "c1", "tool_name": "book", "params_as_json": '{"seats": 2}'}
            ],
            "tool_results": [],
        },
        {
            "role": "agent",
            "message": None,
            "time_in_call_secs": 5.0,
            "tool_calls": [],
            "tool_results": [{"request_id": "c1", "tool_name": "book", "result_value": "full"}],
        },
        {
            "role": "agent",
            "message": "We are full.",
            "time_in_call_secs": 6.25,
            "tool_calls": None,
            "tool_results": None,
        },
    ],
    "livekit": [
        {"type": "message", "role": "user", "content": ["A table for two."], "created_at": 1e9},
        {"type": "agent_handoff", "new_agent_id": "booking", "created_at": 1e9},
        {
            "type": "function_call",
            "call_id": "c1",
            "name": "book",
            "arguments": '{"seats": 2}',
            "created_at": 1e9 + 2.5,
        },
        {
            "type": "function_call_output",
            "call_id": "c1",
            "name": "book",
            "output": "full",
            "is_error": False,
            "created_at": 1e9 + 3.5,
        },
        {
            "type": "message",
            "role": "assistant",
            "content": ["We are full."],
            "created_at": 1e9 + 4.75,
        },
    ],
    "pipecat": [
        {"role": "user", "content": "A table for two.", "timestamp": "2026-11-23T09:00:01.500Z"},
        {
            "role": "assistant",
            "content": None,
            "timestamp": "2026-11-23T09:00:04+00:00",
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "book", "arguments": '{"seats": 2}'},
                }
            ],
        },
        {
            "role": "tool",
            "tool_call_id": "c1",
            "content": "full",
            "timestamp": "2026-11-23T09:00:05+00:00",
        },
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "We are full."}],
            "timestamp": "2026-11-23T09:00:06.250Z",
        },
    ],
}

SAID = [
    ("user", "A table for two.", None),
    ("tool_call", '{"seats": 2}', "book"),
    ("tool_result", "full", "book"),
    ("agent", "We are full.", None),
]


@pytest.mark.parametrize("provider", TRANSCRIPTS)
def test_one_conversation_reads_the_same_from_every_provider(provider: str) -> None:
    turns = read_transcript(provider, TRANSCRIPTS[provider])
    assert [(t["role"], t["content"], t.get("tool_name")) for t in turns] == SAID
    starts = [t["start_s"] - turns[0]["start_s"] for t in turns]
    assert starts == [0.0, 2.5, 3.5, 4.75]


def test_a_transcript_may_come_as_json_text() -> None:
    as_text = json.dumps(TRANSCRIPTS["vapi"])
    assert read_transcript("vapi", as_text) == read_transcript("vapi", TRANSCRIPTS["vapi"])


VAPI_CALL = {
    "id": "v-1",
    "assistantId": "asst_1",
    "startedAt": "2026-11-23T09:00:00Z",
    "endedReason": "customer-ended-call",
    "artifact": {"messages": TRANSCRIPTS["vapi"]},
}
RETELL_CALL = {
    "call_id": "r-1",
    "agent_id": "agent_1",
    "start_timestamp": 1795424400000,
    "end_timestamp": 1795424442500,
    "disconnection_reason": "user_hangup",
    "transcript_object": [],
    "transcript_with_tool_calls": TRANSCRIPTS["retell"],
}
ELEVENLABS_CALL = {
    "conversation_id": "e-1",
    "agent_id": "agent_1",
    "transcript": TRANSCRIPTS["elevenlabs"],
    "metadata": {
        "start_time_unix_secs": 1795424400,
        "call_duration_secs": 42,
        "termination_reason": "end_call tool was called",
    },
    "analysis": {
        "evaluation_criteria_results": {
            "booked": {"criteria_id": "booked", "result": "failure", "rationale": "No table."},
            "polite": {"criteria_id": "polite", "result": "unknown", "rationale": "Cannot tell."},
        }
    },
}

#: Whole calls: the provider's object, and the webhook around it.
CALLS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "vapi",
        VAPI_CALL,
        {"call_id": "v-1", "agent": "asst_1", "started_at": "2026-11-23T09:00:00Z"},
    ),
    (
        "vapi",
        {
            "message": {
                "type": "end-of-call-report",
                "call": {"id": "v-1"},
                "assistant": {"id": "asst_1"},
                "startedAt": "2026-11-23T09:00:00Z",
                "durationSeconds": 42.5,
                "endedReason": "customer-ended-call",
                "artifact": {"messages": TRANSCRIPTS["vapi"]},
            }
        },
        {"call_id": "v-1", "duration_s": 42.5, "ended_reason": "customer-ended-call"},
    ),
    (
        "retell",
        RETELL_CALL,
        {"call_id": "r-1", "started_at": "2026-11-23T09:00:00+00:00", "duration_s": 42.5},
    ),
    (
        "retell",
        {"event": "call_ended", "call": RETELL_CALL, "project": "inn"},
        {"call_id": "r-1", "ended_reason": "user_hangup", "project": "inn"},
    ),
    (
        "elevenlabs",
        {"type": "post_call_transcription", "data": ELEVENLABS_CALL},
        {
            "call_id": "e-1",
            "started_at": "2026-11-23T09:00:00+00:00",
            "duration_s": 42.0,
            "metrics": [{"name": "booked", "passed": False, "explanation": "No table."}],
        },
    ),
    (
        "livekit",
        {
            "job_id": "l-1",
            "timestamp": 1e9 + 60,
            "chat_history": {"items": TRANSCRIPTS["livekit"]},
        },
        {"call_id": "l-1", "agent": "livekit", "started_at": "2001-09-09T01:46:40+00:00"},
    ),
    (
        "pipecat",
        {"call_id": "p-1", "agent": "table-bot", "messages": TRANSCRIPTS["pipecat"]},
        {"call_id": "p-1", "agent": "table-bot", "started_at": "2026-11-23T09:00:01.500Z"},
    ),
    (
        "cekura",
        {
            "call_id": "c-1",
            "agent": 2421,
            "transcript_type": "retell",
            "transcript_json": TRANSCRIPTS["retell"],
            "call_ended_reason": "completed",
            "timestamp": "2026-11-23T09:00:00Z",
            "metadata": {"customer_id": "7"},
        },
        {"call_id": "c-1", "agent": "2421", "metadata": {"customer_id": "7"}},
    ),
    (
        "cekura",
        {
            "call_id": "c-2",
            "agent": 2421,
            "timestamp": "2026-11-23T09:00:00Z",
            "duration": "01:10",
            "transcript_object": TRANSCRIPTS["cekura"],
            "evaluation": {
                "metrics": [
                    {
                        "name": "Hallucination",
                        "type": "binary_qualitative",
                        "score": 0,
                        "explanation": ["It invented", "a table."],
                    }
                ]
            },
        },
        {
            "duration_s": 70.0,
            "metrics": [
                {
                    "name": "Hallucination",
                    "score": 0,
                    "explanation": "It invented\na table.",
                    "passed": False,
                }
            ],
        },
    ),
]


@pytest.mark.parametrize(("provider", "payload", "expected"), CALLS)
def test_a_provider_s_call_becomes_a_native_call(
    provider: str, payload: dict[str, Any], expected: dict[str, Any]
) -> None:
    call = PROVIDERS[provider](payload)
    assert {key: call.get(key) for key in expected} == expected
    assert [turn["role"] for turn in call["transcript"]] == [role for role, _, _ in SAID]


@pytest.mark.parametrize(
    ("transcript_type", "transcript", "reason"),
    [
        ("teams", [], "transcript_type 'teams' is not one of"),
        ("cekura", [{"role": "narrator", "content": "Once"}], "turn 0 .* has role 'narrator'"),
        ("vapi", {"messages": []}, "an object, not a list of turns"),
        ("retell", ["hello"], "turn 0 of the transcript is text, not an object"),
        ("livekit", "no json", "text, not a list of turns"),
    ],
)
def test_a_transcript_of_another_shape_is_refused_with_the_reason(
    transcript_type: str, transcript: Any, reason: str
) -> None:
    with pytest.raises(BadInput, match=reason):
        read_transcript(transcript_type, transcript)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    [
        *("role", "content", "message", "words", "time", "secondsFromStart", "toolCalls", "type"),
        *("name", "data", "tool_calls", "tool_results", "time_in_call_secs", "created_at"),
        *("timestamp", "start_time", "arguments", "output", "items", "result"),
    ]
)
ENTRY = st.dictionaries(FIELDS, JSON | st.sampled_from(["user", "agent", "tool_call"]), max_size=6)


@given(st.sampled_from(sorted(TRANSCRIPT_TYPES)), JSON | st.lists(ENTRY, max_size=4))
def test_any_json_is_read_as_turns_or_refused(transcript_type: str, transcript: Any) -> None:
    try:
        turns = read_transcript(transcript_type, transcript)
    except BadInput:
        return
    for turn in turns:
        assert turn["role"] in ROLES
        assert isinstance(turn["content"], str)
        assert turn.get("start_s", 0) >= 0


CALL_FIELDS = st.sampled_from(
    [
        *("message", "call", "data", "artifact", "analysis", "metadata", "chat_history", "agent"),
        *("id", "call_id", "conversation_id", "start_timestamp", "end_timestamp", "timestamp"),
        *("startedAt", "duration", "durationSeconds", "evaluation", "messages", "transcript_type"),
    ]
)


@given(st.sampled_from(sorted(PROVIDERS)), st.dictionaries(CALL_FIELDS, JSON, max_size=6))
def test_any_object_is_read_as_a_call_or_refused(provider: str, payload: dict[str, Any]) -> None:
    try:
        call = PROVIDERS[provider](payload)
    except BadInput:
        return
    assert isinstance(call["transcript"], list)
