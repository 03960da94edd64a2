"""What every kind of file gives: one value after another, with its place and its form."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from failure_insights.sources.reading import shown


class Unreadable(Exception):
    """An item of a list that is not JSON; the message says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: the line on which it begins, and its number in a list, both from 1.

    `file` is the file's name, and for a file in an archive the archive's before it.
    """

    line: int
    item: int | None = None
    file: str = ""

    @property
    def number(self) -> int:
        """The number that the API gives a value: the item's in a list, else the line's."""
        return self.line if self.item is None else self.item

    def __str__(self) -> str:
        line = f"{self.file}:{self.line}" if self.file else f"line {self.line}"
        return line if self.item is None else f"{line} (item {self.item})"


@dataclass(frozen=True, slots=True)
class Value:
    """One JSON object of a file, or the problem that stands in its place.

    `form` is how the file holds it, such as "JSON lines" or "one array". `size` is about its
    length in characters. `not_numbers`: how often NaN or Infinity was taken as null.
    """

    place: Place
    form: str
    size: int
    payload: Mapping[str, Any] | None
    problem: str | None = None
    not_numbers: int = 0

    @classmethod
    def of(
        cls, payload: object, place: Place, form: str, size: int, not_numbers: int = 0
    ) -> "Value":
        """Return a value of what was parsed; anything but an object is a problem."""
        if isinstance(payload, dict):
            return cls(place, form, size, payload, None, not_numbers)
        what = "null" if payload is None else shown(payload)
        return cls(place, form, size, None, f"a call is one JSON object, and this is {what}")
