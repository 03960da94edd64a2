"""Bodies too large to hold: spooled as they arrive, then read value by value."""

import io
import json
import tempfile
from collections.abc import Iterator
from typing import IO

from fastapi import Request

from failure_insights.errors import BadInput
from failure_insights.sources.native import MAX_LINE_BYTES

#: Larger bodies, and larger answers, wait on disk.
IN_MEMORY_BYTES = 2**20
#: Characters read at once.
CHUNK = 2**16

_SPACE = " \t\r\n"
_decoder = json.JSONDecoder()


def spool() -> IO[bytes]:
    """Return an empty file that is held in memory while it is small; the caller closes it."""
    return tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)


async def spooled(request: Request) -> IO[bytes]:
    """Return the whole body as a file at its start; the caller closes it."""
    file = spool()
    try:
        async for chunk in request.stream():
            file.write(chunk)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def lines_of(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the JSON text of each value: of each line, or of each element of one array.

    Raises:
        BadInput: the body is an array that breaks off or is none; what came before is yielded.
    """
    start = file.read(1024).removeprefix(b"\xef\xbb\xbf").lstrip()
    file.seek(0)
    if start.startswith(b"["):
        text = io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline="")
        try:
            for element in _Array(text).elements():
                yield element.encode("utf-8", "surrogateescape")
        finally:
            text.detach()
    else:
        yield from file


class _Array:
    """The elements of a JSON array, of which no more is in memory than the one being read."""

    def __init__(self, file: IO[str]) -> None:
        self.file = file
        self.text = ""
        self.place = 0
        self.is_whole = False

    def elements(self) -> Iterator[str]:
        """Yield the JSON text of each element."""
        self._next_sign()
        self.place += 1
        if self._next_sign() == "]":
            return self._require_end("before its first element")
        for number in range(1, 2**63):
            yield self._element(number)
            match self._next_sign():
                case ",":
                    self.place += 1
                    self._next_sign()
                case "]":
                    return self._require_end(f"after its element {number}")
                case _:
                    raise BadInput(f"the array is not JSON after its element {number}")

    def _element(self, number: int) -> str:
        while True:
            try:
                _, end = _decoder.raw_decode(self.text, self.place)
                # A number may go on in what is not read yet.
                if end < len(self.text) or self.is_whole:
                    break
            except (ValueError, RecursionError):
                if self.is_whole or len(self.text) - self.place > MAX_LINE_BYTES:
                    raise BadInput(
                        f"element {number} of the array is not JSON, or longer than "
                        f"{MAX_LINE_BYTES // 2**20} MiB; nothing after it is read"
                    ) from None
            # As much again as is there: a long element is tried a few times, not hundreds.
            self._read(max(CHUNK, len(self.text) - self.place))
        element = self.text[self.place : end]
        self.place = end
        return element

    def _next_sign(self) -> str:
        """Return the next character that is not space, and stand on it; '' at the end."""
        while True:
            while self.place < len(self.text):
                if self.text[self.place] not in _SPACE:
                    return self.text[self.place]
                self.place += 1
            if self.is_whole:
                return ""
            self._read(CHUNK)

    def _read(self, characters: int) -> None:
        more = self.file.read(characters)
        self.is_whole = not more
        self.text = self.text[self.place :] + more
        self.place = 0

    def _require_end(self, where: str) -> None:
        self.place += 1
        if self._next_sign():
            raise BadInput(f"the array is not JSON {where}")
