"""The native format as other hands write it, made plain.

People export calls with our fields around the messages of their LLM or logger: names in camelCase,
`messages` for `transcript`, another tool's turns, text with labels, times since 1970. What is
plain, `sources.native` reads itself, which is faster.
"""

from collections.abc import Mapping
from typing import Any

from failure_insights.sources import entries, fields, times
from failure_insights.sources.fields import NativeCall, first, mappings, snaked
from failure_insights.sources.reading import Losses

#: Where the turns are, the best first.
TRANSCRIPTS = ("transcript", "messages", "turns", "transcript_object", "utterances")
#: Fields that no native turn has, and that another's has.
_FOREIGN = frozenset(
    {
        *("message", "text", "parts", "utterance", "from", "sender", "item", "words"),
        *("timestamp", "start_time", "startTime", "start", "created_at", "createdAt", "time"),
        *("secondsFromStart", "seconds_from_start", "time_in_call_secs", "timeInCallSecs"),
        *("start_ms", "startS", "start_secs", "start_seconds", "tool_calls", "toolCalls"),
        *("function_call", "tool_call_id", "toolCallId", "tool_results", "data", "toolName"),
    }
)
#: The spellings of fields that only they have.
_CAMEL = frozenset({"callId", "startedAt", "durationS", "endedReason"})
_NUMBERS = (int, float)
_REQUIRED = ("call_id", "agent", "started_at")


def is_plain(payload: Mapping[str, Any], has_plain_turns: bool) -> bool:
    """Return whether an object is written as the native format is, right or wrong.

    `has_plain_turns`: that its turns are is known already.
    """
    if has_plain_turns:
        return _CAMEL.isdisjoint(payload)
    turns = payload.get("transcript")
    if not isinstance(turns, list):
        return not (_CAMEL & payload.keys()) and _turns(payload) is None
    for turn in turns:
        if isinstance(turn, dict):
            start_s = turn.get("start_s")
            if (
                not _FOREIGN.isdisjoint(turn)
                or isinstance(turn.get("content"), list)
                or (isinstance(start_s, _NUMBERS) and start_s >= times.FIRST_EPOCH_SECONDS)
            ):
                return False
    return _CAMEL.isdisjoint(payload)


def is_like_native(payload: Mapping[str, Any]) -> bool:
    """Return whether an object has what every native call has, whoever's turns are in it."""
    return all(fields.get(payload, key) is not None for key in _REQUIRED) and (
        _turns(payload) is not None
    )


def native_of(payload: Mapping[str, Any], losses: Losses) -> NativeCall:
    """Return the plain native call of an object that `is_plain` denies.

    Raises:
        BadInput: its transcript is neither a list nor text.
    """
    held = snaked(payload)
    # A list of turns says more than text does.
    transcripts = [held.pop(key) for key in TRANSCRIPTS if key in held]
    transcripts.sort(key=lambda transcript: isinstance(transcript, str))
    turns = entries.first_turns(transcripts, losses)
    started = fields.begin(held.get("started_at"), turns.first_moment)
    start = times.epoch(started)
    length = held.get("duration_s")
    if length is None:
        near_s = turns.last_s(start)
        length = fields.duration([held], started, held.get("ended_at"), near_s, losses=losses)
        held = {name: held[name] for name in held if name not in ("duration", "ended_at")}
    plain = {
        **held,
        "started_at": started,
        "duration_s": length,
        "transcript": turns.turns(start, times.seconds(length)) if transcripts else None,
    }
    if isinstance(held.get("metrics"), list):
        plain["metrics"] = [snaked(item) for item in mappings(held["metrics"])]
    return plain


def _turns(payload: Mapping[str, Any]) -> Any:
    """Return what may be the transcript: a list of objects, or text."""
    values = [fields.get(payload, key) for key in TRANSCRIPTS]
    value = first(*values)
    if isinstance(value, str) or (isinstance(value, list) and isinstance(value[0], dict | str)):
        return value
    return [] if value is None and [] in values else None
