"""Text out of loose JSON: what was said, without the characters that Postgres cannot hold."""

import json
import re
from typing import Any

from failure_insights.sources.reading import LeftOut, Losses

#: NUL and half surrogates.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Return whether a text has no character that cannot be stored."""
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def storable(text: str, losses: Losses) -> str:
    """Return the text with each character that cannot be stored replaced by U+FFFD, and counted."""
    if is_storable(text):
        return text
    # Two halves that stand side by side are one character.
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    replaced, count = _UNSTORABLE.subn("\ufffd", whole)
    if count:
        losses.add(LeftOut.CHARACTERS, count=count)
    return replaced


def storable_json(value: Any, losses: Losses) -> Any:
    """Return a JSON value with what cannot be stored replaced in every text, keys too."""
    match value:
        case str():
            return storable(value, losses)
        case list():
            return [storable_json(item, losses) for item in value]
        case dict():
            return {
                storable(key, losses): storable_json(item, losses) for key, item in value.items()
            }
        case _:
            return value


def words(value: Any) -> str:
    """Return any value as text: text as it is, the parts of a message joined, else JSON."""
    match value:
        case None:
            return ""
        case str():
            return value
        case list() if all(map(_is_part, value)):
            return spoken(value)
        case dict() if _is_part(value):
            return spoken([value])
        case _:
            return as_json(value)


def spoken(parts: list[Any]) -> str:
    """Return the words in the parts of a message.

    Images, sound, tools and what a model thinks have none.
    """
    return "\n".join(filter(None, map(_words_of, parts)))


def parsed(text: str) -> Any:
    """Return the value of JSON text, or None for what is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def as_json(value: Any) -> str:
    """Return any JSON value as text."""
    return json.dumps(value, ensure_ascii=False)


def _is_part(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, dict) and ("type" in value or isinstance(value.get("text"), str))
    )


def _words_of(part: Any) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict) or part.get("thought") is True:
        return ""
    said = part.get("text") or part.get("transcript")
    return said if isinstance(said, str) else ""
