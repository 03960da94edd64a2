"""Bytes -> text, in whatever Unicode encoding a program wrote them."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO, cast

#: Larger pieces cost more where a value is broken: an error is told with its line and column.
PIECE_BYTES = 2**17

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    # Before UTF-16, whose mark these begin with.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def encoding_of(head: bytes) -> str:
    """Return the encoding of a text by its first bytes: its mark, or where ASCII has its zeros."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    match [byte == 0 for byte in head[:4]]:
        case [True, True, True, False]:
            return "utf-32-be"
        case [False, True, True, True]:
            return "utf-32-le"
        case [True, False, *_]:
            return "utf-16-be"
        case [False, True, *_]:
            return "utf-16-le"
    return "utf-8"


def pieces_of(file: BinaryIO, encoding: str, size: int = PIECE_BYTES) -> Iterator[str]:
    """Yield a file's text in pieces. What is no character becomes a half surrogate.

    Readers replace these by U+FFFD and count them (`sources.texts.storable`), so that one wrong
    byte costs no call.
    """
    decoder = codecs.getincrementaldecoder(encoding)(_KEEP)
    while data := file.read(size):
        yield decoder.decode(data)
    yield decoder.decode(b"", final=True)


_KEEP = "failure_insights.keep"


def _keep(error: UnicodeError) -> tuple[str, int]:
    for handler in ("surrogatepass", "surrogateescape"):
        try:
            return cast(tuple[str, int], codecs.lookup_error(handler)(error))
        except UnicodeError:
            continue
    # Half a character at the end of a text, or bytes that no encoding has.
    assert isinstance(error, UnicodeDecodeError)
    return ("" if error.end == len(error.object) else "\udcff"), error.end


codecs.register_error(_KEEP, _keep)
