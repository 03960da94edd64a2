"""Bodies of many values, read one by one: the same values, however they are written and cut."""

import io
import json
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failure_insights.errors import BadInput
from failure_insights.web.api.bodies import lines_of

VALUES = st.lists(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=6,
    )
)
MARK = b"\xef\xbb\xbf"


def read(body: bytes, chunk: int = 2**16) -> list[Any]:
    with patch("failure_insights.web.api.bodies.CHUNK", chunk):
        return [json.loads(line) for line in lines_of(io.BytesIO(body)) if line.strip()]


@given(VALUES, st.sampled_from([None, 0, 3]), st.booleans(), st.integers(1, 9), st.booleans())
def test_an_array_is_read_value_by_value(
    values: list[Any], indent: int | None, is_ascii: bool, chunk: int, has_mark: bool
) -> None:
    body = json.dumps(values, indent=indent, ensure_ascii=is_ascii).encode()
    assert read((MARK if has_mark else b"") + b" \n" * (not has_mark) + body, chunk) == values


@given(VALUES.map(lambda values: [value for value in values if not isinstance(value, list)]))
def test_lines_are_read_value_by_value(values: list[Any]) -> None:
    assert read("\r\n\n".join(map(json.dumps, values)).encode()) == values


@pytest.mark.parametrize(
    ("body", "taken", "reason"),
    [
        ("[1, 2", 2, "after its element 2"),
        ("[1, 2]]", 2, "after its element 2"),
        ("[1 2]", 1, "after its element 1"),
        ("[", 0, "element 1"),
        ("[] 1", 0, "before its first element"),
        ("[1,]", 1, "element 2"),
        ('["' + "a" * 200, 0, "element 1"),
    ],
)
@pytest.mark.parametrize("chunk", [1, 2**16])
def test_an_array_that_breaks_off_gives_what_came_before(
    body: str, taken: int, reason: str, chunk: int
) -> None:
    lines = lines_of(io.BytesIO(body.encode()))
    with patch("failure_insights.web.api.bodies.CHUNK", chunk):
        for _ in range(taken):
            next(lines)
        with pytest.raises(BadInput, match=reason):
            next(lines)


def test_an_element_that_is_too_long_is_not_read_to_its_end() -> None:
    body = io.BytesIO(b'[1, "' + b"a" * 100_000 + b'"]')
    with (
        patch("failure_insights.web.api.bodies.MAX_LINE_BYTES", 1000),
        patch("failure_insights.web.api.bodies.CHUNK", 100),
        pytest.raises(BadInput, match="element 2"),
    ):
        list(lines_of(body))
    assert body.tell() < 20_000
