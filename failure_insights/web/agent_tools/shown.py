"""Show a row to an agent: the fields that it asked for, within a budget of characters.

What is left out is said where it was, so that an agent knows to ask for less of more.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from failure_insights.errors import BadInput

#: Characters of an answer, unless the agent names another number.
DEFAULT_CHARACTERS = 12_000
LEAST_CHARACTERS = 500
MOST_CHARACTERS = 100_000
#: Room for the words that say what was left out.
_NOTE = 40


def shown(value: object, fields: Sequence[str] | None, max_characters: int) -> str:
    """Return a value as JSON of at most `max_characters`, with only these fields.

    Args:
        fields: names, those of inner objects behind a dot ("failure_modes.title"); None: all.

    Raises:
        BadInput: a field is not there.
    """
    plain = orjson.loads(orjson.dumps(value, option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC))
    if fields:
        plain = _selected(plain, fields)
    budget = max_characters
    while budget > 0:
        # The words that say what was left out take room too.
        text = _json(fitted(plain, budget))
        if len(text) <= max_characters:
            return text
        budget -= max(1, len(text) - max_characters)
    return _json(_left_out(len(_json(plain)), "characters"))


def fitted(value: Any, budget: int) -> Any:
    """Return a JSON value cut so that it takes about `budget` characters.

    Texts are cut at their end, lists after the last item that fits. In an object what is small
    stays whole, and the rest is shared among what is large.
    """
    if len(_json(value)) <= budget:
        return value
    match value:
        case str() if len(value) > 2 * _NOTE:
            kept = max(0, budget - _NOTE)
            return value[:kept] + _left_out(len(value) - kept, "characters")
        case list():
            return _fitted_list(value, budget)
        case dict():
            return _fitted_object(value, budget)
        case _:
            return value


def _fitted_list(items: list[Any], budget: int) -> list[Any]:
    kept: list[Any] = []
    left = budget - _NOTE
    for item in items:
        size = len(_json(item)) + 2
        if size > left:
            # A first item that is too large is cut; a later one is counted as left out.
            if not kept and left > _NOTE * 2:
                kept.append(fitted(item, left))
            break
        kept.append(item)
        left -= size
    return [*kept, _left_out(len(items) - len(kept), "more")]


def _fitted_object(fields: dict[str, Any], budget: int) -> dict[str, Any]:
    sizes = {name: len(_json(name)) + len(_json(value)) + 4 for name, value in fields.items()}
    left = budget - _NOTE
    kept: dict[str, Any] = {}
    for waiting, name in enumerate(sorted(sizes, key=lambda name: sizes[name])):
        share = left // (len(fields) - waiting)
        if sizes[name] <= share:
            kept[name] = fields[name]
        elif share > _NOTE * 2:
            kept[name] = fitted(fields[name], share - len(_json(name)) - 4)
        else:
            continue
        left -= len(_json({name: kept[name]}))
    # In the order of the row, whatever was cut first.
    result = {name: kept[name] for name in fields if name in kept}
    if missing := len(fields) - len(result):
        result["…"] = _left_out(missing, "fields")
    return result


def _left_out(count: int, what: str) -> str:
    return f"… [{count:,} {what} left out]"


def _selected(value: Any, fields: Sequence[str]) -> Any:
    """Return only these fields of an object, or of each object of a list."""
    if isinstance(value, list):
        return [_selected(item, fields) for item in value]
    if not isinstance(value, Mapping):
        return value
    inner: dict[str, list[str]] = {}
    for field in fields:
        name, _, rest = field.partition(".")
        inner.setdefault(name, []).extend([rest] if rest else [])
    if unknown := [name for name in inner if name not in value]:
        known = ", ".join(value)
        raise BadInput(f"there is no field {', '.join(unknown)}; there are {known}")
    return {
        name: _selected(value[name], names) if names else value[name]
        for name, names in inner.items()
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
