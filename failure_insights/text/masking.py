"""Replaces callers' numbers and addresses by made-up ones before text goes to an LLM.

The same number always becomes the same made-up one, so that a reader still sees whether the agent
read back, or looked up, the number that the caller gave. A masked text is as long as the original,
character by character, so that what an LLM quotes from it is found in the original again.

No library is used: `phonenumbers` and the like find numbers that are valid, while transcripts hold
misheard and half ones. As masks are consistent, masking a number too many costs no meaning. Names
and spelled-out numbers ("five five five") are not masked.
"""

import re
from functools import lru_cache
from hashlib import blake2b
from random import Random

#: Digits from which on a run may be a phone, card or account number.
MIN_DIGITS = 7

_EMAIL_DOMAIN = re.compile(r"@(?:[\w-]{1,63}\.){1,4}\w{2,24}\b")
_LOCAL_PART = re.compile(r"[\w.+%-]{1,64}\Z")
#: Runs of digits with the separators that people write.
_DIGITS = re.compile(r"(?<![A-Za-z0-9.,#/-])\+?\(?\d(?:[ .()/-]{0,2}\d){6,24}(?![\w])")
#: Dates, times, years and spans of years are no such.
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d{1,2}:\d{2}")
_YEARS = re.compile(r"\W*(?:1[5-9]|20)\d\d(?:\W+(?:1[5-9]|20)\d\d)*\W*")
#: A decimal of a sum or a table. Three digits, a dot and four more are the end of a phone number.
_DECIMAL = re.compile(r"\W*(?:\d+\.\d{1,3}|\d{1,2}\.\d+|\d+\.\d{5,})\W*")
#: Between the numbers of a sum or a row of a table.
_BETWEEN_NUMBERS = re.compile(r"[ ()/-]+")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")
#: "742 Evergreen Terrace": a number before a capitalised name and a word for a street.
_STREET = re.compile(
    r"\b\d{1,5}[A-Za-z]? (?:[A-Z][\w'.-]{1,20} ){1,3}"
    r"(?:Street|St|Avenue|Ave|Road|Rd|Drive|Dr|Lane|Ln|Boulevard|Blvd|Court|Ct|Way|Terrace|Place)\b"
)
_DIGIT_CHARACTER = "0123456789"
_LOWER = "abcdefghijklmnopqrstuvwxyz"


@lru_cache(maxsize=4096)
def mask(text: str) -> str:
    """Return the text, of the same length, with callers' numbers and addresses made up."""
    masked = list(text)
    for start, end in _private(text):
        masked[start:end] = _made_up(text[start:end])
    return "".join(masked)


def leave_out(text: str) -> str:
    """Return the text with `…` in place of each number and address, made up or not."""
    parts: list[str] = []
    last = 0
    for start, end in sorted(_private(text)):
        if end > last:
            parts += [text[last : max(last, start)], "…"]
            last = end
    return "".join([*parts, text[last:]])


def _private(text: str) -> list[tuple[int, int]]:
    """Return where private values stand."""
    found: list[tuple[int, int]] = []
    for match in _EMAIL_DOMAIN.finditer(text):
        if local := _LOCAL_PART.search(text, max(0, match.start() - 64), match.start()):
            found.append((local.start(), match.end()))
    for match in _DIGITS.finditer(text):
        if _digits(match[0]) >= MIN_DIGITS and not _is_plain(match[0]):
            found.append(match.span())
    found += [match.span() for match in _IBAN.finditer(text)]
    found += [match.span() for match in _STREET.finditer(text)]
    return found


def _is_plain(run: str) -> bool:
    """Return whether a run of digits is a date, years, or decimals with short numbers beside them.

    Readers took made-up years and sums for the agent's mistakes.
    """
    if _DATE.search(run) or _YEARS.fullmatch(run):
        return True
    numbers = [number for number in _BETWEEN_NUMBERS.split(run) if number]
    others = [number for number in numbers if not _DECIMAL.fullmatch(number)]
    return len(others) < len(numbers) and all(_digits(number) < MIN_DIGITS for number in others)


def _digits(text: str) -> int:
    return sum(map(str.isdigit, text))


def _made_up(value: str) -> str:
    """Return other digits and letters in the same places; the same digits always the same ones."""
    key = re.sub(r"\W", "", value).casefold()
    drawn = Random(blake2b(key.encode("utf-8", "replace"), digest_size=8).digest())  # noqa: S311
    return "".join(_other(character, drawn) for character in value)


def _other(character: str, drawn: Random) -> str:
    if not character.isascii():
        return character
    if character.isdigit():
        return drawn.choice(_DIGIT_CHARACTER)
    if character.isalpha():
        letter = drawn.choice(_LOWER)
        return letter.upper() if character.isupper() else letter
    return character
