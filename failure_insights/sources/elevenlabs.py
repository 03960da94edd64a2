"""ElevenLabs: the conversation, or the `post_call_transcription` webhook that holds it as `data`.

Shapes: elevenlabs.io/docs, "Post-call webhooks", "Get conversation" and "List conversations", and
the types of its Python SDK. Its criteria are judged by an LLM with a rationale.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from failure_insights.sources import entries, fields, times
from failure_insights.sources.fields import NativeCall
from failure_insights.sources.reading import LeftOut, Losses, NotACall
from failure_insights.sources.verdicts import Extracted, NativeResult, judged

UNNAMED_AGENT = "elevenlabs"

_NOT_ENDED = ("initiated", "in-progress", "processing")


def read_call(payload: Mapping[str, Any], losses: Losses) -> NativeCall:
    """Return the native call of a conversation or a webhook.

    Raises:
        NotACall: an event that is no transcription, or a conversation that has not ended.
        BadInput: it is no conversation, or the transcript is not ElevenLabs'.
    """
    call = fields.part(payload, "data") or payload
    call_id = fields.name_in([call], "conversation_id")
    _require_end(payload, call, call_id)
    # In a list of conversations, these stand in the conversation itself.
    places = (fields.part(call, "metadata"), call)
    begin = fields.first_in(places, "start_time_unix_secs", "accepted_time_unix_secs")
    duration_s = fields.duration(places, losses=losses)
    turns = entries.first_turns([_named(call)], losses)
    begin = fields.begin(begin, turns.first_moment, fields.get(payload, "event_timestamp"))
    results, extracted = _judged(call, losses)
    return fields.native_call(
        {key: value for key, value in payload.items() if key != "metadata"},
        call_id=fields.require_id(call_id, "ElevenLabs", "conversation_id"),
        agent=fields.name_in([call], "agent_id", "agent_name") or UNNAMED_AGENT,
        started_at=begin,
        duration_s=duration_s,
        ended_reason=fields.name_in(places, "termination_reason")
        or fields.name(fields.part(call, "metadata", "error").get("reason")),
        metadata=extracted,
        metrics=results,
        transcript=turns.turns(times.epoch(begin), duration_s),
    )


def _require_end(payload: Mapping[str, Any], call: Mapping[str, Any], call_id: str | None) -> None:
    event = payload.get("type")
    if isinstance(event, str) and event != "post_call_transcription":
        raise NotACall(f"ElevenLabs event {event[:40]}", call_id)
    if call.get("status") in _NOT_ENDED:
        raise NotACall("ElevenLabs conversation that has not ended", call_id)


def _named(call: Mapping[str, Any]) -> Any:
    """Return the transcript; where several agents speak, each turn names its own."""
    transcript = call.get("transcript")
    if not isinstance(transcript, list):
        return transcript
    agents = [fields.get(fields.get(turn, "agent_metadata"), "agent_id") for turn in transcript]
    if len(set(map(str, filter(None, agents)))) < 2:
        return transcript
    return [
        {**turn, "speaker_name": agent} if agent and turn.get("role") == "agent" else turn
        for turn, agent in zip(transcript, agents, strict=True)
    ]


def _judged(call: Mapping[str, Any], losses: Losses) -> tuple[list[NativeResult], dict[str, Any]]:
    """Return what ElevenLabs judges, and the collected data that judges nothing."""
    analysis = fields.part(call, "analysis")
    places = (analysis, call)
    summary = fields.first_in(places, "transcript_summary")
    results: list[NativeResult] = []
    success = fields.first_in(places, "call_successful")
    if success is not None:
        score = fields.first_in(places, "call_success_score")
        results += judged("Call successful", success, summary, losses, score=score)
    for criterion, item in _by_id(places, "evaluation_criteria_results", "criteria_id", losses):
        reason, points = fields.get(item, "rationale"), fields.get(item, "score")
        verdict = fields.get(item, "result") if isinstance(item, dict) else item
        results += judged(criterion, verdict, reason, losses, score=points)
    data = Extracted(summary, losses)
    for key, item in _by_id(places, "data_collection_results", "data_collection_id", losses):
        value = item.get("value") if isinstance(item, dict) else item
        data.add(fields.name_in([item], "name") or key, value, fields.get(item, "rationale"))
    return results + data.results, {"data_collection": data.rest} if data.rest else {}


def _by_id(
    places: Iterable[Any], field: str, id_field: str, losses: Losses
) -> Iterable[tuple[str, Any]]:
    """Return results by their ID: of a map, of the list beside it, and of single agents' parts."""
    found: dict[str, Any] = {}
    scoped = [
        part
        for place in places
        for _, part in fields.objects_of(fields.get(place, "scoped"), "scoped", _BAD, losses)
    ]
    for place in (*places, *scoped):
        if isinstance(results := fields.get(place, field), dict):
            for key, item in results.items():
                found.setdefault(fields.name_in([item], id_field) or key, item)
        listed = fields.get(place, f"{field}_list")
        for where, item in fields.objects_of(listed, f"{field}_list", _BAD, losses):
            key = fields.name_in([item], id_field, "name")
            if key is None:
                losses.add(_BAD, f"{where} has no {id_field}")
            else:
                found.setdefault(key, item)
    return found.items()


_BAD = LeftOut.UNUSABLE_RESULTS
