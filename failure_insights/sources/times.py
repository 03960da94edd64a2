"""Telling times apart: seconds of a call, clock readings, and moments since 1970 in any unit."""

import math
import re
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from failure_insights.errors import BadInput
from failure_insights.sources.reading import shown

#: Numbers from here on count since 1970, in seconds: as seconds of a call they would be 31 years.
FIRST_EPOCH_SECONDS = 1e9
#: From here on they count milliseconds, as seconds they would lie after the year 5000; then
#: microseconds and nanoseconds.
_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))


class Instant(NamedTuple):
    """A time of a turn. `kind` says from when it counts: 1970, or the start of the call.

    A time of the call is `plain` where neither its form nor its field's name says the unit.
    """

    seconds: float
    kind: Literal["epoch", "call", "plain"]


_NUMBER = re.compile(r"\s*([+-]?\d{1,18}(?:\.\d+)?(?:[eE][+-]?\d{1,3})?)\s*(?:s|sec|seconds)?\s*")
#: "1h 2m 3s", and ISO 8601's PT1H2M3S.
_UNITS_WRITTEN = re.compile(
    r"\s*(?:PT)?(?:(\d{1,4})\s*h(?:ours?|rs?)?)?\s*(?:(\d{1,5})\s*m(?:in(?:ute)?s?)?)?"
    r"\s*(?:(\d{1,6}(?:\.\d+)?)\s*s(?:ec(?:ond)?s?)?)?\s*",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"\s*(?:(\d{1,4}):)?(\d{1,5}):(\d{1,2}(?:[.,]\d+)?)\s*")


def number(value: Any) -> float | None:
    """Return a finite number, which may come as text ("12.5"), or None."""
    if isinstance(value, str):
        match = _NUMBER.fullmatch(value)
        value = float(match[1]) if match else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        value = float(value)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


def seconds(value: Any) -> float | None:
    """Return seconds, 0 or more, or None for what is none.

    That is a number, a number as text, M:SS and H:MM:SS, "1m 10s" and PT1M10S.
    """
    if isinstance(value, str) and (match := _CLOCK.fullmatch(value) or _written_units(value)):
        hours, minutes, rest = match.groups()
        whole = int(hours or 0) * 3600 + int(minutes or 0) * 60
        value = whole + float((rest or "0").replace(",", "."))
    length = number(value)
    return round(length, 3) if length is not None and length >= 0 else None


def _written_units(text: str) -> re.Match[str] | None:
    match = _UNITS_WRITTEN.fullmatch(text)
    return match if match and any(match.groups()) else None


def epoch(value: Any) -> float | None:
    """Return seconds since 1970 of an ISO 8601 text or of a number in any unit, or None.

    A text without a zone is taken as UTC. Numbers too small to be a moment are None.
    """
    if isinstance(value, str) and number(value) is None:
        try:
            moment = datetime.fromisoformat(_zoned(value))
            return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
        except (ValueError, OverflowError):
            return None
    moment_s = number(value)
    if moment_s is None or moment_s < FIRST_EPOCH_SECONDS:
        return None
    for least, per_second in _UNITS:
        if moment_s >= least:
            return moment_s / per_second
    return moment_s


def instant(value: Any, *, in_seconds: bool = False) -> Instant | None:
    """Return the time of a turn, or None for what is none.

    Text may be a number, a clock reading from the call's start (1:05) or ISO 8601.

    Args:
        value: text or a number.
        in_seconds: whether the field's name says that it counts seconds.
    """
    since_1970 = epoch(value)
    if since_1970 is not None:
        return Instant(since_1970, "epoch")
    in_call = seconds(value)
    if in_call is None:
        return None
    return Instant(in_call, "call" if in_seconds or number(value) is None else "plain")


def moment(field: str, value: Any, *, naive_is_utc: bool = False) -> datetime:
    """Return the UTC time of an ISO 8601 text or of a number since 1970 in any unit.

    Args:
        field: its name, for messages.
        value: text or a number.
        naive_is_utc: whether a text without a zone is UTC, as some providers write it.

    Raises:
        BadInput: it is no such time, or has no zone.
    """
    if isinstance(value, str) and number(value) is None:
        return _written(field, value, naive_is_utc)
    since_1970 = epoch(value)
    if since_1970 is None:
        raise BadInput(
            f"{field} {shown(value)} is not an ISO 8601 time, such as 2026-11-23T06:00Z",
            code="bad_time",
        )
    try:
        return datetime.fromtimestamp(since_1970, UTC)
    except (OverflowError, OSError, ValueError):
        raise BadInput(
            f"{field} {shown(value)} is no time that a call can have", code="bad_time"
        ) from None


def _zoned(text: str) -> str:
    """Return ISO 8601 text whose zone is written as a word, as databases do, with a Z instead."""
    text = text.strip()
    for zone in (" UTC", " GMT"):
        if text.endswith(zone):
            return f"{text.removesuffix(zone)}Z"
    return text


def _written(field: str, text: str, naive_is_utc: bool) -> datetime:
    try:
        time = datetime.fromisoformat(_zoned(text))
    except ValueError:
        raise BadInput(
            f"{field} {shown(text)} is not an ISO 8601 time, such as 2026-11-23T06:00:00Z",
            code="bad_time",
        ) from None
    if time.tzinfo is None:
        if not naive_is_utc:
            raise BadInput(
                f"{field} {shown(text)} has no zone; add Z or an offset such as +01:00",
                code="time_without_zone",
            )
        time = time.replace(tzinfo=UTC)
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise BadInput(
            f"{field} {shown(text)} is no time that a call can have", code="bad_time"
        ) from None
