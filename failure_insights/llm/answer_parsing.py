"""From the text of an answer to the value that was asked for, however the model wrapped it."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import json_repair
from pydantic import BaseModel, ValidationError

from failure_insights.llm.errors import UnusableAnswer

T = TypeVar("T", bound=BaseModel)

#: Objects that are looked for in one text; more is noise, and each look costs a pass over it.
MOST_OBJECTS = 20
#: Characters of a text that is repaired, and its brackets: 20,000 of those take seconds.
MOST_REPAIRED, MOST_BRACKETS = 100_000, 1_000
#: Mistakes named to the model that made them.
MOST_MISTAKES = 8

_THINKING = r"think|thinking|thought|reasoning"
_OPENS_THINKING = re.compile(rf"\s*<(?:{_THINKING})>", re.IGNORECASE)
_ENDS_THINKING = re.compile(rf"</(?:{_THINKING})>", re.IGNORECASE)
#: What Postgres and UTF-8 cannot hold: NUL, and halves of surrogate pairs.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
#: Strings, the last one perhaps without its end, and the brackets between them.
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\]]', re.DOTALL)
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
    yield from _repaired(text[start:])


def _repaired(text: str) -> Iterator[dict[str, Any]]:
    """Yield what a text may have been meant to be that breaks off, or is not quite JSON."""
    tries: list[Callable[[], Any]] = [lambda: _DECODER.decode(_closed(text))]
    # Behind the last brace there is prose, or an item that breaks off.
    whole = text[: text.rfind("}") + 1]
    if len(whole) <= MOST_REPAIRED and whole.count("{") + whole.count("[") <= MOST_BRACKETS:
        tries.append(lambda: json_repair.loads(whole))
    for attempt in tries:
        try:
            value = attempt()
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            yield value


def _closed(text: str) -> str:
    """Return a text up to its last whole object, with every bracket closed that is open there."""
    end = max((token.end() for token in _TOKENS.finditer(text) if token[0] == "}"), default=0)
    open_: list[str] = []
    for token in _TOKENS.finditer(text, 0, end):
        if token[0] in ("{", "["):
            open_.append("}" if token[0] == "{" else "]")
        elif token[0] in ("}", "]") and open_:
            open_.pop()
    return text[:end] + "".join(reversed(open_))


def _mistakes(error: ValidationError) -> str:
    # A field's name may come from the text, where the schema does not know it.
    return "; ".join(
        f"{'.'.join(str(part)[:40] for part in mistake['loc']) or 'answer'}: {mistake['msg']}"
        for mistake in error.errors(include_url=False, include_input=False)[:MOST_MISTAKES]
    )
