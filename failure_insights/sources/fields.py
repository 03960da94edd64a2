"""What the providers' readers share: taking turns, words and times out of loose JSON."""

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from failure_insights.domain.calls import Role
from failure_insights.errors import BadInput
from failure_insights.sources.texts import words as words

#: A turn or a call in the native format, as JSON; `sources.native` checks it.
NativeTurn = dict[str, Any]
NativeCall = dict[str, Any]

_ROLES: Mapping[str, Role] = {
    "agent": "agent",
    "assistant": "agent",
    "bot": "agent",
    "ai": "agent",
    "main agent": "agent",
    # Cekura calls the caller's side the testing agent, in production calls too.
    "testing agent": "user",
    "user": "user",
    "caller": "user",
    "customer": "user",
    "human": "user",
    "system": "system",
    "developer": "system",
    "tool call": "tool_call",
    "tool calls": "tool_call",
    "tool call invocation": "tool_call",
    "function call": "tool_call",
    "tool": "tool_result",
    "tool result": "tool_result",
    "tool call result": "tool_result",
    "function call result": "tool_result",
    "function call output": "tool_result",
}

#: Numbers above are milliseconds since 1970: as seconds they would lie after the year 5000.
_FIRST_MILLISECONDS = 1e11


def items(transcript: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield a transcript's entries with their 0-based place.

    Raises:
        BadInput: it is no list (or JSON text of one), or an entry is no object.
    """
    if isinstance(transcript, str):
        try:
            transcript = json.loads(transcript)
        except (ValueError, RecursionError):
            raise BadInput("the transcript is text, not a list of turns") from None
    if not isinstance(transcript, list):
        raise BadInput(f"the transcript is {kind(transcript)}, not a list of turns")
    for place, item in enumerate(transcript):
        if not isinstance(item, Mapping):
            raise BadInput(f"turn {place} of the transcript is {kind(item)}, not an object")
        yield place, item


def role_of(place: int, item: Mapping[str, Any]) -> Role:
    """Return our word for an entry's role.

    Raises:
        BadInput: no provider that we read has such a role.
    """
    word = " ".join(str(item.get("role", "")).replace("_", " ").lower().split())
    if word not in _ROLES:
        raise BadInput(
            f"turn {place} of the transcript has role {str(item.get('role'))[:40]!r}; "
            f"known roles are {', '.join(_ROLES)}"
        )
    return _ROLES[word]


def turn(
    role: Role,
    content: Any,
    start_s: Any = None,
    *,
    tool_name: Any = None,
    speaker: Any = None,
) -> NativeTurn:
    """Return a native turn; what cannot be a time or a name is left out."""
    fields = {
        "role": role,
        "content": words(content),
        "start_s": seconds(start_s),
        "tool_name": name(tool_name),
        "speaker": name(speaker),
    }
    return {key: value for key, value in fields.items() if value is not None}


def seconds(value: Any) -> float | None:
    """Return seconds from the start of a call, or None for what is no such number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return round(number, 3) if math.isfinite(number) and number >= 0 else None


def since(value: Any, start: float | None) -> float | None:
    """Return the seconds from `start` to a time since 1970, both in seconds."""
    moment = seconds(value)
    return None if moment is None or start is None else seconds(moment - start)


def name(value: Any) -> str | None:
    """Return a name or ID as text; numbers, as Cekura's IDs are, count as such."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip() or None


def time(value: Any) -> str | None:
    """Return a time as ISO 8601: text as it is, numbers as (milli)seconds since 1970.

    Raises:
        BadInput: a number that is no time.
    """
    if value is None or isinstance(value, str):
        return value or None
    number = seconds(value)
    if number is None:
        raise BadInput(f"{str(value)[:40]!r} is not a time")
    if number > _FIRST_MILLISECONDS:
        number /= 1000
    try:
        return datetime.fromtimestamp(number, UTC).isoformat()
    except (OverflowError, OSError, ValueError):
        raise BadInput(f"{value!r} is not a time since 1970") from None


@lru_cache(maxsize=1_000)
def _camel(name: str) -> str:
    """Return how JavaScript SDKs spell a name."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def get(payload: Any, *names: str) -> Any:
    """Return the first field of these that is there and not null, else None.

    Names are in snake_case; each is looked up in camelCase too, since SDKs differ in that.
    """
    if not isinstance(payload, Mapping):
        return None
    for name in names:
        value = payload.get(name)
        if value is None:
            value = payload.get(_camel(name))
        if value is not None:
            return value
    return None


def part(payload: Any, *path: str) -> Mapping[str, Any]:
    """Return the object at a path, or an empty one."""
    for key in path:
        payload = payload.get(key) if isinstance(payload, Mapping) else None
    return payload if isinstance(payload, Mapping) else {}


def first(*values: Any) -> Any:
    """Return the first value that says anything, or None."""
    return next((value for value in values if value not in (None, "", [], {})), None)


def native_call(payload: Mapping[str, Any], **fields: Any) -> NativeCall:
    """Return a native call: the fields a reader found, and those that any line may carry.

    A line of any provider may name its `project` and `agent` and bring `metrics` and `metadata`
    in the native format, since no provider knows ours.
    """
    own = {key: payload.get(key) for key in ("project", "metrics", "metadata")}
    own["agent"] = name(payload.get("agent"))
    given = {key: value for key, value in own.items() if value is not None}
    return {key: value for key, value in (fields | given).items() if value is not None}


def kind(value: Any) -> str:
    """Return the JSON word for a value's type, for messages."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "an object"
