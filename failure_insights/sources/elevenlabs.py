"""ElevenLabs: the conversation, or the `post_call_transcription` webhook that holds it as `data`.

Shapes: elevenlabs.io/docs, "Post-call webhooks" and "Get conversation". Its evaluation criteria
are judged by an LLM with a rationale, so they come along as metric results.
"""

from collections.abc import Mapping
from typing import Any

from failure_insights.sources import fields
from failure_insights.sources.fields import NativeCall, NativeTurn


def read_call(payload: Mapping[str, Any]) -> NativeCall:
    """Return the native call of a conversation or a webhook.

    Raises:
        BadInput: the transcript is not ElevenLabs'.
    """
    call = fields.part(payload, "data") or payload
    metadata = fields.part(call, "metadata")
    transcript = call.get("transcript")
    return fields.native_call(
        {key: value for key, value in payload.items() if key != "metadata"},
        call_id=fields.name(call.get("conversation_id")),
        agent=fields.name(call.get("agent_id")),
        started_at=fields.time(metadata.get("start_time_unix_secs")),
        duration_s=fields.seconds(metadata.get("call_duration_secs")),
        ended_reason=fields.name(metadata.get("termination_reason")),
        metrics=_criteria(fields.part(call, "analysis", "evaluation_criteria_results")),
        transcript=read_turns([] if transcript is None else transcript),
    )


def read_turns(transcript: Any) -> list[NativeTurn]:
    """Return the native turns: what an entry says, then its tools' calls and results."""
    turns: list[NativeTurn] = []
    for place, entry in fields.items(transcript):
        start = entry.get("time_in_call_secs")
        if said := fields.words(entry.get("message")):
            turns.append(fields.turn(fields.role_of(place, entry), said, start))
        for call in _objects(entry.get("tool_calls")):
            turns.append(
                fields.turn(
                    "tool_call", call.get("params_as_json"), start, tool_name=call.get("tool_name")
                )
            )
        for result in _objects(entry.get("tool_results")):
            turns.append(
                fields.turn(
                    "tool_result",
                    result.get("result_value"),
                    start,
                    tool_name=result.get("tool_name"),
                )
            )
    return turns


def _criteria(results: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """Return the evaluation criteria as metric results; `unknown` ones judge nothing."""
    verdicts = {"success": True, "failure": False}
    metrics = []
    for criterion in results.values():
        result = fields.part(criterion)
        passed = verdicts.get(str(result.get("result")))
        if passed is not None and (name := fields.name(result.get("criteria_id"))):
            explanation = fields.words(result.get("rationale"))
            metrics.append({"name": name, "passed": passed, "explanation": explanation})
    return metrics or None


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
