"""Retell: the call object, or the `call_ended` / `call_analyzed` webhook that holds it.

Shapes: docs.retellai.com, "Get call" and "Webhook overview"; `transcript_with_tool_calls` where
it is there, else `transcript_object`.
"""

from collections.abc import Mapping
from typing import Any

from failure_insights.sources import fields
from failure_insights.sources.fields import NativeCall, NativeTurn


def read_call(payload: Mapping[str, Any]) -> NativeCall:
    """Return the native call of a call object or a webhook.

    Raises:
        BadInput: the transcript is not Retell's.
    """
    call = fields.part(payload, "call") or payload
    started, ended = call.get("start_timestamp"), call.get("end_timestamp")
    duration = fields.first(call.get("duration_ms"), fields.since(ended, fields.seconds(started)))
    milliseconds = fields.seconds(duration)
    transcript = fields.first(call.get("transcript_with_tool_calls"), call.get("transcript_object"))
    return fields.native_call(
        payload,
        call_id=fields.name(call.get("call_id")),
        agent=fields.name(call.get("agent_id")),
        started_at=fields.time(started),
        duration_s=None if milliseconds is None else milliseconds / 1000,
        ended_reason=fields.name(call.get("disconnection_reason")),
        metadata=fields.first(call.get("metadata")),
        transcript=read_turns([] if transcript is None else transcript),
    )


def read_turns(transcript: Any) -> list[NativeTurn]:
    """Return the native turns of a transcript with or without tool calls."""
    turns: list[NativeTurn] = []
    tools: dict[str, Any] = {}
    for place, entry in fields.items(transcript):
        start = fields.first(_first_word(entry), entry.get("time_sec"))
        match entry.get("role"):
            # The person a call is handed to: on the line, but neither agent nor caller.
            case "transfer_target":
                turns.append(fields.turn("user", entry.get("content"), start, speaker="transfer"))
                continue
            case "node_transition":
                nodes = [
                    fields.words(entry.get(key)) for key in ("former_node_name", "new_node_name")
                ]
                turns.append(fields.turn("system", " -> ".join(nodes), start, speaker="node"))
                continue
            case "dtmf":
                turns.append(fields.turn("user", f"DTMF {fields.words(entry.get('digit'))}", start))
                continue
        role = fields.role_of(place, entry)
        tool_id = str(entry.get("tool_call_id"))
        if role == "tool_call":
            tools[tool_id] = entry.get("name")
            turns.append(
                fields.turn(role, entry.get("arguments"), start, tool_name=entry.get("name"))
            )
        elif role == "tool_result":
            turns.append(
                fields.turn(role, entry.get("content"), start, tool_name=tools.get(tool_id))
            )
        elif said := fields.words(entry.get("content")):
            turns.append(fields.turn(role, said, start))
    return turns


def _first_word(entry: Mapping[str, Any]) -> Any:
    spoken = entry.get("words")
    return fields.part(spoken[0]).get("start") if isinstance(spoken, list) and spoken else None
