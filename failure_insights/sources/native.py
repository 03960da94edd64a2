"""The native format: one call as a JSON object.

Without an ID, a project, an agent, a start and a transcript there is no call, and it is refused
with the reason. One bad turn, result or optional field never costs the call: it is left out and
counted. Hand-written rather than a pydantic model: a call has scores of fields, and a file many
calls.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import orjson

from failure_insights.domain.calls import ROLES, Call, Role, Turn
from failure_insights.errors import BadInput
from failure_insights.sources import fields, loose, times
from failure_insights.sources.native_fields import (
    MAX_NAME,
    MAX_PHRASE,
    NATIVE_FIELDS,
    name_with_slug,
    phrase,
    required,
    seconds,
)
from failure_insights.sources.native_results import results_of
from failure_insights.sources.reading import BadCall, LeftOut, Losses, ReadCall, shown
from failure_insights.sources.roles import role_of
from failure_insights.sources.texts import is_storable, storable, storable_json, words

#: A call of this many tokens is no conversation; no reader of it could hold it at once.
MAX_TOKENS = 200_000
MAX_TURNS = 20_000
#: Room for MAX_TOKENS where every character is escaped.
MAX_LINE_BYTES = 16 * 2**20
MAX_CALL_ID = 500
_TURN_FIELDS = frozenset({"role", "content", "start_s", "tool_name", "speaker"})
#: From here on a time is since 1970, and no seconds of a call.
_EPOCH = times.FIRST_EPOCH_SECONDS
#: What to say of turns, or of one, that stand alone.
NO_CALL_AROUND = (
    "without a call around it; write "
    '{"call_id": ..., "agent": ..., "started_at": ..., "messages": [...]}'
)

#: The usual estimate for English; see `_estimated_tokens` for texts of short words.
CHARACTERS_PER_TOKEN = 4


def read(payload: Mapping[str, Any], project: str | None = None) -> ReadCall:
    """Return the call of a native object.

    Args:
        payload: the object.
        project: the project of the call, whatever the object names; None: the object's own.

    Raises:
        BadCall: a field that every call needs is missing or cannot be used.
    """
    losses = Losses()
    turns = _plain_turns(payload.get("transcript"))
    is_plain = loose.is_plain(payload, turns is not None)
    if not is_plain:
        payload = _plain(payload, losses)
    for field in payload:
        if field not in NATIVE_FIELDS:
            losses.add(LeftOut.FIELDS, shown(field))
    read = call_of(payload, project, losses, turns if is_plain else None)
    if not is_plain:
        return read
    roles = [turn.role for turn in read.call.transcript]
    unanswered = roles.count("tool_call") - roles.count("tool_result")
    if unanswered > 0:
        losses.add(LeftOut.TOOL_CALLS_WITHOUT_RESULT, count=unanswered)
    return losses.of(read.call)


def _plain(payload: Mapping[str, Any], losses: Losses) -> Mapping[str, Any]:
    try:
        return loose.native_of(payload, losses)
    except BadInput as error:
        raise BadCall(str(error), fields.name_in([payload], "call_id")) from None
    except RecursionError:
        raise BadCall("objects and lists are nested too deeply") from None


def call_of(
    payload: Mapping[str, Any],
    project: str | None,
    losses: Losses,
    turns: Sequence[Turn] | None = None,
) -> ReadCall:
    """Return the call of a native object, adding to what was lost before; see `read`.

    Unknown fields are let be. `turns`: those of its transcript, where they are known already.

    Raises:
        BadCall: a field that every call needs is missing or cannot be used.
    """
    call_id = None
    try:
        if "role" in payload and payload.get("call_id") is None:
            raise BadInput(f"a turn {NO_CALL_AROUND}")
        call_id = required(payload, "call_id", MAX_CALL_ID, losses)
        call = Call(
            call_id=call_id,
            project=name_with_slug(
                payload if project is None else {"project": project}, "project", losses
            ),
            agent=required(payload, "agent", MAX_NAME, losses).strip(),
            started_at=_started_at(payload),
            transcript=_within_limits(_turns(payload, losses) if turns is None else turns),
            duration_s=seconds(payload, "duration_s", "", losses),
            ended_reason=phrase(payload, "ended_reason", MAX_PHRASE, "", losses),
            metadata=_metadata(payload, losses),
            metrics=results_of(payload, losses),
        )
    except BadInput as error:
        raise BadCall(str(error), call_id, code=error.code) from None
    except RecursionError:
        raise BadCall("objects and lists are nested too deeply", call_id) from None
    return losses.of(call)


def _plain_turns(items: Any) -> list[Turn] | None:
    """Return the turns of a transcript in which each is as nearly all are, else None.

    Such a one needs no closer look at any turn.
    """
    if not isinstance(items, list):
        return None
    turns = []
    for item in items:
        if not isinstance(item, dict) or not item.keys() <= _TURN_FIELDS:
            return None
        role, content, start_s = item.get("role"), item.get("content"), item.get("start_s")
        tool_name, speaker = item.get("tool_name"), item.get("speaker")
        if not (
            role in ROLES
            and isinstance(content, str)
            and is_storable(content)
            and (start_s is None or (isinstance(start_s, float) and 0 <= start_s < _EPOCH))
            and (tool_name is None or _is_name(tool_name))
            and (speaker is None or _is_name(speaker))
        ):
            return None
        turns.append(Turn(role, content, start_s, tool_name, speaker))
    return turns


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_NAME and is_storable(value)


def _turns(payload: Mapping[str, Any], losses: Losses) -> list[Turn]:
    items = payload.get("transcript")
    if not isinstance(items, list):
        raise BadInput(
            "transcript is missing"
            if items is None
            else f"transcript is {shown(items)}, not a list",
            code="field_missing",
        )
    _require_few(items)
    turns = []
    for place, item in enumerate(items):
        turn = _turn(item, place, losses)
        if turn is not None:
            turns.append(turn)
    return turns


def _require_few(entries: Sequence[Any]) -> None:
    if len(entries) > MAX_TURNS:
        raise BadInput(
            f"transcript has {len(entries)} entries; at most {MAX_TURNS}",
            code="transcript_too_long",
        )


def _within_limits(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    _require_few(turns)
    if (tokens := _estimated_tokens(turns)) >= MAX_TOKENS:
        raise BadInput(
            f"transcript has about {tokens} tokens; a call has fewer than {MAX_TOKENS}: "
            "split it, or leave out what nobody said",
            code="transcript_too_long",
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
    speaker = phrase(item, "speaker", MAX_NAME, where, losses)
    if role not in ROLES:
        role, unknown = role_of(role, f"transcript[{place}]", losses)
        speaker = speaker or (unknown and storable(unknown[:MAX_NAME], losses))
    return Turn(
        role=cast(Role, role),
        content=storable(content if isinstance(content, str) else words(content), losses),
        start_s=seconds(item, "start_s", where, losses),
        tool_name=phrase(item, "tool_name", MAX_NAME, where, losses),
        speaker=speaker,
    )


def _estimated_tokens(turns: Sequence[Turn]) -> int:
    """Return characters / 4, or the number of words where that is more: a word is a token."""
    characters = sum([len(turn.content) for turn in turns])
    # Fewer characters than this cannot hold so many words, so they need no counting.
    if characters < 2 * MAX_TOKENS:
        return characters // CHARACTERS_PER_TOKEN
    count = sum(len(turn.content.split()) for turn in turns)
    return max(count, characters // CHARACTERS_PER_TOKEN)


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
        raise BadInput("started_at is missing", code="field_missing")
    return times.moment("started_at", value)
