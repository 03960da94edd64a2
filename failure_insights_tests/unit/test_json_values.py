"""JSON text of any layout: the same values, however they are written, cut and broken."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failure_insights.ingest.files.json_values import MAX_BROKEN, json_values
from failure_insights.ingest.files.values import Value

_TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
_ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)
#: Objects that are no page and no turn, with what confuses a reader of brackets.
CALLS = st.lists(
    st.dictionaries(st.sampled_from(["call_id", "transcript", "été", 'q"{', "\n]"]), _ANY)
)

Layout = Callable[[list[Any], Callable[..., str]], str]
LAYOUTS: dict[str, Layout] = {
    "lines": lambda calls, text: "\n".join(map(text, calls)),
    "lines of Windows with blank ones": lambda calls, text: "\r\n\r\n".join(map(text, calls)),
    "one array": lambda calls, text: text(calls),
    "a pretty array": lambda calls, text: text(calls, indent=2),
    "an array with a call a line": lambda calls, text: "[\n" + ",\n".join(map(text, calls)) + "\n]",
    "an array a line": lambda calls, text: "\n".join(text([call]) for call in calls),
    "nothing between": lambda calls, text: "".join(map(text, calls)),
    "pretty objects": lambda calls, text: "\n".join(text(call, indent=4) for call in calls),
    "commas between": lambda calls, text: ",".join(map(text, calls)),
    "records after RFC 7464": lambda calls, text: "".join(f"\x1e{text(call)}\n" for call in calls),
    "marks of byte order between": lambda calls, text: "".join(
        f"\ufeff{text(call)}\n" for call in calls
    ),
    "a page": lambda calls, text: text({"count": 9, "results": calls, "next": None}),
    "a pretty page": lambda calls, text: text({"items": calls, "has_more": False}, indent=1),
    "a page in a page": lambda calls, text: text({"ok": True, "data": {"calls": calls}}, indent=0),
    "a page a line": lambda calls, text: "\n".join(text({"conversations": [c]}) for c in calls),
    "an array of pages": lambda calls, text: text([{"results": [call]} for call in calls]),
    "an array of arrays": lambda calls, text: text([[call] for call in calls]),
    "objects as text": lambda calls, text: "\n".join(text(text(call)) for call in calls),
}


def read(text: str, size: int = 2**20) -> list[Value]:
    return list(json_values(text[at : at + size] for at in range(0, len(text), size)))


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
@given(calls=CALLS, size=st.integers(1, 40), is_ascii=st.booleans())
def test_values_are_the_same_in_every_layout(
    layout: str, calls: list[Any], size: int, is_ascii: bool
) -> None:
    def text(value: Any, indent: int | None = None) -> str:
        return json.dumps(value, indent=indent, ensure_ascii=is_ascii)

    values = read(LAYOUTS[layout](calls, text), size)
    assert [value.problem for value in values] == [None] * len(calls)
    assert [value.payload for value in values] == calls


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ('{"a":1}\n{"b": [\n{"c":3}\noops\n{"d":4}\n', "a | 2 | c | 4 | d"),
        ('{"b": \n{"c":3}\n{"d":4}\n', "1 | c | d"),
        ('{"a":1}{"b":tru}{"c":3}\n{"d":4}', "a | 1 | c | d"),
        ('{"a":1}{"b":[1,2\n{"d":4}', "a | 1 | d"),
        ('[{"a":1},{"b":tru},{"c":3}]', "a | 1 (item 2) | c"),
        ('[\n {"a":1},\n {"b":"no end},\n {"c":3}\n]\n{"d":4}', "a | 3 (item 2) | c | d"),
        ('[\n {\n  "b":[{"x":1},\n },\n {\n  "c":3\n }\n]\n', "2 (item 1) | c"),
        ('{"results":[{"a":1},{"b":tru},{"c":3}]}', "a | 1 (item 2) | c"),
        ('{\n "data":[\n  {"b":"no end},\n  {"c":3}\n ]\n}\n{"d":4}', "3 (item 1) | c | d"),
        ('{"call_id":"1","items":[{"b":tru},{"x":1}]}\n{"c":3}', "1 | c"),
        ('[{"a":1}', "a | 1 (item 2)"),
        ('[1,"x",null,{"a":1},2]', "1 (item 1) | 1 (item 2) | a"),
        ('[{"a":1}]]\nnull\ntext\n{"d":4}', "a | 1 | 2 | 3 | d"),
        ('{"a":1,}\n{"b":2', "a | 2"),
        ('{"a":' * 2_000, "1"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 2**20])
def test_a_broken_value_costs_only_itself(text: str, outcome: str, size: int) -> None:
    shown = [
        next(iter(value.payload)) if value.payload else str(value.place).removeprefix("line ")
        for value in read(text, size)
    ]
    assert " | ".join(shown) == outcome


def test_where_the_end_of_a_broken_value_cannot_be_told_nothing_after_it_is_read() -> None:
    values = read('[{"a":1},{"b":"no end},{"c":3}]\n{"d":4}')
    assert [value.payload for value in values] == [{"a": 1}, None]
    assert "nothing after it is read" in str(values[1].problem)


def test_values_have_their_place_and_form() -> None:
    text = '\n{"a":1}\n\n{\n "b":2}[{"c":3},\n{"d":4}]{"data":{"calls":[\n{"e":5}]}}'
    assert [(str(value.place), value.form) for value in read(text)] == [
        ("line 2", "JSON lines"),
        ("line 4", "JSON objects"),
        ("line 5 (item 1)", "one array"),
        ("line 6 (item 2)", "one array"),
        ("line 7 (item 1)", "a page (data.calls)"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        '{"items": [{"role": "user", "content": "x"}], "room": "r"}',
        '{"items": [{"role": "user", "content": "x"}]}',
        '{"call_id": "c", "data": [{"a": 1}]}',
        '{"type": "post_call", "data": {"conversation_id": "c", "items": [{"a": 1}]}}',
        '{"event": "call_ended", "call": {"call_id": "c"}}',
    ],
)
def test_a_call_that_has_lists_is_no_page(text: str) -> None:
    assert [value.payload for value in read(text)] == [json.loads(text)]
    assert [value.payload for value in read(json.dumps(json.loads(text), indent=1))] == [
        json.loads(text)
    ]


@pytest.mark.parametrize("text", ["", " \n", "[]", '{"calls": []}', '{"data": {"calls": []}}'])
def test_nothing_is_no_value(text: str) -> None:
    assert read(text) == []


def test_turns_without_a_call_are_told_once() -> None:
    (value,) = read('[{"role": "user", "content": "x"}, {"role": "agent", "content": "y"}]')
    assert "call_id" in str(value.problem)


def test_what_is_no_number_is_null_and_counted() -> None:
    one, two = read('{"a": NaN, "b": [Infinity, -Infinity]}\n[{"a":\n NaN}]')
    assert (one.payload, one.not_numbers) == ({"a": None, "b": [None, None]}, 3)
    assert (two.payload, two.not_numbers) == ({"a": None}, 1)


def test_what_strict_json_refuses_on_a_line_is_read() -> None:
    values = read('{"a":"x\ty"}\n{"b":"\\ud83d"}\n{"c":' + "9" * 30 + "}")
    assert [value.payload for value in values] == [{"a": "x\ty"}, {"b": "\ud83d"}, {"c": 1e30}]


def test_a_large_page_is_given_item_by_item() -> None:
    item = {"a": "x" * 100_000}
    pieces = 0

    def text() -> Any:
        nonlocal pieces
        yield '{"count": 100,\n "results": ['
        for number in range(100):
            pieces += 1
            yield ("," if number else "") + json.dumps(item)
        yield '], "next": null}{"b": 2}'

    values = json_values(text())
    assert next(values).payload == item
    assert pieces < 30
    assert [value.payload for value in values] == [item] * 99 + [{"b": 2}]


@pytest.mark.parametrize("text", ['{"a": "%s"}\n{"b": 2}', '[\n{"a": "%s"},\n{"b": 2}]'])
def test_a_value_that_is_too_long_is_refused_without_its_neighbours(text: str) -> None:
    values = list(json_values([text % ("x" * 500_000)], limit=100_000))
    assert [value.payload for value in values] == [None, {"b": 2}]
    assert "longer than" in str(values[0].problem) or "not JSON" in str(values[0].problem)


def test_a_text_without_calls_is_not_read_to_its_end() -> None:
    values = list(json_values(f"line {number}\n" for number in range(3 * MAX_BROKEN)))
    assert len(values) == MAX_BROKEN + 1
    assert "nothing more is read" in str(values[-1].problem)
