"""Telling whose format an object has, from what only that format has.

A wrong name would store a call wrongly without a word, so each rule wants at least two fields
that stand together in no other format; an object that fits none has no name here.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from failure_insights.sources import livekit, loose, vapi
from failure_insights.sources.fields import get, mappings, part, unwrapped
from failure_insights.sources.native_fields import NATIVE_FIELDS

#: What has these and no field that is not native, is native.
_NATIVE_REQUIRED = frozenset({"call_id", "agent", "started_at", "transcript"})
#: Turns of these may look alike, so that only a name tells them apart.
_ALIKE = ("livekit", "pipecat")


def detect(payload: Mapping[str, Any]) -> str | None:
    """Return the name of an object's format, or None where nothing tells it for certain.

    Events that are no end of a call have a format too: its reader passes them over.
    """
    if _NATIVE_REQUIRED <= payload.keys() <= NATIVE_FIELDS:
        return "native"
    payload = unwrapped(payload)
    names = [name for name, fits in _RULES.items() if fits(payload)]
    if not names and loose.is_like_native(payload):
        return "native"
    return names[0] if len(names) == 1 else None


def advice(payload: Mapping[str, Any]) -> str:
    """Return what to say of an object whose format nothing tells: whose it may be, or ''."""
    payload = unwrapped(payload)
    names = [name for name, fits in _RULES.items() if fits(payload)]
    transcripts = (get(payload, key) for key in loose.TRANSCRIPTS)
    if not names and any(_each_has(transcript, "role", "speaker") for transcript in transcripts):
        names = [*_ALIKE]
    return f"if it is {' or '.join(names)}, name that format" if names else ""


def _is_vapi(payload: Mapping[str, Any]) -> bool:
    message = part(payload, "message")
    if isinstance(message.get("type"), str):
        return _has_any(message, ("call", "chat")) or message["type"] in vapi.SERVER_MESSAGES
    if _is_in(vapi.SERVER_MESSAGES, payload.get("type")) and _has_any(payload, ("call", "chat")):
        return True
    owner = ("assistant_id", "squad_id", "workflow_id", "assistant", "squad", "workflow", "org_id")
    if not (_has(payload, "id") and _has_any(payload, owner)):
        return False
    held = ("artifact", "ended_reason", "messages", "analysis", "transcript", "input", "output")
    return _has_any(payload, ("created_at", "started_at")) and (
        _has_any(payload, held) or str(payload.get("type")).endswith("Call")
    )


def _is_retell(payload: Mapping[str, Any]) -> bool:
    event = payload.get("event")
    for kind in ("call", "chat"):
        session = part(payload, kind) or part(payload, "data")
        if isinstance(event, str) and _has(session, f"{kind}_id"):
            return True
        if _has(payload, f"{kind}_id", "agent_id") and _has_any(
            payload,
            (
                *(f"{kind}_status", f"{kind}_type", f"{kind}_analysis", "start_timestamp"),
                *("disconnection_reason", "transcript_with_tool_calls", "message_with_tool_calls"),
            ),
        ):
            return True
    return False


def _is_elevenlabs(payload: Mapping[str, Any]) -> bool:
    if isinstance(payload.get("type"), str) and _has(part(payload, "data"), "conversation_id"):
        return True
    return _has(payload, "conversation_id", "agent_id") and _has_any(
        payload, ("metadata", "transcript", "start_time_unix_secs", "call_successful", "analysis")
    )


def _is_livekit(payload: Mapping[str, Any]) -> bool:
    for key in ("chat_history", "history", "chat_ctx"):
        if isinstance(get(part(get(payload, key)), "items"), list):
            return True
    if _is_in(livekit.EVENTS, payload.get("type")) and _has(payload, "created_at"):
        return True
    if _has(payload, "job_id") and isinstance(payload.get("events"), list):
        return True
    items = payload.get("items")
    return _has_any(payload, ("call_id", "job_id", "room_id")) and _each_has(items, "type")


def _is_pipecat(payload: Mapping[str, Any]) -> bool:
    if payload.get("label") == "rtvi-ai":
        return True
    return (
        _has_any(payload, ("call_id", "session_id"))
        and _each_has(
            payload.get("messages") or part(payload, "context").get("messages"),
            *("role", "llm", "type"),
        )
        and not _has(payload, "agent_id")
    )


def _is_cekura(payload: Mapping[str, Any]) -> bool:
    if str(payload.get("event_type")).startswith(("call_log.", "result.")):
        return True
    own = ("transcript_type", "transcript_json", "call_ended_reason", "voice_recording_url")
    return _has(payload, "call_id") and (
        _has_any(payload, own)
        or isinstance(part(payload, "evaluation").get("metrics"), list)
        or _has(payload, "transcript_object", "agent")
    )


def _is_langfuse(payload: Mapping[str, Any]) -> bool:
    if _each_has(payload.get("traces"), "observations", "html_path", "input", "output"):
        return _has(payload, "id")
    if _each_has(payload.get("observations"), "trace_id", "start_time"):
        return _has(payload, "id")
    # An item of a list has only the IDs of its observations.
    return _has(payload, "id", "timestamp") and _has_any(payload, ("html_path", "project_id"))


def _is_phoenix(payload: Mapping[str, Any]) -> bool:
    spans = mappings(payload.get("spans"))
    return bool(spans) and all(_has(part(span, "context"), "trace_id", "span_id") for span in spans)


#: Who tells each format.
_RULES: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "cekura": _is_cekura,
    "vapi": _is_vapi,
    "retell": _is_retell,
    "elevenlabs": _is_elevenlabs,
    "livekit": _is_livekit,
    "pipecat": _is_pipecat,
    "langfuse": _is_langfuse,
    "phoenix": _is_phoenix,
}


def _is_in(words: frozenset[str], value: Any) -> bool:
    return isinstance(value, str) and value in words


def _has(payload: Mapping[str, Any], *fields: str) -> bool:
    """Return whether each of these fields says something, in snake_case or camelCase."""
    return all(get(payload, field) is not None for field in fields)


def _has_any(payload: Mapping[str, Any], fields: Iterable[str]) -> bool:
    return any(get(payload, field) is not None for field in fields)


def _each_has(items: Any, *fields: str) -> bool:
    return (
        isinstance(items, list)
        and bool(items)
        and all(isinstance(item, dict) and _has_any(item, fields) for item in items)
    )
