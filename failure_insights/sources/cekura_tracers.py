"""Bodies that the `cekura` package's tracers post, as the LiveKit and Pipecat readers take them.

Shapes: cekura 1.6, `livekit/tracer.py` (a LiveKit session report with the tracer's own fields
around it) and `pipecat/tracer.py` (`transcript`, whose entries have `started_at`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from failure_insights.sources.fields import name, part


def unwrapped(kind: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a tracer's body as its framework's own shape; anything else as it is."""
    if kind == "livekit" and isinstance(payload.get("session_report"), Mapping):
        return _livekit(payload)
    if kind == "pipecat" and "session_start" in payload and "transcript" in payload:
        return _pipecat(payload)
    return payload


def _livekit(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    report = part(payload, "session_report")
    start, end = payload.get("session_start"), payload.get("session_export")
    return {
        **report,
        "call_id": payload.get("session_id") or report.get("job_id") or report.get("room_id"),
        "agent": name(payload.get("agent_id")),
        "started_at": report.get("started_at") or start,
        "duration": report.get("duration") or _difference(start, end),
        "metadata": _metadata(payload),
    }


def _pipecat(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    entries = payload.get("transcript")
    messages = [
        {**entry, "timestamp": entry.get("timestamp") or entry.get("started_at")}
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, Mapping)
    ]
    start, end = payload.get("session_start"), payload.get("session_end")
    return {
        "call_id": payload.get("session_id"),
        "agent": name(payload.get("agent_id")),
        "started_at": start,
        "duration_s": _difference(start, end),
        "messages": messages,
        "metadata": _metadata(payload),
    }


def _metadata(payload: Mapping[str, Any]) -> dict[str, Any]:
    metadata = dict(part(payload, "provider_data", "custom_metadata"))
    if trace_id := name(payload.get("trace_id")):
        metadata["trace_id"] = trace_id
    return metadata


def _difference(start: Any, end: Any) -> float | None:
    """Return the seconds between two times, both numbers or both ISO 8601 texts."""
    if isinstance(start, str) and isinstance(end, str):
        try:
            start, end = (datetime.fromisoformat(moment).timestamp() for moment in (start, end))
        except ValueError:
            return None
    if not isinstance(start, int | float) or not isinstance(end, int | float):
        return None
    return round(end - start, 3) if end >= start else None
