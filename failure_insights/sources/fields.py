"""Taking fields out of loose JSON, in whichever spelling a provider's SDK writes them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from failure_insights.errors import BadInput
from failure_insights.sources import times
from failure_insights.sources.reading import LeftOut, Losses, shown
from failure_insights.sources.texts import parsed

#: A call in the native format, as JSON; `sources.native` checks it.
NativeCall = dict[str, Any]

#: Fields with a call's length, by how many seconds their unit has.
_DURATIONS: Mapping[float, tuple[str, ...]] = {
    1: (
        *("duration_s", "duration_seconds", "duration_secs", "duration_sec"),
        *("call_duration_secs", "call_duration_seconds"),
    ),
    0.001: ("duration_ms", "call_duration_ms", "duration_milliseconds"),
    60: ("duration_minutes",),
}

#: Hardly a call is as long as this; most are longer than as many milliseconds.
_HOURS_S = 10_000

#: What says nothing.
_EMPTY: tuple[Any, ...] = (None, "", [], {})


@lru_cache(maxsize=1_000)
def _camel(name: str) -> str:
    """Return how JavaScript SDKs spell a name."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


@lru_cache(maxsize=10_000)
def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])[A-Z]", lambda match: f"_{match[0]}", name).lower()


def snaked(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object's fields that are not null, with their names in snake_case.

    For objects of which many fields are looked up; the fields' values stay as they are.
    """
    return {_snake(name): value for name, value in payload.items() if value is not None}


def get(payload: Any, *names: str) -> Any:
    """Return the first field of these that is there and not null, else None.

    Names are in snake_case; each is looked up in camelCase too, since SDKs differ in that.
    """
    if not isinstance(payload, dict):
        return None
    for name in names:
        value = payload.get(name)
        if value is None and "_" in name:
            value = payload.get(_camel(name))
        if value is not None:
            return value
    return None


def part(payload: Any, *path: str) -> Mapping[str, Any]:
    """Return the object at a path, or an empty one."""
    for key in path:
        payload = get(payload, key)
    return mapping(payload)


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the object, or an empty one for what is none."""
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects in a list, or nothing for what is none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def first(*values: Any) -> Any:
    """Return the first value that says anything, or None."""
    return next((value for value in values if value not in _EMPTY), None)


def first_in(objects: Any, *names: str) -> Any:
    """Return the first of these fields that says anything, in the first object that has one."""
    return next(
        (value for name in names for item in objects if (value := get(item, name)) not in _EMPTY),
        None,
    )


def objects_of(value: Any, what: str, kind: LeftOut, losses: Losses) -> Iterator[tuple[str, Any]]:
    """Yield a list's objects with their place; what is none is counted as this kind of loss."""
    if value in _EMPTY:
        return
    if not isinstance(value, list):
        losses.add(kind, f"{what} is {shown(value)}, not a list")
        return
    for place, item in enumerate(value):
        if isinstance(item, dict):
            yield f"{what}[{place}]", item
        else:
            losses.add(kind, f"{what}[{place}] is {shown(item)}, not an object")


def name(value: Any) -> str | None:
    """Return a name or ID as text; numbers, as Cekura's IDs are, count as such."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip() or None


def name_in(objects: Any, *names: str) -> str | None:
    """Return the first of these fields that is a name or an ID; see `first_in`."""
    return next((text for key in names for item in objects if (text := name(get(item, key)))), None)


def begin(*values: Any) -> Any:
    """Return the first of these that is a moment since 1970; if none is, the first that is there.

    The latter is refused later on, with what is wrong with it.
    """
    return next((v for v in values if times.epoch(v) is not None), first(*values))


def begin_before(ended: Any, length_s: float | None) -> float | None:
    """Return when a call began that ended then and was so many seconds long, as far as is known."""
    end = times.epoch(ended)
    return None if end is None else end - (length_s or 0.0)


def duration(
    objects: Iterable[Any],
    started: Any = None,
    ended: Any = None,
    near_s: float | None = None,
    *,
    losses: Losses,
) -> float | None:
    """Return a call's seconds: as its fields say, or else from its start to its end.

    Args:
        objects: where the fields are, the best first.
        started: when the call began.
        ended: when it ended, if that is known.
        near_s: about how long it was, such as the time of its last turn. A field `duration` names
            no unit; it is in milliseconds where in seconds it would be a hundred times as long,
            and hours.
        losses: counts a length that cannot be read.
    """
    objects = tuple(objects)
    for factor, names in _DURATIONS.items():
        value = first_in(objects, *names)
        length = times.seconds(value)
        if length is not None:
            return round(length * factor, 3)
        if value is not None:
            losses.add(LeftOut.FIELDS, f"{names[0]} is {shown(value)}, no length of time")
    start, end = times.epoch(started), times.epoch(ended)
    span = round(end - start, 3) if start is not None and end is not None and end >= start else None
    value = first_in(objects, "duration")
    length, near_s = times.seconds(value), span or near_s
    if length is None:
        if value is not None:
            losses.add(LeftOut.FIELDS, f"duration is {shown(value)}, no length of time")
        return span
    if near_s and times.number(value) is not None:
        for unit in (1e6, 1e3):
            if length >= max(_HOURS_S * unit / 1e3, 100 * near_s) and length / unit >= near_s / 2:
                return length / unit
    return length


def require_id(call_id: str | None, provider: str, field: str) -> str:
    """Return a call's ID.

    Raises:
        BadInput: there is none; the message says where the provider has it.
    """
    if call_id is None:
        raise BadInput(
            f"{field} is missing, so this is no call as {provider} writes it", code="field_missing"
        )
    return call_id


def unwrapped(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what an HTTP tool (n8n, Pipedream, an API gateway) has wrapped as `body`."""
    body = payload.get("body")
    if not ("headers" in payload or len(payload) == 1):
        return payload
    if isinstance(body, str):
        body = parsed(body)
    return body if isinstance(body, dict) else payload


def native_call(payload: Mapping[str, Any], **fields: Any) -> NativeCall:
    """Return a native call: the fields a reader found, and those that any object may carry.

    An object of any provider may name its `project` and `agent` and bring `metrics` and
    `metadata` in the native format, since no provider knows ours.
    """
    metadata = fields.pop("metadata", None) or {}
    if isinstance(own := payload.get("metadata"), dict):
        metadata = {**metadata, **own}
    metrics = fields.pop("metrics", None) or []
    if isinstance(own := payload.get("metrics"), list):
        metrics = [*own, *metrics]
    given = {
        "project": payload.get("project"),
        "agent": name(payload.get("agent")),
        "metadata": metadata,
        "metrics": metrics,
    }
    return {
        key: value
        for key, value in (fields | {k: v for k, v in given.items() if v}).items()
        if value is not None
    }
