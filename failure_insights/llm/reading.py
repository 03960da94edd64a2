"""From the text of an answer to the value that was asked for, however the model wrapped it."""

import json
import re
from collections.abc import Iterator
from typing import Any, TypeVar

import json_repair
from pydantic import BaseModel, ValidationError

from failure_insights.llm.errors import UnusableAnswer

T = TypeVar("T", bound=BaseModel)

#: Objects that are looked for in one text; more is noise, and each look costs a pass over it.
MOST_OBJECTS = 20
#: Characters of a text that is repaired: the repair of a million takes seconds.
MOST_REPAIRED = 100_000
#: Mistakes named to the model that made them.
MOST_MISTAKES = 8

_THINKING = r"think|thinking|thought|reasoning"
_OPENS_THINKING = re.compile(rf"\s*<(?:{_THINKING})>", re.IGNORECASE)
_ENDS_THINKING = re.compile(rf"</(?:{_THINKING})>", re.IGNORECASE)
#: What Postgres and UTF-8 cannot hold: NUL, and halves of surrogate pairs.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_DECODER = json.JSONDecoder(strict=False)


def without_thinking(text: str) -> str:
    """Return an answer without the thoughts that some models write before it."""
    opens = _OPENS_THINKING.match(text)
    if not opens and text.lstrip().startswith("{"):
        return text  # A quote inside the answer may hold such a mark.
    ends = _ENDS_THINKING.search(text)
    if ends:
        return text[ends.end() :].strip()
    return "" if opens else text


def read_answer(text: str, schema: type[T]) -> T:
    """Return the first object of a text that fits a schema.

    Fences, prose around it, single quotes and trailing commas do no harm; of a text that breaks
    off, the items before the broken one are taken.

    Raises:
        UnusableAnswer: no object fits; the message names the fields, and no word of the text.
    """
    problem, likeness = "It holds no JSON object.", -1
    for value in _objects(without_thinking(text)):
        try:
            return schema.model_validate(mend(value))
        except ValidationError as error:
            # Of several objects, the one that was meant is most like the schema.
            if (alike := len(schema.model_fields.keys() & value.keys())) > likeness:
                problem, likeness = _mistakes(error), alike
        except RecursionError:
            problem = "It is nested too deeply."
    raise UnusableAnswer(problem)


def mend(value: Any) -> Any:
    """Return a JSON value whose texts can be stored and sent."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, list):
        return [mend(item) for item in value]
    if isinstance(value, dict):
        return {mend(key): mend(item) for key, item in value.items()}
    return value


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of a text: those that are whole, then what repair makes of the text."""
    start = text.find("{")
    if start < 0:
        return
    position = start
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
            break
    # Up to the last brace: what stands behind it is prose, or an item that breaks off.
    whole = text[start : text.rfind("}") + 1]
    if 0 < len(whole) <= MOST_REPAIRED:
        try:
            repaired = json_repair.loads(whole)
        except (ValueError, RecursionError):
            return
        if isinstance(repaired, dict):
            yield repaired


def _mistakes(error: ValidationError) -> str:
    # A field's name may come from the text, where the schema does not know it.
    return "; ".join(
        f"{'.'.join(str(part)[:40] for part in mistake['loc']) or 'answer'}: {mistake['msg']}"
        for mistake in error.errors(include_url=False, include_input=False)[:MOST_MISTAKES]
    )
