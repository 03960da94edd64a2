"""Checked fields of a native object: texts within their limits, names, seconds."""

from collections.abc import Mapping
from functools import lru_cache
from math import inf
from typing import Any

from failure_insights.domain.metrics import slugify
from failure_insights.errors import BadInput
from failure_insights.sources import times
from failure_insights.sources.reading import LeftOut, Losses, shown
from failure_insights.sources.texts import storable

#: The fields of a call.
NATIVE_FIELDS = frozenset(
    {
        *("call_id", "project", "agent", "started_at", "transcript", "duration_s"),
        *("ended_reason", "metadata", "metrics"),
    }
)
MAX_NAME = 200
#: An ended_reason or a score in words.
MAX_PHRASE = 1_000

slug_of = lru_cache(maxsize=10_000)(slugify)


def seconds(item: Mapping[str, Any], field: str, where: str, losses: Losses) -> float | None:
    """Return seconds, 0 or more; what is none is left out and counted."""
    value = item.get(field)
    if value is None:
        return None
    if type(value) is float and 0 <= value < inf:
        return value
    length = times.seconds(value)
    if length is None:
        losses.add(LeftOut.FIELDS, f"{where}{field} is {shown(value)}, not seconds, 0 or more")
    return length


def name_with_slug(payload: Mapping[str, Any], field: str, losses: Losses) -> str:
    """Return a name that a slug can be made of."""
    name = required(payload, field, MAX_NAME, losses).strip()
    try:
        slug_of(name)
    except BadInput:
        raise BadInput(
            f"{field} {shown(name)} holds no letter or digit", code="name_without_letters"
        ) from None
    return name


def required(payload: Mapping[str, Any], field: str, limit: int, losses: Losses) -> str:
    """Return a text that must be there, whole; an ID may come as a number."""
    text = payload.get(field)
    if text is None:
        raise BadInput(f"{field} is missing", code="field_missing")
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text)
    if not isinstance(text, str):
        raise BadInput(f"{field} is {shown(text)}, not text")
    if not text.strip():
        raise BadInput(f"{field} is empty")
    if len(text) > limit:
        raise BadInput(f"{field} is longer than {limit} characters", code="field_too_long")
    return storable(text, losses)


def phrase(
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
