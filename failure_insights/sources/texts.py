"""Text out of loose JSON: what was said, without the characters that Postgres cannot hold."""

import json
import re
from collections.abc import Mapping
from typing import Any

from failure_insights.sources.reading import LeftOut, Losses

#: NUL and half surrogates.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def storable(text: str, losses: Losses) -> str:
    """Return the text with each character that cannot be stored replaced by U+FFFD, and counted."""
    if "\0" not in text:
        if text.isascii():
            return text
        try:
            text.encode()
        except UnicodeEncodeError:
            pass
        else:
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
    """Return what was said: text as it is, a list of parts joined, anything else as JSON."""
    match value:
        case None:
            return ""
        case str():
            return value
        case list() if all(isinstance(part, str | Mapping) for part in value):
            return "\n".join(filter(None, map(_part, value)))
        case _:
            return json.dumps(value, ensure_ascii=False)


def _part(part: Any) -> str:
    """Return the words of one part of an OpenAI-like message; images and sound have none."""
    if isinstance(part, str):
        return part
    said = part.get("text") or part.get("transcript")
    return said if isinstance(said, str) else ""
