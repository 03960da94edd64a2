"""Langfuse: a trace or a session with its observations and scores.

Shapes: langfuse 5 (`api/commons/types/observation_v2.py`, `api/scores/types`) as observations v2
and scores v3 give them, and langfuse 3 (`TraceWithFullDetails`) as `GET /traces/ID` gives it. A
payload is such a trace, or `{"id", "observations", "scores"}`, or `{"id", "traces", "scores"}`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from failure_insights.errors import BadInput
from failure_insights.sources import fields, times, traces
from failure_insights.sources.fields import NativeCall, get, mapping, mappings, name
from failure_insights.sources.reading import Losses, NotACall
from failure_insights.sources.texts import parsed
from failure_insights.sources.trace_scores import Judgement, Level, results
from failure_insights.sources.traces import Span

UNNAMED_AGENT = "langfuse"

_KINDS: Mapping[str, traces.Kind] = {"GENERATION": "llm", "TOOL": "tool"}
_BY: Mapping[str, Any] = {"EVAL": "llm", "ANNOTATION": "human", "API": "llm"}
#: Langfuse's own LLM judges are traced in environments of this beginning.
OWN_ENVIRONMENT = "langfuse-"


def read_call(payload: Mapping[str, Any], losses: Losses) -> NativeCall:
    """Return the native call of a trace or a session.

    Raises:
        NotACall: it is a trace of one of Langfuse's own judges.
        BadInput: there is no observation in it, and no input or output.
    """
    held = mappings(payload.get("traces")) or [payload]
    rows = [row for trace in held for row in _rows(trace)]
    if any(str(row.get("environment")).startswith(OWN_ENVIRONMENT) for row in [*held, *rows]):
        raise NotACall("trace of one of Langfuse's own judges")
    by_trace: dict[str, list[Span]] = {}
    for row in rows:
        by_trace.setdefault(str(get(row, "trace_id")), []).append(_span(row))
    if not by_trace:
        raise BadInput("the trace has no observations, and neither input nor output")
    spans = [span for trace in by_trace.values() for span in trace]
    start = min(span.start for span in spans)
    end = max(span.end or span.start for span in spans)
    first = min(rows, key=lambda row: times.epoch(get(row, "start_time")) or 0.0)
    scores = [*mappings(payload.get("scores"))]
    scores += [score for trace in held if trace is not payload for score in _scores(trace)]
    return fields.native_call(
        {"agent": payload.get("agent"), "metadata": _metadata(payload, held, rows)},
        call_id=name(payload.get("id")),
        agent=_agent(held, first),
        started_at=_iso(start),
        duration_s=round(end - start, 3),
        ended_reason=_error(spans),
        metrics=[*results(map(_judgement, scores), losses)] or None,
        transcript=traces.transcript(by_trace.values()),
    )


def _rows(trace: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the observations of a trace; its own input and output are one above them."""
    trace_id, began = trace.get("id"), get(trace, "timestamp")
    if began is not None and (get(trace, "input") or get(trace, "output")):
        yield {
            "id": trace_id,
            "traceId": trace_id,
            "type": "SPAN",
            "name": trace.get("name"),
            "startTime": began,
            "input": trace.get("input"),
            "output": trace.get("output"),
            "environment": trace.get("environment"),
            "isRoot": True,
        }
    for row in mappings(trace.get("observations")):
        if times.epoch(get(row, "start_time")) is not None:
            parent = get(row, "parent_observation_id") or (trace_id if began else None)
            yield {"traceId": trace_id, **row, "parentObservationId": parent}


def _span(row: Mapping[str, Any]) -> Span:
    is_error = get(row, "level") == "ERROR"
    return Span(
        id=str(row.get("id")),
        parent=None if row.get("isRoot") else name(get(row, "parent_observation_id")),
        kind=_KINDS.get(str(row.get("type")), "other"),
        name=str(row.get("name") or ""),
        start=times.epoch(get(row, "start_time")) or 0.0,
        end=times.epoch(get(row, "end_time")),
        input=row.get("input"),
        output=row.get("output"),
        error=(name(get(row, "status_message")) or "error") if is_error else "",
    )


def _scores(trace: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return iter(mappings(trace.get("scores")))


def _judgement(score: Mapping[str, Any]) -> Judgement:
    subject = mapping(score.get("subject"))
    kind = get(score, "data_type")
    value = score.get("value")
    if kind == "BOOLEAN" and isinstance(value, int | float):
        value = bool(value)
    elif kind in ("CATEGORICAL", "TEXT") and get(score, "string_value") is not None:
        value = get(score, "string_value")
    return Judgement(
        metric=str(score.get("name") or ""),
        value=value,
        explanation=score.get("comment") or "",
        level=_level(score, subject),
        by=_BY.get(str(score.get("source")), "llm"),
        at=str(get(score, "updated_at") or get(score, "timestamp") or ""),
    )


def _level(score: Mapping[str, Any], subject: Mapping[str, Any]) -> Level:
    kind = subject.get("kind")
    if kind == "observation" or get(score, "observation_id"):
        return "span"
    if kind == "session" or (get(score, "session_id") and not get(score, "trace_id")):
        return "session"
    return "trace"


def _agent(held: list[Mapping[str, Any]], first: Mapping[str, Any]) -> str:
    names = (get(first, "trace_name"), held[0].get("name"), first.get("name"))
    return next((found for value in names if (found := name(value))), UNNAMED_AGENT)


def _error(spans: list[Span]) -> str | None:
    """Return why the last trace's root failed, where it did."""
    root = traces.root_of(spans)
    return root.error or None


def _metadata(
    payload: Mapping[str, Any], held: list[Mapping[str, Any]], rows: list[Mapping[str, Any]]
) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    for source in (*rows, *held):
        own = source.get("metadata")
        own = parsed(own) if isinstance(own, str) else own
        if isinstance(own, Mapping) and not get(source, "parent_observation_id"):
            metadata = {**own, **metadata}
        for field in ("user_id", "environment", "release", "tags"):
            value = get(source, field)
            if value and field not in metadata:
                metadata[field] = value
    metadata["trace_ids"] = sorted({str(get(row, "trace_id")) for row in rows})
    metadata |= mapping(payload.get("metadata")) if payload not in held else {}
    return metadata


def _iso(moment: float) -> Any:
    return times.moment("start", moment).isoformat()
