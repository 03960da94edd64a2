"""Cekura: the body of its observe webhook, a call log of its API, or the webhook that holds one.

Shapes: docs.cekura.ai, "Send calls", "Transcript format" and "Webhook format". `transcript_type`
names whose shape `transcript_json` has; each entry shows that itself, so it is only checked.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from failure_insights.errors import BadInput
from failure_insights.sources import entries, fields, times
from failure_insights.sources.fields import NativeCall
from failure_insights.sources.reading import LeftOut, Losses, NotACall, shown
from failure_insights.sources.texts import words
from failure_insights.sources.verdicts import NativeResult, passed_of, score_of

#: Whose shape a transcript may have. `vocera` is the product's earlier name, which its API takes.
TRANSCRIPT_TYPES = (
    *("cekura", "vocera", "custom", "vapi", "retell", "elevenlabs", "livekit", "pipecat"),
    "deepgram",
)


def read_call(payload: Mapping[str, Any], losses: Losses) -> NativeCall:
    """Return the native call of an observe body, a call log or a `call_log.completed` webhook.

    Raises:
        NotACall: another event, such as the result of simulated calls.
        BadInput: there is no such `transcript_type`, or the transcript is neither list nor text.
    """
    event = payload.get("event_type")
    if isinstance(event, str) and event != "call_log.completed":
        raise NotACall(f"Cekura event {event[:40]}")
    log = fields.part(payload, "data") if event else payload
    _require_type(log.get("transcript_type"))
    turns = entries.first_turns(_transcripts(log), losses)
    started = _utc(fields.begin(log.get("timestamp"), log.get("started_at")))
    begin = fields.first(started, turns.first_moment)
    last_s = turns.last_s(times.epoch(begin))
    duration_s = fields.duration([log], started, log.get("ended_at"), last_s, losses=losses)
    return fields.native_call(
        {**log, "metadata": _metadata(log)},
        call_id=fields.name(log.get("call_id")),
        agent=fields.name_in([log], "agent", "assistant_id", "agent_id"),
        started_at=begin,
        duration_s=duration_s,
        ended_reason=fields.name_in([log], "call_ended_reason"),
        metrics=_judged(log, losses),
        transcript=turns.turns(times.epoch(begin), duration_s),
    )


def _require_type(transcript_type: Any) -> None:
    if transcript_type in (None, ""):
        return
    if str(transcript_type).strip().lower() not in TRANSCRIPT_TYPES:
        known = ", ".join(TRANSCRIPT_TYPES)
        raise BadInput(f"transcript_type {shown(transcript_type)} is not one of {known}")


def _transcripts(log: Mapping[str, Any]) -> Iterable[Any]:
    """Yield what may be the transcript, the richest first."""
    for key in ("transcript_json", "transcript_object", "transcript", "user_generated_transcript"):
        yield log.get(key)


def _metadata(log: Mapping[str, Any]) -> Any:
    """Return the metadata with the recording's address, which Cekura has beside it."""
    recording, metadata = log.get("voice_recording_url"), log.get("metadata")
    if not isinstance(recording, str) or not isinstance(metadata, dict | None):
        return metadata
    return {"voice_recording_url": recording, **(metadata or {})}


def _judged(log: Mapping[str, Any], losses: Losses) -> list[NativeResult]:
    """Return a call log's results. A binary one says `passed`; older ones pass above score 0."""
    evaluation = log.get("evaluation")
    items = evaluation if isinstance(evaluation, list) else fields.get(evaluation, "metrics")
    results = []
    for where, item in fields.objects_of(items, "metrics", LeftOut.UNUSABLE_RESULTS, losses):
        kind = fields.get(item, "eval_type", "type")
        score = score_of(fields.first_in([item], "score", "value", "enum", "enum_value", "label"))
        metric = fields.name_in([item, fields.part(item, "metric")], "name", "metric_name")
        passed = passed_of(item.get("passed"))
        if passed is None and str(kind).startswith("binary"):
            passed = passed_of(score)
            if passed is None and isinstance(score, int | float):
                passed = score > 0
        if passed is None and score is None:
            losses.add(LeftOut.RESULTS_WITHOUT_VERDICT, f"{where}: {shown(metric)}")
            continue
        results.append(
            {
                "name": metric,
                "passed": passed,
                "score": score,
                "explanation": words(item.get("explanation")),
            }
        )
    return results


def _utc(moment: Any) -> Any:
    """Return a time with its zone; Cekura takes one without as UTC."""
    try:
        naive = datetime.fromisoformat(moment if isinstance(moment, str) else "")
    except ValueError:
        return moment
    return moment if naive.tzinfo else naive.replace(tzinfo=UTC).isoformat()
