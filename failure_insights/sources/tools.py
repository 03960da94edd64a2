"""Tools in a transcript: calls and results, in the shapes of all providers and LLMs.

A call stands as an entry of its own (Retell, LiveKit, Cekura), in a list of the message that
makes it (OpenAI, Vapi, ElevenLabs), or among its parts (Anthropic, Gemini); so does a result.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from failure_insights.sources.fields import first, get, mapping, mappings, part
from failure_insights.sources.texts import as_json, words

#: Where a message has its tools, if they are not among its parts.
_MESSAGE_FIELDS = frozenset({"tool_calls", "function_calls", "function_call", "tool_results"})
_IDS = ("call_id", "tool_call_id", "tool_use_id", "request_id", "id")
_NAMES = ("name", "tool_name", "function_name")
_ARGUMENTS = ("arguments", "params_as_json", "args", "input", "parameters", "params")
_RESULTS = ("result", "result_value", "output", "response", "content", "message")
_FAILURES = frozenset({"error", "failed", "failure"})
_CALL_TYPES = ("tool_use", "tool_call", "function_call")
_RESULT_TYPES = ("tool_result", "function_call_output", "function_response")


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool's call or its result. `id` joins the two."""

    role: Literal["tool_call", "tool_result"]
    content: str
    name: Any
    id: Any
    failed: bool = False


def tools_of_message(message: Mapping[str, Any], said: Any) -> Iterator[Tool]:
    """Yield the tools that a message of the agent or the user calls or answers, in order.

    Args:
        message: the entry, its names in snake_case.
        said: its content.
    """
    if _MESSAGE_FIELDS.isdisjoint(message) and isinstance(said, str):
        return
    yield from map(call_of, mappings(get(message, "tool_calls", "function_calls")))
    if call := part(message, "function_call"):
        yield call_of(call)
    yield from tools_of_parts(said)
    yield from map(result_of, mappings(get(message, "tool_results")))


def tools_of_parts(said: Any) -> Iterator[Tool]:
    """Yield the tools among the parts of a message's content."""
    for piece in mappings(said if isinstance(said, list) else mapping(said).get("parts")):
        kind = str(piece.get("type")).replace("-", "_")
        if call := part(piece, "function_call"):
            yield call_of(call)
        elif result := part(piece, "function_response"):
            yield result_of(result)
        elif call := part(piece, "tool_use"):
            yield call_of(call)
        elif result := part(piece, "tool_result"):
            yield result_of(result)
        elif "state" in piece and (kind.startswith("tool_") or kind == "dynamic_tool"):
            yield from _of_state(piece, kind)
        elif kind.endswith(_CALL_TYPES):
            yield call_of(piece)
        elif kind.endswith(_RESULT_TYPES):
            yield result_of(piece)


def _of_state(piece: Mapping[str, Any], kind: str) -> Iterator[Tool]:
    """Yield the call in a part of the AI SDK's, whose type names the tool, and its result."""
    named = {"name": kind.removeprefix("tool_"), **piece}
    yield call_of(named)
    if str(piece["state"]).startswith("output"):
        yield result_of({**named, "error": get(piece, "error_text")})


def calls_of_entry(entry: Mapping[str, Any]) -> Iterator[Tool]:
    """Yield the calls of an entry that is nothing else: those in its list, or itself."""
    calls = mappings(get(entry, "tool_calls", "function_calls"))
    own = part(entry, "function_call")
    if calls or own:
        yield from map(call_of, calls or [own])
    else:
        yield call_of(entry, get(entry, "content", "message"))


def results_of_entry(entry: Mapping[str, Any]) -> Iterator[Tool]:
    """Yield the results of an entry that is nothing else: those in its list or parts, or itself."""
    listed = mappings(get(entry, "tool_call_results", "tool_results"))
    among = [tool for tool in tools_of_parts(get(entry, "content", "parts")) if _is_result(tool)]
    yield from [result_of(item) for item in listed] or among or [result_of(entry)]


def call_of(call: Mapping[str, Any], otherwise: Any = None) -> Tool:
    """Return a call: its fields stand in it, in `function` (OpenAI) or in `data` (Cekura).

    Args:
        call: the object.
        otherwise: its arguments, where no field has them.
    """
    inner = part(call, "function") or part(call, "data") or call
    given = (get(inner, *_ARGUMENTS), get(call, *_ARGUMENTS), otherwise)
    arguments = next((value for value in given if value is not None), "")
    return Tool(
        "tool_call",
        arguments if isinstance(arguments, str) else as_json(arguments),
        first(get(inner, *_NAMES), get(call, *_NAMES)),
        _id(inner, call),
    )


def result_of(result: Mapping[str, Any], said: Any = None) -> Tool:
    """Return a result; `failed` where the tool or the provider says so.

    Args:
        result: the object.
        said: what it says, where that is known already.
    """
    inner = part(result, "data") or result
    held = first(said, *(get(at, key) for at in (inner, result) for key in _RESULTS))
    told_failed = False
    if isinstance(held, dict):
        # The AI SDK says what kind of output it is, and Gemini's functions name an error.
        told_failed = str(held.get("type")).startswith("error") or bool(held.get("error"))
        held = held["value"] if "type" in held and "value" in held else held
    text = _data(held)
    error = first(*(get(at, "error", "raw_error_message") for at in (inner, result)))
    told = "" if isinstance(error, bool) else _data(error)
    return Tool(
        "tool_result",
        text if told in text else f"{told}\n{text}".strip(),
        first(get(inner, *_NAMES), get(result, *_NAMES)),
        _id(inner, result),
        told_failed or bool(error) or _has_failed(inner) or _has_failed(result),
    )


def _is_result(tool: Tool) -> bool:
    return tool.role == "tool_result"


def _id(*objects: Mapping[str, Any]) -> Any:
    return first(*(get(at, key) for key in _IDS for at in objects))


def _has_failed(result: Mapping[str, Any]) -> bool:
    status = get(result, "status")
    return (
        get(result, "is_error") is True
        or get(result, "is_blocked") is True
        or get(result, "successful", "success") is False
        or (isinstance(status, str) and status.lower() in _FAILURES)
    )


def _data(value: Any) -> str:
    """Return a tool's result as text: its parts where it has some, else as JSON."""
    if isinstance(value, str):
        return value
    return words(value) or ("" if value in (None, [], {}) else as_json(value))
