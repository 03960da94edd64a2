"""Pipecat: the messages of an `LLMContext`, or the timed list that transcript events write.

Shapes: docs.pipecat.ai, "Context management" (OpenAI-like messages with `tool_calls`) and
"Transcriptions" (role, content, timestamp); also the `tool_call` entries with `data` that Cekura
documents for Pipecat. A line is `{"call_id", "started_at", "messages"}`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from failure_insights.sources import fields
from failure_insights.sources.fields import NativeCall, NativeTurn

#: Messages do not name their agent; a line may say `agent` itself.
UNNAMED_AGENT = "pipecat"


def read_call(payload: Mapping[str, Any]) -> NativeCall:
    """Return the native call of a line with messages.

    Raises:
        BadInput: the messages are not Pipecat's.
    """
    messages = fields.first(payload.get("messages"), payload.get("transcript"))
    messages = [] if messages is None else messages
    return fields.native_call(
        payload,
        call_id=fields.name(fields.first(payload.get("call_id"), payload.get("session_id"))),
        agent=fields.name(payload.get("bot_name")) or UNNAMED_AGENT,
        started_at=fields.time(fields.first(payload.get("started_at"), _first_stamp(messages))),
        duration_s=fields.seconds(payload.get("duration_s")),
        ended_reason=fields.name(payload.get("ended_reason")),
        transcript=read_turns(messages),
    )


def read_turns(transcript: Any) -> list[NativeTurn]:
    """Return the native turns of OpenAI-like or timed messages."""
    turns: list[NativeTurn] = []
    tools: dict[str, Any] = {}
    start = _moment(_first_stamp(transcript))
    for place, message in fields.items(transcript):
        role = fields.role_of(place, message)
        data = fields.part(message, "data")
        at = fields.first(
            message.get("start_time"), fields.since(_moment(message.get("timestamp")), start)
        )
        if role == "tool_call":
            turns.append(fields.turn(role, data.get("arguments"), at, tool_name=data.get("name")))
            continue
        if role == "tool_result":
            tool = fields.first(
                data.get("name"), message.get("name"), tools.get(str(message.get("tool_call_id")))
            )
            said = fields.first(data.get("result"), message.get("content"))
            turns.append(fields.turn(role, said, at, tool_name=tool))
            continue
        if said := fields.words(message.get("content")):
            turns.append(fields.turn(role, said, at))
        calls = message.get("tool_calls")
        for call in calls if isinstance(calls, list) else []:
            function = fields.part(call, "function")
            tools[str(fields.part(call).get("id"))] = function.get("name")
            turns.append(
                fields.turn(
                    "tool_call", function.get("arguments"), at, tool_name=function.get("name")
                )
            )
    return turns


def _first_stamp(messages: Any) -> Any:
    if not isinstance(messages, list):
        return None
    return next((stamp for m in messages if (stamp := fields.part(m).get("timestamp"))), None)


def _moment(stamp: Any) -> float | None:
    """Return a message's time in seconds since 1970; Pipecat writes them as ISO 8601."""
    if not isinstance(stamp, str):
        return fields.seconds(stamp)
    try:
        moment = datetime.fromisoformat(stamp)
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None
