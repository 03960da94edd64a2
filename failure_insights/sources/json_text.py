"""JSON text of one call -> the object that a reader takes."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

import orjson

from failure_insights.errors import BadInput
from failure_insights.sources.native import MAX_LINE_BYTES
from failure_insights.sources.reading import shown


def object_of(text: bytes | str) -> Mapping[str, Any]:
    """Return the JSON object of a line or any other text of one value.

    Half surrogates (`"\\ud83d"` alone) stay in its strings; readers replace and count them.

    Raises:
        BadInput: it is no JSON object, or is too long.
    """
    if len(text) > MAX_LINE_BYTES:
        raise BadInput(
            f"the line is longer than {MAX_LINE_BYTES // 2**20} MiB", code="line_too_long"
        )
    value = parse(text)
    if not isinstance(value, dict):
        raise BadInput(
            f"a line is one JSON object, and this is {shown(value)}", code="not_an_object"
        )
    return value


def parse(text: bytes | str) -> Any:
    """Return the value of JSON text, UTF-8 or already decoded, with half surrogates as they are.

    Raises:
        BadInput: it is no JSON; NaN and Infinity are none.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        # orjson is strict about surrogates; Python's parser is not.
        if "surrogate" in error.msg and (value := _with_surrogates(text)) is not None:
            return value
        raise BadInput(
            f"not JSON: {error.msg} at character {error.colno}", code="not_json"
        ) from None


def _with_surrogates(text: bytes | str) -> Any:
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8", "surrogatepass")
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError(digits)
    return number
