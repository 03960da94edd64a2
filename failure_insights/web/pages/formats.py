"""Write numbers, times, IDs and quotes as people read them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from markupsafe import Markup, escape

from failure_insights.domain import spending


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a turn's text: quoted by an insight, or between quotes."""

    text: str
    quoted: bool


def spans(content: str, quotes: Sequence[str]) -> list[Span]:
    """Return the text cut at the quotes that stand in it; the pieces make up the text."""
    if not quotes:
        return [Span(content, False)]
    marked = bytearray(len(content))
    for quote in quotes:
        at = content.find(quote) if quote else -1
        if at >= 0:
            marked[at : at + len(quote)] = b"\1" * len(quote)
    pieces, start = [], 0
    for end in range(1, len(content) + 1):
        if end == len(content) or marked[end] != marked[start]:
            pieces.append(Span(content[start:end], bool(marked[start])))
            start = end
    return pieces


def percent(share: float) -> str:
    """Return a share (0 to 1) as whole percent; one that is small but there is not 0 %."""
    return "<1%" if 0 < share < 0.01 else f"{share:.0%}"


def day(value: date) -> str:
    return f"{value.day} {value:%b}"


def moment(value: datetime) -> str:
    return f"{value.day} {value:%b %Y, %H:%M} UTC"


def duration(seconds: float) -> str:
    """Return a duration as people say it."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def brief_id(call_id: str) -> str:
    """Return a long ID without its middle: what tells IDs apart stands at their ends."""
    return call_id if len(call_id) <= 30 else f"{call_id[:14]}…{call_id[-13:]}"


def dollars(amount: float) -> str:
    return spending.dollars(amount)


def clock(seconds: float) -> str:
    """Return an offset into a call as `m:ss`."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def code_words(text: str) -> Markup:
    """Return our own prose with what stands between backticks as code."""
    parts = escape(text).split("`")
    for place in range(1, len(parts), 2):
        parts[place] = Markup("<code>{}</code>").format(parts[place])
    return Markup("").join(parts)


def as_json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
