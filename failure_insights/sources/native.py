"""The native format: one call a line, as JSON. A line is taken whole or refused with the reason.

Hand-written rather than a pydantic model: a call has scores of fields, and a file many calls.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from math import isfinite
from typing import Any, TypeVar

import orjson

from failure_insights.domain.calls import ROLES, Call, MetricResult, Score, Turn
from failure_insights.domain.metrics import METRIC_TYPES, PassRule, slugify
from failure_insights.errors import BadInput

#: A call of this many tokens is no conversation; no reader of it could hold it at once.
MAX_TOKENS = 200_000
MAX_TURNS = 20_000
#: Room for MAX_TOKENS where every character is escaped.
MAX_LINE_BYTES = 16 * 2**20
MAX_CALL_ID = 500
MAX_NAME = 200
MAX_EXPLANATION = 100_000
#: An ended_reason or a score in words.
MAX_PHRASE = 1_000

#: The usual estimate for English; see `_estimated_tokens` for texts of short words.
CHARACTERS_PER_TOKEN = 4

slug_of = lru_cache(maxsize=10_000)(slugify)
rule_of = lru_cache(maxsize=1_000)(PassRule.parse)


class BadCall(BadInput):
    """A line that is no call; `call_id` is None where not even that could be read."""

    def __init__(self, reason: str, call_id: str | None = None) -> None:
        super().__init__(reason)
        self.call_id = call_id


def read(line: bytes | str, project: str | None = None) -> Call:
    """Return the call of a line.

    Args:
        line: JSON, as UTF-8 or as text.
        project: the project of the call, whatever the line names; None: the line's own.

    Raises:
        BadCall: it is no JSON, or a field is missing or cannot be used.
    """
    return call_of(object_of(line), project)


def object_of(line: bytes | str) -> Mapping[str, Any]:
    """Return the JSON object of a line.

    Raises:
        BadInput: it is no JSON object, is too long, or holds a lone surrogate.
    """
    if len(line) > MAX_LINE_BYTES:
        raise BadInput(f"the line is longer than {MAX_LINE_BYTES // 2**20} MiB")
    try:
        payload = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"not JSON: {error.msg} at character {error.colno}") from None
    if not isinstance(payload, dict):
        raise BadInput(f"a line is one JSON object, and this is {shown(payload)}")
    return payload


def call_of(payload: Mapping[str, Any], project: str | None = None) -> Call:
    """Return the call that a native JSON object describes; unknown fields are ignored.

    Raises:
        BadCall: a field is missing or cannot be used.
    """
    call_id = None
    try:
        call_id = _text(payload, "call_id", MAX_CALL_ID)
        return Call(
            call_id=call_id,
            project=_slugged(payload if project is None else {"project": project}, "project"),
            agent=_name(payload, "agent"),
            started_at=_time(payload, "started_at"),
            transcript=_transcript(payload),
            duration_s=_seconds(payload, "duration_s"),
            ended_reason=_optional_text(payload, "ended_reason", MAX_PHRASE),
            metadata=_metadata(payload),
            metrics=_metrics(payload),
        )
    except BadInput as error:
        raise BadCall(str(error), call_id) from None


def _transcript(payload: Mapping[str, Any]) -> tuple[Turn, ...]:
    if payload.get("transcript") is None:
        raise BadInput("transcript is missing")
    turns = _each(payload, "transcript", _turn, MAX_TURNS)
    if (tokens := _estimated_tokens(turns)) >= MAX_TOKENS:
        raise BadInput(
            f"transcript has about {tokens} tokens; a call has fewer than {MAX_TOKENS}: "
            "split it, or leave out what nobody said"
        )
    return turns


def _turn(item: Mapping[str, Any]) -> Turn:
    role, content = item.get("role"), item.get("content")
    if role not in ROLES:
        raise BadInput(f"role is {shown(role)}; use one of {', '.join(ROLES)}")
    if not isinstance(content, str):
        raise BadInput(f"content is {shown(content)}, not text")
    return Turn(
        role=role,
        content=_storable("content", content),
        start_s=_seconds(item, "start_s"),
        tool_name=_optional_text(item, "tool_name", MAX_NAME),
        speaker=_optional_text(item, "speaker", MAX_NAME),
    )


def _estimated_tokens(turns: tuple[Turn, ...]) -> int:
    """Return characters / 4, or the number of words where that is more: a word is a token."""
    characters = sum(len(turn.content) for turn in turns)
    # Fewer characters than this cannot hold so many words, so they need no counting.
    if characters < 2 * MAX_TOKENS:
        return characters // CHARACTERS_PER_TOKEN
    words = sum(len(turn.content.split()) for turn in turns)
    return max(words, characters // CHARACTERS_PER_TOKEN)


def _metrics(payload: Mapping[str, Any]) -> tuple[MetricResult, ...]:
    results = _each(payload, "metrics", _result)
    if len({slug_of(result.name) for result in results}) < len(results):
        raise BadInput("metrics names a metric twice; send one result for each")
    return results


def _result(item: Mapping[str, Any]) -> MetricResult:
    passed, score, type_ = item.get("passed"), item.get("score"), item.get("type")
    if passed is not None and not isinstance(passed, bool):
        raise BadInput(f"passed is {shown(passed)}, neither true nor false")
    if passed is None and score is None:
        raise BadInput("has neither passed nor a score")
    if type_ is not None and type_ not in METRIC_TYPES:
        raise BadInput(f"type is {shown(type_)}; use one of {', '.join(METRIC_TYPES)}")
    rule = _optional_text(item, "pass_rule", MAX_NAME)
    return MetricResult(
        name=_slugged(item, "name"),
        passed=passed,
        score=_score(score),
        explanation=_optional_text(item, "explanation", MAX_EXPLANATION) or "",
        type=type_,
        pass_rule=None if rule is None else str(rule_of(rule)),
    )


def _score(score: Any) -> Score:
    if isinstance(score, str):
        if len(score) > MAX_PHRASE:
            raise BadInput(f"score is longer than {MAX_PHRASE} characters")
        return _storable("score", score)
    if score is None or isinstance(score, bool | int | float):
        return score
    raise BadInput(f"score is {shown(score)}, neither a number, a word nor true or false")


#: A NUL as JSON writes it, and not the characters that look like one after a backslash.
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def _metadata(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = payload.get("metadata")
    if metadata is None:
        return {}
    if not isinstance(metadata, dict):
        raise BadInput(f"metadata is {shown(metadata)}, not an object")
    try:
        text = orjson.dumps(metadata)
    except TypeError as error:
        raise BadInput(f"metadata cannot be stored: {error}") from None
    if b"\\u0000" in text and _ESCAPED_NUL.search(text):
        raise BadInput("metadata holds a NUL character, which Postgres cannot store")
    return metadata


Item = TypeVar("Item")


def _each(
    payload: Mapping[str, Any],
    field: str,
    read_item: Callable[[Mapping[str, Any]], Item],
    limit: int = 1_000,
) -> tuple[Item, ...]:
    """Return the items of a list field, naming the place of one that cannot be used."""
    values = payload.get(field)
    if values is None:
        return ()
    if not isinstance(values, list):
        raise BadInput(f"{field} is {shown(values)}, not a list")
    if len(values) > limit:
        raise BadInput(f"{field} has {len(values)} entries; at most {limit}")
    items = []
    for place, value in enumerate(values):
        if not isinstance(value, dict):
            raise BadInput(f"{field}[{place}] is {shown(value)}, not an object")
        try:
            items.append(read_item(value))
        except BadInput as error:
            raise BadInput(f"{field}[{place}]: {error}") from None
    return tuple(items)


def _time(payload: Mapping[str, Any], field: str) -> datetime:
    text = _text(payload, field, 64)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(
            f"{field} {shown(text)} is not an ISO 8601 time, such as 2026-11-23T06:00:00Z"
        ) from None
    if time.tzinfo is None:
        raise BadInput(f"{field} {shown(text)} has no zone; add Z or an offset such as +01:00")
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise BadInput(f"{field} {shown(text)} is no time that a call can have") from None


def _seconds(payload: Mapping[str, Any], field: str) -> float | None:
    value = payload.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInput(f"{field} is {shown(value)}, not a number of seconds")
    if not (isfinite(value) and value >= 0):
        raise BadInput(f"{field} is {shown(value)}; seconds are 0 or more")
    return float(value)


def _name(payload: Mapping[str, Any], field: str) -> str:
    return _text(payload, field, MAX_NAME).strip()


def _slugged(payload: Mapping[str, Any], field: str) -> str:
    """Return a name that a slug can be made of."""
    name = _name(payload, field)
    try:
        slug_of(name)
    except BadInput:
        raise BadInput(f"{field} {shown(name)} holds no letter or digit") from None
    return name


def _text(payload: Mapping[str, Any], field: str, limit: int) -> str:
    text = _optional_text(payload, field, limit)
    if text is None:
        raise BadInput(f"{field} is missing")
    if not text.strip():
        raise BadInput(f"{field} is empty")
    return text


def _optional_text(payload: Mapping[str, Any], field: str, limit: int) -> str | None:
    text = payload.get(field)
    if text is None:
        return None
    if not isinstance(text, str):
        raise BadInput(f"{field} is {shown(text)}, not text")
    if len(text) > limit:
        raise BadInput(f"{field} is longer than {limit} characters")
    return _storable(field, text)


def _storable(field: str, text: str) -> str:
    """Return the text, unless Postgres could not hold it."""
    if "\0" in text:
        raise BadInput(f"{field} holds a NUL character, which Postgres cannot store")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise BadInput(f"{field} holds a lone surrogate, which is no character") from None
    return text


def shown(value: object) -> str:
    """Return a stranger's value for a message: no longer than a few words, and escaped."""
    match value:
        case None:
            return "missing"
        case dict():
            return "an object"
        case list():
            return "a list"
        case str() if len(value) > 40:
            return f"{value[:40]!r}..."
    return repr(value)[:60]
