"""LiveKit Agents: a session report, or `session.history.to_dict()` with a `call_id` beside it.

Shapes: livekit-agents, `voice/report.py` (`chat_history`) and `llm/chat_context.py` (its items);
also the plain list of role, content and timestamp that Cekura documents for LiveKit.
"""

from collections.abc import Mapping
from typing import Any

from failure_insights.sources import fields
from failure_insights.sources.fields import NativeCall, NativeTurn
from failure_insights.sources.reading import NotACall

#: A report does not name its agent; a line may say `agent` itself.
UNNAMED_AGENT = "livekit"

#: Items about the session itself, which nobody on the call hears.
_SILENT = ("agent_handoff", "agent_config_update")


def read_call(payload: Mapping[str, Any]) -> NativeCall:
    """Return the native call of a session report or a chat history.

    Raises:
        NotACall: it is an event of LiveKit's server.
        BadInput: the items are not LiveKit's.
    """
    if isinstance(payload.get("event"), str) and "items" not in payload:
        raise NotACall("an event of LiveKit's server, which holds no conversation")
    history = fields.part(payload, "chat_history") or fields.part(payload, "history") or payload
    entries = fields.first(history.get("items"), payload.get("transcript"))
    entries = [] if entries is None else entries
    # The report's own `timestamp` is when it was written, at the end of the session.
    started = fields.first(payload.get("started_at"), _start(entries))
    return fields.native_call(
        payload,
        call_id=fields.name(
            fields.first(payload.get("call_id"), payload.get("job_id"), payload.get("room_id"))
        ),
        agent=fields.name(payload.get("agent_name")) or UNNAMED_AGENT,
        started_at=fields.time(started),
        duration_s=fields.seconds(payload.get("duration")),
        ended_reason=fields.name(payload.get("ended_reason")),
        transcript=read_turns(entries),
    )


def read_turns(transcript: Any) -> list[NativeTurn]:
    """Return the native turns of a history's items, or of role, content and timestamp."""
    if isinstance(transcript, Mapping):
        transcript = transcript.get("items")
    start = _start(transcript)
    turns: list[NativeTurn] = []
    for place, item in fields.items(transcript):
        at = fields.first(fields.since(item.get("created_at"), start), item.get("timestamp"))
        tool = item.get("name")
        match item.get("type"):
            case "function_call":
                turns.append(fields.turn("tool_call", item.get("arguments"), at, tool_name=tool))
            case "function_call_output":
                turns.append(fields.turn("tool_result", item.get("output"), at, tool_name=tool))
            case silent if silent in _SILENT:
                continue
            case _:
                role = fields.role_of(place, item)
                if said := fields.words(item.get("content")):
                    turns.append(fields.turn(role, said, at))
    return turns


def _start(entries: Any) -> float | None:
    """Return when the first item was made, in seconds since 1970."""
    made = entries[0] if isinstance(entries, list) and entries else None
    return fields.seconds(fields.part(made).get("created_at"))
