"""Pipecat: the messages of an `LLMContext`, or the timed list that transcript events write.

Shapes: docs.pipecat.ai, "Context management" and "Transcriptions"; messages are OpenAI's, or with
an older context those of Anthropic or Gemini. A line is `{"call_id", "started_at", "messages"}`.
"""

from collections.abc import Mapping
from typing import Any

from failure_insights.sources import entries, fields, times
from failure_insights.sources.fields import NativeCall
from failure_insights.sources.reading import Losses, NotACall

#: Messages do not name their agent; a line may say `agent` itself.
UNNAMED_AGENT = "pipecat"

_IDS = ("call_id", "session_id", "conversation_id", "id")
_MESSAGES = ("messages", "transcript", "context", "turns", "items")


def read_call(payload: Mapping[str, Any], losses: Losses) -> NativeCall:
    """Return the native call of a line with messages.

    Raises:
        NotACall: one message of Pipecat's client protocol (RTVI).
        BadInput: it has no ID, or the messages are not Pipecat's.
    """
    if payload.get("label") == "rtvi-ai":
        raise NotACall(f"Pipecat message {str(payload.get('type'))[:40]}")
    call_id = fields.name_in([payload], *_IDS)
    if call_id is None and fields.first_in([payload], *_MESSAGES) is None and "role" in payload:
        raise NotACall("message that stands alone, without call_id and started_at around it")
    turns = entries.first_turns((fields.get(payload, key) for key in _MESSAGES), losses)
    began, ended = (fields.get(payload, key) for key in ("started_at", "ended_at"))
    begin = fields.begin(began, fields.get(payload, "start_time", "timestamp"), turns.first_moment)
    duration_s = fields.duration(
        [payload], begin, ended, turns.last_s(times.epoch(begin)), losses=losses
    )
    return fields.native_call(
        payload,
        call_id=fields.require_id(call_id, "Pipecat", "call_id"),
        agent=fields.name_in([payload], "bot_name", "agent_name") or UNNAMED_AGENT,
        started_at=begin,
        duration_s=duration_s,
        ended_reason=fields.name_in([payload], "ended_reason"),
        transcript=turns.turns(times.epoch(begin), duration_s),
    )
