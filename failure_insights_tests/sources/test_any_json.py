"""Whatever object a reader is given: a call that can be stored, no call, or bad input."""

import json
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from failure_insights.domain.calls import ROLES
from failure_insights.errors import BadInput
from failure_insights.sources import FORMATS, BadCall, LeftOut, NotACall, detect, reader
from failure_insights.sources.json_text import object_of
from failure_insights_tests.sources.fixtures import FIXTURES

TEXT = st.text(st.characters(codec=None), max_size=12) | st.sampled_from(
    ["user", "assistant", "tool_call", "true", "7/10", "0:07", "1795424400000", "soon", "[1]", "{}"]
)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
JSON = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def _names(value: Any) -> set[str]:
    match value:
        case dict():
            return set(value).union(*map(_names, value.values()))
        case list():
            return set().union(*map(_names, value))
    return set()


#: Every name that some provider gives a field.
NAMES = st.sampled_from(sorted(set().union(*(_names(f.payload) for f in FIXTURES))))
OBJECT = st.recursive(
    JSON,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
)


@st.composite
def broken(draw: st.DrawFn) -> dict[str, Any]:
    """Return one of the fixtures' payloads with some values in it replaced by any JSON."""
    payload = json.loads(json.dumps(draw(st.sampled_from(FIXTURES)).payload))
    for _ in range(draw(st.integers(0, 4))):
        place = payload
        while True:
            key = draw(
                st.sampled_from(list(place) if isinstance(place, dict) else range(len(place)))
            )
            inner = place[key]
            if not (isinstance(inner, dict | list) and inner and draw(st.booleans())):
                break
            place = inner
        place[key] = draw(JSON)
    return dict(payload)


@given(st.sampled_from(FORMATS), broken() | st.dictionaries(NAMES, OBJECT, max_size=8))
def test_any_object_is_a_call_that_can_be_stored_or_no_call_or_bad_input(
    format: str, payload: dict[str, Any]
) -> None:
    detected = detect(payload)
    assert detected is None or detected in FORMATS
    try:
        read = reader(format)(payload, "Harbour")
    except (NotACall, BadInput):
        return
    # Half surrogates would be refused here.
    stored = json.loads(orjson.dumps(read.call))
    assert "\0" not in json.dumps(stored, ensure_ascii=False)
    assert all(turn["role"] in ROLES for turn in stored["transcript"])
    assert all((turn["start_s"] or 0) >= 0 for turn in stored["transcript"])
    assert all(r["passed"] is not None or r["score"] is not None for r in stored["metrics"])
    assert all(isinstance(kind, LeftOut) and count > 0 for kind, count in read.left_out.items())
    assert all(len(example) < 400 for example in read.examples.values())


@given(st.sampled_from(FORMATS), st.sampled_from(["[", '{"item":', '{"message":', '{"body":']))
def test_objects_nested_without_end_are_bad_input(format: str, opening: str) -> None:
    inner: Any = {}
    for _ in range(3_000):
        inner = [inner] if opening == "[" else {opening[2:-2]: inner}
    payload = {
        "call_id": "c",
        "id": "c",
        "transcript": [inner],
        "messages": [inner],
        "metadata": {"a": inner},
    }
    try:
        reader(format)(payload, "Harbour")
    except (NotACall, BadCall, BadInput):
        return


@given(st.text(max_size=40) | JSON.map(lambda value: json.dumps(value)))
def test_text_of_one_object_is_that_object_or_bad_input(text: str) -> None:
    try:
        value = object_of(text)
    except BadInput:
        return
    assert value == json.loads(text)
