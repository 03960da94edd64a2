"""Phoenix: the spans of a trace or a session, with their annotations.

Shapes: Phoenix 20's REST API (`/openapi.json`: Span, SpanAnnotation, TraceAnnotation,
SessionAnnotation) and OpenInference's attributes, which it gives as flat keys
(`llm.input_messages.0.message.role`). A payload is `{"id", "spans", "span_annotations",
"trace_annotations", "session_annotations", "app"}`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from failure_insights.errors import BadInput
from failure_insights.sources import fields, times, traces
from failure_insights.sources.fields import NativeCall, mapping, mappings, name
from failure_insights.sources.reading import Losses, NotACall
from failure_insights.sources.texts import parsed
from failure_insights.sources.trace_scores import Judgement, Level, results
from failure_insights.sources.traces import Span

UNNAMED_AGENT = "phoenix"

_KINDS: Mapping[str, traces.Kind] = {"LLM": "llm", "TOOL": "tool"}
_BY: Mapping[str, Any] = {"LLM": "llm", "HUMAN": "human", "CODE": "code"}
_ANNOTATIONS: Mapping[str, Level] = {
    "session_annotations": "session",
    "trace_annotations": "trace",
    "span_annotations": "span",
}
#: The name under which Phoenix keeps people's free notes.
_NOTE = "note"
#: A list of attributes is not longer than this, whatever a key's number says.
_MOST_ITEMS = 10_000


def read_call(payload: Mapping[str, Any], losses: Losses) -> NativeCall:
    """Return the native call of a trace or a session.

    Raises:
        NotACall: it is a trace of an evaluator.
        BadInput: there is no span in it.
    """
    rows = [row for row in mappings(payload.get("spans")) if times.epoch(row.get("start_time"))]
    if not rows:
        raise BadInput("the trace has no spans")
    rows.sort(key=lambda row: times.epoch(row.get("start_time")) or 0.0)
    attributes = {id(row): nested(mapping(row.get("attributes"))) for row in rows}
    by_trace: dict[str, list[Span]] = {}
    for row in rows:
        trace_id = str(mapping(row.get("context")).get("trace_id"))
        by_trace.setdefault(trace_id, []).append(_span(row, attributes[id(row)]))
    root = next((row for row in rows if row.get("parent_id") is None), rows[0])
    if root.get("span_kind") == "EVALUATOR":
        raise NotACall("trace of an evaluator")
    spans = [span for trace in by_trace.values() for span in trace]
    start = min(span.start for span in spans)
    end = max(span.end or span.start for span in spans)
    return fields.native_call(
        {"agent": payload.get("agent"), "metadata": _metadata(attributes[id(root)], by_trace)},
        call_id=name(payload.get("id")),
        agent=name(payload.get("app")) or name(root.get("name")) or UNNAMED_AGENT,
        started_at=times.moment("start_time", start).isoformat(),
        duration_s=round(end - start, 3),
        ended_reason=traces.root_of(spans).error or None,
        metrics=[*results(_judgements(payload), losses)] or None,
        transcript=traces.transcript(by_trace.values()),
    )


def session_of(row: Mapping[str, Any]) -> str | None:
    """Return the session that a span says it is of, or None."""
    attributes = mapping(row.get("attributes"))
    return name(attributes.get("session.id")) or name(mapping(attributes.get("session")).get("id"))


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return flat attributes as objects and lists: `a.0.b` is `b` of the first item of `a`."""
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        *path, last = key.split(".")
        place = tree
        for part in path:
            inner = place.get(part)
            if not isinstance(inner, dict):
                inner = place[part] = {} if inner is None else {"": inner}
            place = inner
        place[last] = value
    return mapping_of(tree)


def mapping_of(tree: dict[str, Any]) -> dict[str, Any]:
    """Return the tree with lists where an object's keys are 0, 1, 2 and so on."""
    return {key: _listed(value) for key, value in tree.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    is_list = value and all(key.isascii() and key.isdecimal() for key in value)
    if is_list and max(map(len, value)) <= len(str(_MOST_ITEMS)):
        return [_listed(value[key]) for key in sorted(value, key=int)]
    return mapping_of(value)


def _span(row: Mapping[str, Any], attributes: Mapping[str, Any]) -> Span:
    llm, tool = mapping(attributes.get("llm")), mapping(attributes.get("tool"))
    is_error = row.get("status_code") == "ERROR"
    return Span(
        id=str(mapping(row.get("context")).get("span_id")),
        parent=name(row.get("parent_id")),
        kind=_KINDS.get(str(row.get("span_kind")), "other"),
        name=str(tool.get("name") or row.get("name") or ""),
        start=times.epoch(row.get("start_time")) or 0.0,
        end=times.epoch(row.get("end_time")),
        input=_messages(llm.get("input_messages")) or _value(attributes, "input"),
        output=_messages(llm.get("output_messages")) or _value(attributes, "output"),
        error=(name(row.get("status_message")) or "error") if is_error else "",
    )


def _value(attributes: Mapping[str, Any], which: str) -> Any:
    return mapping(attributes.get(which)).get("value")


def _messages(listed: Any) -> list[Mapping[str, Any]]:
    """Return OpenInference's messages in OpenAI's shape."""
    messages: list[Mapping[str, Any]] = []
    for item in mappings(listed):
        message = mapping(item.get("message")) or item
        calls = [mapping(each.get("tool_call")) for each in mappings(message.get("tool_calls"))]
        parts = [mapping(each.get("message_content")) for each in mappings(message.get("contents"))]
        shaped = {
            **message,
            "content": message.get("content") or [part for part in parts if part],
            "tool_calls": [call for call in calls if call],
        }
        messages.append(shaped)
    return messages


def _judgements(payload: Mapping[str, Any]) -> Iterator[Judgement]:
    for field, level in _ANNOTATIONS.items():
        for annotation in mappings(payload.get(field)):
            result = mapping(annotation.get("result"))
            metric = str(annotation.get("name") or "")
            label, score = result.get("label"), result.get("score")
            if metric == _NOTE or (label is None and score is None):
                continue
            yield Judgement(
                metric=metric,
                value=score if label in (None, "") else label,
                explanation=result.get("explanation") or "",
                level=level,
                by=_BY.get(str(annotation.get("annotator_kind")), "llm"),
                at=str(annotation.get("updated_at") or ""),
            )


def _metadata(attributes: Mapping[str, Any], trace_ids: Mapping[str, Any]) -> dict[str, Any]:
    own = attributes.get("metadata")
    own = parsed(own) if isinstance(own, str) else own
    metadata = dict(mapping(own))
    if user := name(mapping(attributes.get("user")).get("id")):
        metadata.setdefault("user_id", user)
    return {**metadata, "trace_ids": sorted(trace_ids)}
