"""Retell: the call or chat object, or the webhook that holds it when it has ended.

Shapes: docs.retellai.com, "Get call", "Get chat" and "Webhook overview", and the types of its
Python SDK. The transcript with tool calls is best; with its PII setting Retell keeps only the
scrubbed one, and its list of calls has none.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from failure_insights.sources import entries, fields, times
from failure_insights.sources.fields import NativeCall
from failure_insights.sources.reading import LeftOut, Losses, NotACall, shown
from failure_insights.sources.texts import parsed
from failure_insights.sources.verdicts import Extracted, NativeResult, judged

#: A call of a custom LLM may name no agent.
UNNAMED_AGENT = "retell"

_ENDS = ("call_ended", "call_analyzed", "chat_ended", "chat_analyzed")
_NOT_ENDED = ("registered", "ongoing")


def read_call(payload: Mapping[str, Any], losses: Losses) -> NativeCall:
    """Return the native call of a call, a chat or a webhook.

    Raises:
        NotACall: an event that is no end of a call, or a call that was not connected or has not
            ended.
        BadInput: it is no call, or the transcript is not Retell's.
    """
    # Older webhooks have the call as `data`.
    held = (fields.part(payload, key) for key in ("call", "chat", "data"))
    session = next(filter(None, held), payload)
    kind = "chat" if fields.get(session, "chat_id") else "call"
    call_id = fields.name_in([session], f"{kind}_id")
    _require_end(payload, fields.name_in([session], f"{kind}_status"), call_id)
    started, ended = (fields.get(session, f"{which}_timestamp") for which in ("start", "end"))
    turns = entries.first_turns(_transcripts(session), losses)
    duration_s = fields.duration([session], started, ended, losses=losses)
    begin = fields.begin(
        started,
        turns.first_moment,
        fields.begin_before(ended, duration_s),
        fields.get(payload, "event_timestamp"),
    )
    if begin is None and fields.get(session, "call_status") in ("not_connected", "error"):
        raise NotACall("Retell call that was not connected and has no time", call_id)
    results, extracted = _judged(session, kind, losses)
    return fields.native_call(
        payload,
        call_id=fields.require_id(call_id, "Retell", "call_id"),
        agent=fields.name_in([session], "agent_id", "agent_name") or UNNAMED_AGENT,
        started_at=begin,
        duration_s=duration_s,
        ended_reason=fields.name_in([session], "disconnection_reason"),
        metadata={**fields.part(session, "metadata"), **extracted},
        metrics=results,
        transcript=turns.turns(times.epoch(begin), duration_s),
    )


def _require_end(payload: Mapping[str, Any], status: str | None, call_id: str | None) -> None:
    event = payload.get("event")
    if isinstance(event, str):
        if event not in _ENDS:
            raise NotACall(f"Retell event {event[:40]}", call_id)
    elif status in _NOT_ENDED:
        raise NotACall("Retell call that has not ended", call_id)


def _transcripts(session: Mapping[str, Any]) -> Iterable[Any]:
    """Yield what may be the transcript, the richest first.

    Tools that ran before or after the session stand in lists of their own.
    """
    for scrubbed in ("", "scrubbed_"):
        for kind in ("transcript", "message"):
            said = fields.get(session, f"{scrubbed}{kind}_with_tool_calls")
            around = [
                fields.get(session, f"{scrubbed}{when}_session_{kind}_with_tool_calls")
                for when in ("pre", "post")
            ]
            before, after = (value if isinstance(value, list) else [] for value in around)
            yield [*before, *said, *after] if isinstance(said, list) and said else said
    yield fields.get(session, "transcript_object")
    yield fields.get(session, "scrubbed_transcript_object")
    yield fields.get(session, "transcript")
    yield fields.get(session, "scrubbed_transcript")


def _judged(
    session: Mapping[str, Any], kind: str, losses: Losses
) -> tuple[list[NativeResult], dict[str, Any]]:
    """Return what Retell judges, and the extracted data that judges nothing."""
    analysis = fields.part(session, f"{kind}_analysis")
    summary = fields.get(analysis, f"{kind}_summary")
    success = fields.get(analysis, f"{kind}_successful")
    results: list[NativeResult] = []
    if success is not None:
        results += judged(f"{kind.capitalize()} successful", success, summary, losses)
    custom = Extracted(summary, losses)
    for key, value in _custom(fields.get(analysis, "custom_analysis_data"), losses).items():
        custom.add(key, value)
    rest = {"custom_analysis_data": custom.rest} if custom.rest else {}
    seen = {key: fields.get(analysis, key) for key in ("user_sentiment", "in_voicemail")}
    return results + custom.results, rest | {k: v for k, v in seen.items() if v is not None}


def _custom(data: Any, losses: Losses) -> Mapping[str, Any]:
    """Return custom analysis data by name; its type is open, so JSON text and lists occur too."""
    if isinstance(data, str):
        data = parsed(data) or data
    if isinstance(data, dict):
        return data
    named = {
        key: item.get("value")
        for item in fields.mappings(data)
        if (key := fields.name(item.get("name")))
    }
    if data not in (None, "", []) and not named:
        losses.add(LeftOut.FIELDS, f"custom_analysis_data is {shown(data)}, not an object")
    return named
