"""Where calls come from: the native format, and each provider's own, which is turned into it."""

from collections.abc import Mapping
from typing import Any

from failure_insights.errors import BadInput
from failure_insights.sources import native
from failure_insights.sources.detect import advice, detect
from failure_insights.sources.fields import unwrapped
from failure_insights.sources.providers import PROVIDERS
from failure_insights.sources.reading import (
    BadCall,
    LeftOut,
    Losses,
    NotACall,
    ReadCall,
    Reader,
    shown,
)

__all__ = [
    "FORMATS",
    "BadCall",
    "LeftOut",
    "NotACall",
    "ReadCall",
    "Reader",
    "advice",
    "detect",
    "reader",
]

FORMATS = ("native", *PROVIDERS)


def reader(format: str) -> Reader:
    """Return what reads one object of a format.

    Raises:
        BadInput: there is no such format.
    """
    if format == "native":
        return native.read
    if format not in PROVIDERS:
        raise BadInput(
            f"there is no format {shown(format)}; use one of {', '.join(FORMATS)}",
            code="unknown_format",
        )
    native_of = PROVIDERS[format]

    def read(payload: Mapping[str, Any], project: str | None = None) -> ReadCall:
        losses = Losses()
        try:
            call = native_of(unwrapped(payload), losses)
        except RecursionError:
            raise BadCall("objects and lists are nested too deeply") from None
        return native.call_of(call, project, losses)

    return read
