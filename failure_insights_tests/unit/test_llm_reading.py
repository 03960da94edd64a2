"""Reading answers: whatever stands around an object, it is found; half of one is never taken."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from failure_insights.llm import UnusableAnswer, read_answer


class Item(BaseModel):
    why: str
    handle: str
    line: int | None


class Batch(BaseModel):
    items: list[Item]


WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
BATCHES = st.builds(
    Batch,
    items=st.lists(st.builds(Item, why=WORDS, handle=WORDS, line=st.none() | st.integers())),
)
PROSE = st.text(st.characters(exclude_characters="{}<", exclude_categories=["Cs"]), max_size=20)


@given(BATCHES, PROSE, PROSE, st.sampled_from(["", "```json\n", '<think>{"a": 1}</think>']))
def test_an_object_is_found_in_whatever_stands_around_it(
    batch: Batch, before: str, after: str, mark: str
) -> None:
    text = f"{mark}{before}{batch.model_dump_json()}{after}"
    assert read_answer(text, Batch) == batch


@given(BATCHES, st.integers(0, 400), st.booleans())
def test_of_an_answer_that_breaks_off_whole_items_are_taken(
    batch: Batch, length: int, is_spaced: bool
) -> None:
    text = json.dumps(batch.model_dump(), indent=2 if is_spaced else None, ensure_ascii=False)
    try:
        read = read_answer(text[:length], Batch)
    except UnusableAnswer:
        return
    assert read.items == batch.items[: len(read.items)]


@given(st.lists(st.sampled_from(["T1", "T2", "OTHER"])))
def test_an_object_in_the_words_of_python_is_understood(labels: list[str]) -> None:
    value = {"items": [{"why": "it's so", "handle": label, "line": None} for label in labels]}
    assert read_answer(f"answer = {value!r}", Batch) == Batch.model_validate(value)


@given(st.text() | st.lists(st.sampled_from(list("{}[]\"':,\\<1")), max_size=60).map("".join))
def test_no_text_does_harm(text: str) -> None:
    with pytest.raises(UnusableAnswer):
        read_answer(text, Item)
