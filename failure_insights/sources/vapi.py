"""Vapi: the call object, or the `end-of-call-report` that its server sends when a call ends.

Shapes: docs.vapi.ai, "Server events" and "Get call"; messages are `artifact.messages`, or in
older calls `messages`.
"""

from collections.abc import Mapping
from typing import Any

from failure_insights.sources import fields
from failure_insights.sources.fields import NativeCall, NativeTurn


def read_call(payload: Mapping[str, Any]) -> NativeCall:
    """Return the native call of a call object or a server message.

    Raises:
        BadInput: the messages are not Vapi's.
    """
    report = fields.part(payload, "message") or payload
    call = fields.part(report, "call") or report
    messages = fields.first(
        fields.part(report, "artifact").get("messages"),
        report.get("messages"),
        fields.part(call, "artifact").get("messages"),
        call.get("messages"),
    )
    return fields.native_call(
        payload,
        call_id=fields.name(call.get("id")),
        agent=fields.name(
            fields.first(call.get("assistantId"), fields.part(report, "assistant").get("id"))
        ),
        started_at=fields.time(
            fields.first(report.get("startedAt"), call.get("startedAt"), call.get("createdAt"))
        ),
        duration_s=fields.seconds(report.get("durationSeconds")),
        ended_reason=fields.name(fields.first(report.get("endedReason"), call.get("endedReason"))),
        metadata=fields.first(call.get("metadata")),
        transcript=read_turns([] if messages is None else messages),
    )


def read_turns(messages: Any) -> list[NativeTurn]:
    """Return the native turns of Vapi's messages."""
    turns: list[NativeTurn] = []
    for place, message in fields.items(messages):
        role = fields.role_of(place, message)
        start = fields.first(message.get("secondsFromStart"), _short_time(message.get("time")))
        if role == "tool_call":
            calls = message.get("toolCalls")
            for call in calls if isinstance(calls, list) else []:
                function = fields.part(call, "function")
                turns.append(
                    fields.turn(
                        role, function.get("arguments"), start, tool_name=function.get("name")
                    )
                )
        elif role == "tool_result":
            turns.append(
                fields.turn(role, message.get("result"), start, tool_name=message.get("name"))
            )
        elif said := fields.words(fields.first(message.get("message"), message.get("content"))):
            turns.append(fields.turn(role, said, start))
    return turns


def _short_time(time: Any) -> float | None:
    """Return `time` where it counts from the call's start; Vapi's own counts from 1970."""
    seconds = fields.seconds(time)
    return seconds if seconds is not None and seconds < 1e9 else None
