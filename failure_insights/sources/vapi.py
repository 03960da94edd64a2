"""Vapi: the call object, the `end-of-call-report` that its server sends, and its chats.

Shapes: docs.vapi.ai, "Server events", "Get call" and "Get chat", and the types of its Python SDK.
Messages are `artifact.messages`, or in older calls `messages`; where a privacy plan or an export
has left those out, `messagesOpenAIFormatted` or the transcript as text.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from failure_insights.sources import entries, fields, rubrics, times
from failure_insights.sources.fields import NativeCall
from failure_insights.sources.reading import LeftOut, Losses, NotACall
from failure_insights.sources.verdicts import Extracted, NativeResult, judged

#: A call whose assistant stands inline, without a name.
UNNAMED_AGENT = "vapi"

#: What its server sends, as "Server events" lists them.
SERVER_MESSAGES = frozenset(
    {
        *("assistant-request", "assistant.speechStarted", "assistant.started", "call.deleted"),
        *("call.artifact.upload", "call.delete.failed", "call.endpointing.request"),
        *("campaign.predial", "chat.created", "chat.deleted", "conversation-update"),
        *("end-of-call-report", "function-call", "handoff-destination-request", "hang"),
        *("knowledge-base-request", "language-change-detected", "model-output"),
        *("phone-call-control", "session.created", "session.deleted", "session.updated"),
        *("speech-update", "status-update", "tool-calls", "transcript", "transfer-update"),
        *("transfer-destination-request", "user-interrupted", "voice-input", "voice-request"),
        'transcript[transcriptType="final"]',
    }
)
#: The only server messages that hold a whole conversation.
_ENDS = ("end-of-call-report", "chat.created")
_NOT_ENDED = ("scheduled", "queued", "ringing", "in-progress", "forwarding")
_MESSAGES = ("messages", "messagesOpenAIFormatted", "messages_open_ai_formatted", "transcript")


def read_call(payload: Mapping[str, Any], losses: Losses) -> NativeCall:
    """Return the native call of a call object, a chat or a server message.

    Raises:
        NotACall: a server message that is no end of a call, or a call that has not ended.
        BadInput: it is no call, or the messages are not Vapi's.
    """
    report = fields.part(payload, "message") or payload
    call = fields.part(report, "call") or fields.part(report, "chat") or report
    _require_end(report, call)
    both = (report, call)
    artifacts = [fields.part(at, "artifact") for at in both]
    started = fields.first_in(both, "started_at")
    ended = fields.first_in(both, "ended_at")
    turns = entries.first_turns(_transcripts(call, both, artifacts), losses)
    duration_s = fields.duration(both, started, ended, losses=losses)
    begin = fields.begin(
        started,
        fields.first_in(both, "created_at"),
        turns.first_moment,
        turns.start_by_clock,
        fields.begin_before(fields.first(ended, report.get("timestamp")), duration_s),
    )
    results, extracted = _judged(both, artifacts, losses)
    return fields.native_call(
        payload,
        call_id=fields.require_id(fields.name_in((call, report), "id", "call_id"), "Vapi", "id"),
        agent=_agent((call, report), artifacts),
        started_at=begin,
        duration_s=duration_s,
        ended_reason=fields.name_in(both, "ended_reason"),
        metadata={**fields.part(call, "metadata"), **extracted},
        metrics=results,
        transcript=turns.turns(times.epoch(begin), duration_s),
    )


def _require_end(report: Mapping[str, Any], call: Mapping[str, Any]) -> None:
    call_id = fields.name(call.get("id"))
    kind = report.get("type")
    # Calls have a type too: inboundPhoneCall, webCall.
    if isinstance(kind, str) and kind not in _ENDS and not kind.endswith("Call"):
        raise NotACall(f"Vapi message {kind[:40]}", call_id)
    is_over = fields.get(call, "ended_at") or kind in _ENDS
    if call.get("status") in _NOT_ENDED and not is_over:
        raise NotACall("Vapi call that has not ended", call_id)


def _transcripts(
    call: Mapping[str, Any], both: Iterable[Any], artifacts: list[Mapping[str, Any]]
) -> Iterable[Any]:
    """Yield what may be the transcript, the richest first."""
    input_ = fields.get(call, "input")
    output = fields.get(call, "output")
    if output is not None:
        said = [{"role": "user", "content": input_}] if isinstance(input_, str) else input_
        before = fields.get(call, "messages")
        yield [
            *(part for value in (before, said, output) if isinstance(value, list) for part in value)
        ]
    for key in _MESSAGES:
        for at in (*artifacts, *both):
            yield fields.get(at, key)
    for artifact in artifacts:
        nodes = fields.mappings(artifact.get("nodes"))
        yield [message for node in nodes for message in fields.mappings(node.get("messages"))]


def _agent(objects: tuple[Mapping[str, Any], ...], artifacts: list[Mapping[str, Any]]) -> str:
    """Return who speaks: an ID where there is one, else the name of what stands inline."""
    kinds = ("assistant", "squad", "workflow")
    named = fields.name_in(objects, *(f"{kind}_id" for kind in kinds))
    inline = [fields.part(at, kind) for kind in kinds for at in objects]
    members = [
        fields.first_in([member], "assistant_id") or fields.part(member, "assistant").get("name")
        for at in objects
        for member in fields.mappings(fields.part(at, "squad").get("members"))
    ]
    activations = [
        item
        for artifact in artifacts
        for item in fields.mappings(fields.get(artifact, "assistant_activations"))
    ]
    return (
        named
        or fields.name_in(inline, "id", "name")
        or next(filter(None, map(fields.name, members)), None)
        or fields.name_in(activations, "assistant_id", "assistant_name")
        or UNNAMED_AGENT
    )


def _of_catalog(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an item of `structuredDataMulti` by its key, where it names that beside the data."""
    key = fields.name_in([item], "key", "name")
    held = [field for field in ("result", "value", "data", "structuredData") if field in item]
    return {key: item[held[0]]} if key and held else item


def _judged(
    objects: tuple[Any, ...], artifacts: list[Mapping[str, Any]], losses: Losses
) -> tuple[list[NativeResult], dict[str, Any]]:
    """Return what Vapi judges, and the extracted data that judges nothing."""
    analyses = [fields.part(at, "analysis") for at in objects]
    summary = fields.first_in(analyses, "summary")
    evaluation = fields.first_in(analyses, "success_evaluation")
    results = rubrics.results_of(evaluation, summary, losses)
    outputs = Extracted(summary, losses)
    structured = fields.first_in((*artifacts, *objects), "structured_outputs")
    for key, output in fields.mapping(structured).items():
        item = fields.mapping(output)
        outputs.add(fields.name(item.get("name")) or str(key), item.get("result", output))
    listed = fields.mappings(fields.first_in(analyses, "structured_data_multi"))
    for data in (fields.first_in(analyses, "structured_data"), *map(_of_catalog, listed)):
        for key, value in fields.mapping(data).items():
            outputs.add(str(key), value)
    results += outputs.results
    cards = fields.first_in(artifacts, "scorecards")
    for key, card in fields.mapping(cards).items():
        score = fields.first_in([card], "score_normalized", "score")
        results += judged(fields.name(fields.get(card, "name")) or key, score, summary, losses)
    skipped = fields.first_in(artifacts, "skipped_structured_outputs")
    for output in fields.mapping(skipped).values():
        losses.add(LeftOut.RESULTS_WITHOUT_VERDICT, f"{fields.get(output, 'name')!s:.40} skipped")
    return results, {"structured_outputs": outputs.rest} if outputs.rest else {}
