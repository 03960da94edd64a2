"""The native format: one call as a JSON object.

Without an ID, a project, an agent, a start and a transcript there is no call, and it is refused
with the reason. One bad turn, result or optional field never costs the call: it is left out and
counted. Hand-written rather than a pydantic model: a call has scores of fields, and a file many
calls.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from math import inf
from typing import Any, cast

import orjson

from failure_insights.domain.calls import ROLES, Call, MetricResult, Role, Score, Turn
from failure_insights.domain.metrics import METRIC_TYPES, PassRule, slugify
from failure_insights.domain.names import name_key
from failure_insights.errors import BadInput
from failure_insights.sources import times
from failure_insights.sources.reading import BadCall, LeftOut, Losses, ReadCall, shown
from failure_insights.sources.roles import role_of
from failure_insights.sources.texts import storable, storable_json, words

#: A call of this many tokens is no conversation; no reader of it could hold it at once.
MAX_TOKENS = 200_000
MAX_TURNS = 20_000
MAX_RESULTS = 1_000
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

_FIELDS = frozenset(
    {
        *("call_id", "project", "agent", "started_at", "transcript", "duration_s"),
        *("ended_reason", "metadata", "metrics"),
    }
)


def read(payload: Mapping[str, Any], project: str | None = None) -> ReadCall:
    """Return the call of a native object.

    Args:
        payload: the object.
        project: the project of the call, whatever the object names; None: the object's own.

    Raises:
        BadCall: a field that every call needs is missing or cannot be used.
    """
    losses = Losses()
    for field in payload:
        if field not in _FIELDS:
            losses.add(LeftOut.FIELDS, shown(field))
    return call_of(payload, project, losses)


def call_of(payload: Mapping[str, Any], project: str | None, losses: Losses) -> ReadCall:
    """Return the call of a native object, adding to what was lost before; see `read`.

    Unknown fields are let be.

    Raises:
        BadCall: a field that every call needs is missing or cannot be used.
    """
    call_id = None
    try:
        call_id = _required(payload, "call_id", MAX_CALL_ID, losses)
        call = Call(
            call_id=call_id,
            project=_project(payload if project is None else {"project": project}, losses),
            agent=_required(payload, "agent", MAX_NAME, losses).strip(),
            started_at=_started_at(payload),
            transcript=_transcript(payload, losses),
            duration_s=_seconds(payload, "duration_s", "", losses),
            ended_reason=_phrase(payload, "ended_reason", MAX_PHRASE, "", losses),
            metadata=_metadata(payload, losses),
            metrics=_metrics(payload, losses),
        )
    except BadInput as error:
        raise BadCall(str(error), call_id) from None
    except RecursionError:
        raise BadCall("objects and lists are nested too deeply", call_id) from None
    return losses.of(call)


def _transcript(payload: Mapping[str, Any], losses: Losses) -> tuple[Turn, ...]:
    items = payload.get("transcript")
    if not isinstance(items, list):
        raise BadInput(
            "transcript is missing"
            if items is None
            else f"transcript is {shown(items)}, not a list"
        )
    if len(items) > MAX_TURNS:
        raise BadInput(f"transcript has {len(items)} entries; at most {MAX_TURNS}")
    turns = []
    for place, item in enumerate(items):
        turn = _turn(item, place, losses)
        if turn is not None:
            turns.append(turn)
    if (tokens := _estimated_tokens(turns)) >= MAX_TOKENS:
        raise BadInput(
            f"transcript has about {tokens} tokens; a call has fewer than {MAX_TOKENS}: "
            "split it, or leave out what nobody said"
        )
    return tuple(turns)


def _turn(item: Any, place: int, losses: Losses) -> Turn | None:
    where = f"transcript[{place}]."
    if not isinstance(item, dict):
        losses.add(LeftOut.UNUSABLE_TURNS, f"transcript[{place}] is {shown(item)}, not an object")
        return None
    role, content = item.get("role"), item.get("content")
    if content is None:
        losses.add(LeftOut.TURNS_WITHOUT_TEXT, f"{where}content is missing")
        return None
    speaker = _phrase(item, "speaker", MAX_NAME, where, losses)
    if role not in ROLES:
        role, unknown = role_of(role, f"transcript[{place}]", losses)
        speaker = speaker or (unknown and storable(unknown[:MAX_NAME], losses))
    return Turn(
        role=cast(Role, role),
        content=storable(content if isinstance(content, str) else words(content), losses),
        start_s=_seconds(item, "start_s", where, losses),
        tool_name=_phrase(item, "tool_name", MAX_NAME, where, losses),
        speaker=speaker,
    )


def _estimated_tokens(turns: Sequence[Turn]) -> int:
    """Return characters / 4, or the number of words where that is more: a word is a token."""
    characters = sum(len(turn.content) for turn in turns)
    # Fewer characters than this cannot hold so many words, so they need no counting.
    if characters < 2 * MAX_TOKENS:
        return characters // CHARACTERS_PER_TOKEN
    count = sum(len(turn.content.split()) for turn in turns)
    return max(count, characters // CHARACTERS_PER_TOKEN)


def _metrics(payload: Mapping[str, Any], losses: Losses) -> tuple[MetricResult, ...]:
    items = payload.get("metrics")
    if items is None:
        return ()
    if not isinstance(items, list):
        losses.add(LeftOut.UNUSABLE_RESULTS, f"metrics is {shown(items)}, not a list")
        return ()
    results: dict[str, MetricResult] = {}
    for place, item in enumerate(items):
        try:
            if len(results) == MAX_RESULTS:
                raise BadInput(f"only the first {MAX_RESULTS} results of a call are taken")
            result = _result(item, f"metrics[{place}].", losses)
            if result is None:
                continue
            key = name_key(result.name)
            if key in results:
                raise BadInput(f"{shown(result.name)} is named twice; the first is taken")
            results[key] = result
        except BadInput as error:
            losses.add(LeftOut.UNUSABLE_RESULTS, f"metrics[{place}]: {error}")
    return tuple(results.values())


def _result(item: Any, where: str, losses: Losses) -> MetricResult | None:
    """Return one result, or None, counted, where it judges nothing."""
    if not isinstance(item, dict):
        raise BadInput(f"is {shown(item)}, not an object")
    name = _with_slug(item, "name", losses)
    passed, score = _passed(item, where, losses), _score(item, where, losses)
    if passed is None and score is None:
        example = f"{where}{shown(name)} has neither passed nor a score"
        losses.add(LeftOut.RESULTS_WITHOUT_VERDICT, example)
        return None
    type_ = item.get("type")
    if type_ is not None and type_ not in METRIC_TYPES:
        expected = f"use one of {', '.join(METRIC_TYPES)}"
        losses.add(LeftOut.FIELDS, f"{where}type is {shown(type_)}; {expected}")
        type_ = None
    explanation = storable(words(item.get("explanation")), losses)
    if len(explanation) > MAX_EXPLANATION:
        losses.add(LeftOut.TEXTS_CUT, f"{where}explanation")
        explanation = explanation[:MAX_EXPLANATION]
    return MetricResult(
        name=name,
        passed=passed,
        score=score,
        explanation=explanation,
        type=type_,
        pass_rule=_pass_rule(item, where, losses),
    )


def _passed(item: Mapping[str, Any], where: str, losses: Losses) -> bool | None:
    value = item.get("passed")
    if value is None or isinstance(value, bool):
        return value
    # Warehouses export booleans as words or as 0 and 1.
    word = str(value).strip().lower() if isinstance(value, str | int | float) else ""
    if word in _TRUTH:
        return _TRUTH[word]
    losses.add(LeftOut.FIELDS, f"{where}passed is {shown(value)}, neither true nor false")
    return None


_TRUTH = dict.fromkeys(("true", "yes", "1", "1.0"), True) | dict.fromkeys(
    ("false", "no", "0", "0.0"), False
)


def _score(item: Mapping[str, Any], where: str, losses: Losses) -> Score:
    score = item.get("score")
    if isinstance(score, str):
        return _phrase(item, "score", MAX_PHRASE, where, losses)
    if score is None or isinstance(score, bool | int | float):
        return score
    what = f"{where}score is {shown(score)}, neither a number, a word nor true or false"
    losses.add(LeftOut.FIELDS, what)
    return None


def _pass_rule(item: Mapping[str, Any], where: str, losses: Losses) -> str | None:
    rule = _phrase(item, "pass_rule", MAX_NAME, where, losses)
    try:
        return None if rule is None else str(rule_of(rule))
    except BadInput as error:
        losses.add(LeftOut.FIELDS, f"{where}pass_rule: {error}")
        return None


def _metadata(payload: Mapping[str, Any], losses: Losses) -> Mapping[str, Any]:
    metadata = payload.get("metadata")
    if metadata is None:
        return {}
    if not isinstance(metadata, dict):
        losses.add(LeftOut.FIELDS, f"metadata is {shown(metadata)}, not an object")
        return {}
    try:
        text = orjson.dumps(metadata)
    except orjson.JSONEncodeError:
        pass  # a half surrogate, or a number that JSON cannot hold
    else:
        if b"\\u0000" not in text:
            return metadata
    cleaned = storable_json(metadata, losses)
    try:
        orjson.dumps(cleaned)
    except orjson.JSONEncodeError as error:
        losses.add(LeftOut.FIELDS, f"metadata cannot be stored: {error}")
        return {}
    return cast(Mapping[str, Any], cleaned)


def _started_at(payload: Mapping[str, Any]) -> datetime:
    value = payload.get("started_at")
    if value is None or value == "":
        raise BadInput("started_at is missing")
    return times.moment("started_at", value)


def _seconds(item: Mapping[str, Any], field: str, where: str, losses: Losses) -> float | None:
    value = item.get(field)
    if value is None:
        return None
    if type(value) is float and 0 <= value < inf:
        return value
    seconds = times.seconds(value)
    if seconds is None:
        losses.add(LeftOut.FIELDS, f"{where}{field} is {shown(value)}, not seconds, 0 or more")
    return seconds


def _project(payload: Mapping[str, Any], losses: Losses) -> str:
    return _with_slug(payload, "project", losses)


def _with_slug(payload: Mapping[str, Any], field: str, losses: Losses) -> str:
    """Return a name that a slug can be made of."""
    name = _required(payload, field, MAX_NAME, losses).strip()
    try:
        slug_of(name)
    except BadInput:
        raise BadInput(f"{field} {shown(name)} holds no letter or digit") from None
    return name


def _required(payload: Mapping[str, Any], field: str, limit: int, losses: Losses) -> str:
    """Return a text that must be there, whole; an ID may come as a number."""
    text = payload.get(field)
    if text is None:
        raise BadInput(f"{field} is missing")
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text)
    if not isinstance(text, str):
        raise BadInput(f"{field} is {shown(text)}, not text")
    if not text.strip():
        raise BadInput(f"{field} is empty")
    if len(text) > limit:
        raise BadInput(f"{field} is longer than {limit} characters")
    return storable(text, losses)


def _phrase(
    payload: Mapping[str, Any], field: str, limit: int, where: str, losses: Losses
) -> str | None:
    """Return a text that may be missing, cut at its limit."""
    text = payload.get(field)
    if text is None:
        return None
    if not isinstance(text, str):
        losses.add(LeftOut.FIELDS, f"{where}{field} is {shown(text)}, not text")
        return None
    if len(text) > limit:
        losses.add(LeftOut.TEXTS_CUT, f"{where}{field} is longer than {limit} characters")
        text = text[:limit]
    return storable(text, losses)
