"""Cekura: the body of its observe webhook, or a call log as its API returns it.

Shapes: docs.cekura.ai, "Send calls" and "Transcript format". `transcript_type` says whose shape
`transcript_json` has; without one it is Cekura's own.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from failure_insights.errors import BadInput
from failure_insights.sources import deepgram, elevenlabs, fields, livekit, pipecat, retell, vapi
from failure_insights.sources.fields import NativeCall, NativeTurn


def read_call(payload: Mapping[str, Any]) -> NativeCall:
    """Return the native call of an observe body or a call log.

    Raises:
        BadInput: the transcript does not have the shape that `transcript_type` names.
    """
    transcript = fields.first(payload.get("transcript_json"), payload.get("transcript_object"))
    agent = fields.first(payload.get("agent"), payload.get("assistant_id"), payload.get("agent_id"))
    return fields.native_call(
        {**payload, "metadata": _metadata(payload)},
        call_id=fields.name(payload.get("call_id")),
        agent=fields.name(agent),
        started_at=_utc(fields.time(payload.get("timestamp"))),
        duration_s=_duration(payload.get("duration")),
        ended_reason=fields.name(payload.get("call_ended_reason")),
        metrics=_judged(fields.part(payload, "evaluation").get("metrics")),
        transcript=read_transcript(payload.get("transcript_type"), transcript),
    )


def read_transcript(transcript_type: Any, transcript: Any) -> list[NativeTurn]:
    """Return the native turns of a transcript in the shape that its type names.

    Raises:
        BadInput: no such type, or the transcript does not have its shape.
    """
    word = "cekura" if transcript_type in (None, "") else str(transcript_type).strip().lower()
    if word not in TRANSCRIPT_TYPES:
        known = ", ".join(TRANSCRIPT_TYPES)
        raise BadInput(f"transcript_type {word[:40]!r} is not one of {known}")
    return TRANSCRIPT_TYPES[word]([] if transcript is None else transcript)


def read_turns(transcript: Any) -> list[NativeTurn]:
    """Return the native turns of Cekura's own shape; tools stand in `data`."""
    turns: list[NativeTurn] = []
    for place, entry in fields.items(transcript):
        role = fields.role_of(place, entry)
        start, data = entry.get("start_time"), fields.part(entry, "data")
        if role in ("tool_call", "tool_result"):
            said = fields.first(data.get("arguments"), data.get("result"), entry.get("content"))
            turns.append(fields.turn(role, said, start, tool_name=data.get("name")))
        elif said := fields.words(entry.get("content")):
            turns.append(fields.turn(role, said, start))
    return turns


#: Whose shape a transcript has, and who reads it.
TRANSCRIPT_TYPES: Mapping[str, Callable[[Any], list[NativeTurn]]] = {
    "cekura": read_turns,
    # The product's earlier name, which its API still takes.
    "vocera": read_turns,
    "custom": read_turns,
    "vapi": vapi.read_turns,
    "retell": retell.read_turns,
    "elevenlabs": elevenlabs.read_turns,
    "livekit": livekit.read_turns,
    "pipecat": pipecat.read_turns,
    "deepgram": deepgram.read_turns,
}


def _metadata(payload: Mapping[str, Any]) -> Any:
    """Return the metadata with the recording's address, which Cekura has beside it."""
    recording, metadata = payload.get("voice_recording_url"), payload.get("metadata")
    if not isinstance(recording, str) or not isinstance(metadata, Mapping | None):
        return metadata
    return {"voice_recording_url": recording, **(metadata or {})}


def _judged(metrics: Any) -> list[dict[str, Any]] | None:
    """Return a call log's metric results; of binary ones a score above 0 is a pass."""
    if not isinstance(metrics, list):
        return None
    results = []
    for metric in map(fields.part, metrics):
        score = metric.get("score")
        result = {
            "name": metric.get("name"),
            "score": score,
            "explanation": fields.words(metric.get("explanation")),
        }
        if str(metric.get("type", "")).startswith("binary") and isinstance(score, int | float):
            result["passed"] = score > 0
        results.append(result)
    return results or None


def _utc(timestamp: str | None) -> str | None:
    """Return a time with its zone; Cekura takes one without as UTC."""
    try:
        moment = datetime.fromisoformat(timestamp or "")
    except ValueError:
        return timestamp
    return timestamp if moment.tzinfo else moment.replace(tzinfo=UTC).isoformat()


def _duration(value: Any) -> float | None:
    """Return seconds; a call log has its duration as MM:SS."""
    if isinstance(value, str) and value.count(":") == 1:
        minutes, _, rest = value.partition(":")
        if minutes.isdecimal() and rest.isdecimal():
            return float(int(minutes[:9]) * 60 + int(rest[:9]))
    return fields.seconds(value)
