"""Long lists in pages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

R = TypeVar("R")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: `number` from 1, at most `size` rows.

    `newest` is the highest insight ID that the list began with: rows that arrive while a reader
    turns pages have higher ones, so that no row is read twice and none is missed.
    """

    number: int = 1
    size: int = 20
    newest: int | None = None

    @property
    def limits(self) -> Mapping[str, int]:
        return {"limit": self.size, "offset": (self.number - 1) * self.size}


@dataclass(frozen=True, slots=True)
class Listed(Generic[R]):
    """A page's rows, how many rows all pages hold, and the `newest` to ask the next page with."""

    rows: Sequence[R]
    total: int
    newest: int | None = None

    def of(self, shape: Callable[[R], S]) -> "Listed[S]":
        """Return the same page with each row in another shape."""
        return Listed([shape(row) for row in self.rows], self.total, self.newest)
