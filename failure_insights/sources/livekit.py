"""LiveKit Agents: a session report, or a chat history with a `call_id` beside it.

Shapes: livekit-agents for Python and for Node, `voice/report` (`chat_history`) and
`llm/chat_context` (its items); also the plain list of role, content and timestamp that Cekura
documents for LiveKit. What judges in the session tag (`lk.success`, `lk.judge.NAME:pass`) is
taken too.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from failure_insights.sources import entries, fields, times
from failure_insights.sources.fields import NativeCall
from failure_insights.sources.reading import LeftOut, Losses, NotACall
from failure_insights.sources.verdicts import NativeResult, judged

#: A report need not name its agent; a line may say `agent` itself.
UNNAMED_AGENT = "livekit"

#: Events of a session, which its log has a line each of.
EVENTS = frozenset(
    {
        *("user_state_changed", "agent_state_changed", "user_input_transcribed"),
        *("conversation_item_added", "function_tools_executed", "metrics_collected"),
        *("speech_created", "agent_false_interruption", "overlapping_speech"),
        *("session_usage_updated", "error", "close"),
    }
)
_OUTCOMES = {"lk.success": True, "lk.fail": False}
_JUDGE = "lk.judge."


def read_call(payload: Mapping[str, Any], losses: Losses) -> NativeCall:
    """Return the native call of a session report or a chat history.

    Raises:
        NotACall: one event of a session.
        BadInput: it is no session, or the items are not LiveKit's.
    """
    call_id = fields.name_in(
        [payload], "call_id", "job_id", "session_id", "room_id", "room_name", "room"
    )
    event = payload.get("type") or payload.get("event")
    if isinstance(event, str) and (call_id is None or not any(_transcripts(payload))):
        raise NotACall(f"LiveKit event {event[:40]}")
    turns = entries.first_turns(_transcripts(payload), losses)
    began = fields.get(payload, "started_at", "audio_recording_started_at")
    begin = fields.begin(began, turns.first_moment)
    start = times.epoch(begin)
    # The report's own `timestamp` is when it was written: near the session's end, not its end.
    written = times.epoch(payload.get("timestamp"))
    near_s = written - start if written and start else turns.last_s(start)
    duration_s = fields.duration(
        [payload], begin, fields.get(payload, "ended_at"), near_s, losses=losses
    )
    return fields.native_call(
        payload,
        call_id=fields.require_id(call_id, "LiveKit", "call_id, job_id or room_id"),
        agent=fields.name_in([payload], "agent_name") or UNNAMED_AGENT,
        started_at=begin,
        duration_s=duration_s,
        ended_reason=fields.name_in([payload], "ended_reason", "close_reason"),
        metrics=list(_judged(payload, losses)),
        transcript=turns.turns(start, duration_s),
    )


def _transcripts(payload: Mapping[str, Any]) -> Iterable[Any]:
    """Yield what may be the transcript, the richest first."""
    for key in ("chat_history", "history", "chat_ctx", "items", "transcript", "messages"):
        yield fields.get(payload, key)
    events = payload.get("events")
    yield (
        [event for event in events if fields.get(event, "item")]
        if isinstance(events, list)
        else None
    )


def _judged(payload: Mapping[str, Any], losses: Losses) -> Iterator[NativeResult]:
    """Yield what the session's own judges say: with their reasons, or as tags alone."""
    told = set()
    evaluations = fields.get(payload, "evaluations")
    for _, item in fields.objects_of(evaluations, "evaluations", LeftOut.UNUSABLE_RESULTS, losses):
        metric = fields.name_in([item], "name")
        told.add(metric)
        yield from judged(metric, item.get("verdict"), item.get("reasoning"), losses)
    tags = payload.get("tags")
    tags = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list | dict) else []
    for tag in tags:
        metric, _, verdict = tag.removeprefix(_JUDGE).rpartition(":")
        if tag.startswith(_JUDGE) and metric not in told:
            yield from judged(metric, verdict, None, losses)
    outcome = next((_OUTCOMES[tag] for tag in tags if tag in _OUTCOMES), None)
    outcome = fields.first(payload.get("outcome"), outcome)
    if outcome is not None:
        reason = fields.get(payload, "outcome_reason")
        yield from judged("Session outcome", outcome, reason, losses)
