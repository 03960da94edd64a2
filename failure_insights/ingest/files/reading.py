"""Any file of calls -> its values: JSON of any layout, CSV or Parquet, packed or not."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import BinaryIO, cast

from failure_insights.errors import BadInput
from failure_insights.ingest.files.containers import DAMAGED, PlainFile, plain_files, seekable
from failure_insights.ingest.files.json_values import json_values
from failure_insights.ingest.files.tables import csv_values, delimiter_of, parquet_values
from failure_insights.ingest.files.text import encoding_of, pieces_of
from failure_insights.ingest.files.values import Place, Value

#: Characters that no text in UTF-8 has.
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a]")
#: A first line that is longer names no columns.
MAX_HEADER = 2**16


def values_in(file: BinaryIO, name: str = "", *, most_bytes: int | None = None) -> Iterator[Value]:
    """Yield the values of a file, and of each file in it; it is read once, from start to end.

    What is damaged, or no file of calls at all, is a value with the problem.

    Args:
        file: opened for bytes; a pipe will do.
        name: the file's, for the values' places.
        most_bytes: to read at most once unpacked, so that a small body cannot become any size.
    """
    place = Place(1, file=name)
    budget = None if most_bytes is None else _Budget(most_bytes)
    try:
        for plain in plain_files(file, name):
            place = Place(1, file=plain.name)
            if budget:
                plain = replace(plain, file=cast(BinaryIO, _Limited(plain.file, budget)))
            for value in _values_of(plain):
                place = Place(value.place.line, value.place.item, plain.name)
                form = _form(value.form, plain)
                yield Value(
                    place, form, value.size, value.payload, value.problem, value.not_numbers
                )
    except BadInput as error:
        yield Value(place, "a file", 0, None, str(error))
    except DAMAGED as error:
        reason = f"the file is damaged or breaks off: {str(error) or type(error).__name__}"
        yield Value(place, "a file", 0, None, reason)


def _values_of(plain: PlainFile) -> Iterator[Value]:
    if plain.head.startswith(b"PAR1"):
        with seekable(plain.file) as whole:
            yield from parquet_values(whole)
        return
    encoding = encoding_of(plain.head)
    if encoding == "utf-8" and _BINARY.search(plain.head) and plain.head.lstrip()[:1] not in b"{[":
        raise BadInput(
            "no text: it is neither JSON nor CSV nor Parquet, packed or not", code="not_text"
        )
    pieces = pieces_of(plain.file, encoding)
    start = ""
    for piece in pieces:
        start += piece
        if "\n" in start or len(start) > MAX_HEADER:
            break
    delimiter = delimiter_of(start.lstrip("\ufeff").partition("\n")[0])
    text = chain((start,), pieces)
    yield from csv_values(text, delimiter) if delimiter else json_values(text)


def _form(form: str, plain: PlainFile) -> str:
    """Return how a file holds its values, such as "one array, gzip, utf-16-le"."""
    encoding = encoding_of(plain.head)
    how = plain.packed_in if encoding == "utf-8" else (*plain.packed_in, encoding)
    return ", ".join((form, *how)) if how else form


@dataclass(slots=True)
class _Budget:
    """Bytes that may still be read."""

    left: int


class _Limited:
    """A file that is read until its budget is used up."""

    def __init__(self, file: BinaryIO, budget: _Budget) -> None:
        self._file = file
        self._budget = budget

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._budget.left -= len(data)
        if self._budget.left < 0:
            raise BadInput(
                "too large once it is unpacked; nothing more is read", code="too_large_unpacked"
            )
        return data

    def seekable(self) -> bool:
        return False
