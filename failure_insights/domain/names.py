"""Telling names apart: what two spellings of one name share, and a slug for each name.

Two names that differ in any letter, digit or sign are two names, even where both make one slug
("C#" and "C++"): the second gets a number behind its slug.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Protocol, TypeVar

from failure_insights.domain.metrics import slugify
from failure_insights.errors import BadInput

#: Postgres' integer has ten; of those only some can be asked for.
MOST_ID_DIGITS = 9
_SEPARATORS = re.compile(r"[\s_-]+")


class Named(Protocol):
    """A row with its number, a name and the slug that was made of it."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def slug(self) -> str: ...


Row = TypeVar("Row", bound=Named)


@lru_cache(maxsize=10_000)
def name_key(name: str) -> str:
    """Return what all spellings of a name share, and no other name has.

    Case, the width of letters, blanks, hyphens, underscores and invisible characters do not tell
    names apart: "Tool call Accuracy" is "tool_call  accuracy".
    """
    plain = unicodedata.normalize("NFKC", name).casefold()
    visible = "".join(sign for sign in plain if unicodedata.category(sign) != "Cf")
    return _SEPARATORS.sub("-", visible).strip("-")


def free_slug(name: str, taken: Collection[str]) -> str:
    """Return the name's slug, with the first number from 2 behind it that makes it free.

    Raises:
        BadInput: the name holds no letter or digit.
    """
    base = slugify(name)
    if base not in taken:
        return base
    number = 2
    while f"{base}-{number}" in taken:
        number += 1
    return f"{base}-{number}"


def slug_bases(name_or_slug: str) -> set[str]:
    """Return the slugs, with or without a number, that what is meant may have."""
    try:
        return {name_or_slug, slugify(name_or_slug)}
    except BadInput:
        return {name_or_slug}


def row_number(given: str) -> int | None:
    """Return the ID of a row that a text may be; None where it can be none."""
    is_id = given.isascii() and given.isdecimal() and len(given) <= MOST_ID_DIGITS
    return int(given) if is_id else None


def best_match(rows: Iterable[Row], given: str) -> Row | None:
    """Return the row that is meant: by its slug, its name, a spelling of the name, or its ID.

    In this order: a project may be called "7", as clients do that number their own.
    """
    rows = list(rows)
    key, number = name_key(given), row_number(given)
    for is_meant in (
        lambda row: row.slug == given,
        lambda row: row.name == given,
        lambda row: name_key(row.name) == key,
        lambda row: row.id == number,
    ):
        for row in rows:
            if is_meant(row):
                return row
    return None


def of_name(rows: Iterable[Row], name: str) -> Row | None:
    """Return the row of this name, however it is spelled; another's slug is no name of it."""
    key = name_key(name)
    return next((row for row in rows if name_key(row.name) == key), None)
