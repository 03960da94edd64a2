"""Where calls come from: the native format, and each provider's own, which is turned into it."""

from collections.abc import Callable

from failure_insights.domain.calls import Call
from failure_insights.errors import BadInput
from failure_insights.sources import native
from failure_insights.sources.providers import PROVIDERS

#: Takes a line and the project that the caller names for every line, or None; see `native.read`.
Reader = Callable[[bytes | str, str | None], Call]

FORMATS = ("native", *PROVIDERS)


def reader(format: str) -> Reader:
    """Return what reads one line of a format.

    Raises:
        BadInput: there is no such format.
    """
    if format == "native":
        return native.read
    if format not in PROVIDERS:
        raise BadInput(
            f"there is no format {native.shown(format)}; use one of {', '.join(FORMATS)}"
        )
    native_of = PROVIDERS[format]

    def read(line: bytes | str, project: str | None = None) -> Call:
        return native.call_of(native_of(native.object_of(line)), project)

    return read
