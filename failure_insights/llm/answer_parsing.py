"""Read the value that was asked for out of an answer's text, however the model wrapped it."""

import json
import re
from collections.abc import Iterator
from typing import Any, TypeVar

import json_repair
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from failure_insights.llm.errors import UnusableAnswer

T = TypeVar("T", bound=BaseModel)

#: Characters of one text in an answer; what is longer is cut before any pattern looks at it. No
#: field that an audit asks for needs a tenth of them.
FIELD_CHARACTERS = 8_000
#: Objects that are looked for in one answer: each search is a pass over it.
MOST_OBJECTS = 20
#: Ends at which a text that breaks off is tried.
MOST_ENDS = 5
#: Characters of a text that is repaired; 100,000 take 0.3 s.
REPAIRED_CHARACTERS = 100_000
#: Opening brackets of a text that is repaired; 20,000 take seconds.
REPAIRED_BRACKETS = 1_000
#: Mistakes that are told to the model that made them.
MISTAKES_TOLD = 8
#: Characters of a field's name in such a mistake.
FIELD_NAME_CHARACTERS = 40

_THINKING = r"think|thinking|thought|reasoning"
_OPENS_THINKING = re.compile(rf"\s*<(?:{_THINKING})>", re.IGNORECASE)
_ENDS_THINKING = re.compile(rf"</(?:{_THINKING})>", re.IGNORECASE)
#: What Postgres and UTF-8 cannot hold: NUL, and halves of surrogate pairs.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_DECODER = json.JSONDecoder(strict=False)


def read_answer(text: str, schema: type[T]) -> T:
    """Return the first object of a text that fits a schema.

    Prose and fences around it, single quotes and trailing commas are understood. Of a text that
    breaks off, the whole items are returned. Texts in it are cut at `FIELD_CHARACTERS`.

    Raises:
        UnusableAnswer: no object fits; the message names the fields, and no word of the text.
    """
    problem, most_alike = "It holds no JSON object.", -1
    for candidate in _candidates(without_thinking(text)):
        try:
            return schema.model_validate(storable(candidate, FIELD_CHARACTERS))
        except ValidationError as error:
            # Tell the mistakes of the object that is most like the schema.
            alike = len(schema.model_fields.keys() & candidate.keys())
            if alike > most_alike:
                problem, most_alike = _mistakes(error), alike
        except RecursionError:
            problem = "It is nested too deeply."
    raise UnusableAnswer(problem)


def without_thinking(text: str) -> str:
    """Return an answer without the thoughts that some models write before it."""
    opening = _OPENS_THINKING.match(text)
    if not opening and text.lstrip().startswith("{"):
        return text  # A quote inside the answer may hold such a mark.
    ending = _ENDS_THINKING.search(text)
    if ending:
        return text[ending.end() :].strip()
    return "" if opening else text


def storable(value: Any, most_characters: int | None = None) -> Any:
    """Return a JSON value whose texts can be sent and stored, each cut at a length if one is named.

    Raises:
        RecursionError: it is nested too deeply.
    """
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value[:most_characters])
    if isinstance(value, list):
        return [storable(item, most_characters) for item in value]
    if isinstance(value, dict):
        return {
            storable(key, most_characters): storable(item, most_characters)
            for key, item in value.items()
        }
    return value


def _candidates(text: str) -> Iterator[dict[str, Any]]:
    """Yield the objects that a text may mean: whole ones first, then what can be made whole."""
    start = text.find("{")
    if start < 0:
        return
    yield from _whole_objects(text, start)
    yield from _broken_off(text[start:])
    yield from _repaired(text[start:])


def _whole_objects(text: str, position: int) -> Iterator[dict[str, Any]]:
    for _ in range(MOST_OBJECTS):
        try:
            value, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            position += 1
        else:
            yield value
            if len(value) == 1 and isinstance(inner := next(iter(value.values())), dict):
                yield inner  # Some models wrap the answer in its own name.
        position = text.find("{", position)
        if position < 0:
            return


def _broken_off(text: str) -> Iterator[dict[str, Any]]:
    """Yield what a text holds up to its last closing braces, from the last one backwards.

    A brace may stand inside a text that breaks off: then the one before it is tried.
    """
    end = len(text)
    for _ in range(MOST_ENDS):
        end = text.rfind("}", 0, end)
        if end < 0:
            return
        try:
            value = from_json(text[: end + 1], allow_partial=True)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value


def _repaired(text: str) -> Iterator[dict[str, Any]]:
    """Yield what a text that is not quite JSON may mean, without the prose behind it."""
    text = text[: text.rfind("}") + 1]
    brackets = text.count("{") + text.count("[")
    if len(text) > REPAIRED_CHARACTERS or brackets > REPAIRED_BRACKETS:
        return
    try:
        value = json_repair.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(value, dict):
        yield value


def _mistakes(error: ValidationError) -> str:
    # A field's name may come from the text, where the schema does not know it.
    return "; ".join(
        f"{_place(mistake['loc'])}: {mistake['msg']}"
        for mistake in error.errors(include_url=False, include_input=False)[:MISTAKES_TOLD]
    )


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part)[:FIELD_NAME_CHARACTERS] for part in location) or "answer"
