"""Whatever a model makes of its answer, it ends in the value asked for or in `UnusableAnswer`."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel

from failure_insights.llm import EndpointUnavailable, UnusableAnswer
from failure_insights.llm.answer_parsing import FIELD_CHARACTERS
from failure_insights_tests.endpoint.asking import (
    GOOD,
    LABEL,
    SPOKEN,
    Label,
    Labels,
    always,
    ask,
    knowing,
    then_good,
)
from failure_insights_tests.endpoint.server import Reply, Sent, raw, says, uses_tools

TEXT = json.dumps(GOOD)
BATCH = json.dumps({"items": [{**GOOD, "label": f"T{number}"} for number in (1, 2, 3)]})
#: Ends of a batch whose third item is not whole.
CUT_OFF = {
    "in a name": BATCH[:-20],
    "in a text": BATCH[: BATCH.rindex("T3") + 1],
    "in a text with a brace": BATCH[: BATCH.rindex("it fits")] + "a } and ]}",
    "in a fence": f"```json\n{BATCH[:-4]}",
    "after a comma": BATCH[: BATCH.rindex("{")],
    "with a trailing comma before": BATCH[: BATCH.rindex("{")] + "{,",
}
LONG = "word " * 200_000


@dataclass(frozen=True)
class Answer:
    """One answer of a model, and what is to come of it."""

    name: str
    reply: Reply
    #: The value; None: nothing can be made of it, and the next, good answer is asked for.
    value: BaseModel | None = LABEL
    schema: type[BaseModel] = Label


def label(**changes: Any) -> Label:
    return Label.model_validate(GOOD | changes)


ANSWERS = [
    Answer("plain", says(GOOD)),
    Answer("prose around JSON", says(f"Sure, {{here}} it is: {TEXT} Anything else {{?}}")),
    Answer("markdown fence", says(f"```json\n{TEXT}\n```")),
    Answer("two JSON objects", says(f"{TEXT}\n{json.dumps(GOOD | {'label': 'T2'})}")),
    Answer("another object first", says(f'{{"note": "x"}} {TEXT}')),
    Answer("wrapped in its name", says({"label": GOOD})),
    Answer("<think> block", says(f'<think>Is it {{"label": 1}}? No.</think>\n{TEXT}')),
    Answer("</think> without its beginning", says(f"Is it {{T2}}? No.</think>{TEXT}")),
    Answer("<think> without an end", says(f"<think>It is {TEXT}"), None),
    Answer("a quote of </think>", says(GOOD | {"why": "</think>"}), label(why="</think>")),
    Answer("content in parts", says(None, content=[{"type": "text", "text": TEXT}])),
    Answer("numbers as strings", says(GOOD | {"line": "3"})),
    Answer("extra fields", says(GOOD | {"mood": "good"})),
    Answer("a missing field", says({"why": "it fits", "label": "T1"}), None),
    Answer("a wrong type", says(GOOD | {"line": "three"}), None),
    Answer("no object", says("[1, 2]"), None),
    Answer("single quotes", says("{'why': 'it fits', 'label': 'T1', 'line': 3}")),
    Answer("trailing commas", says('{"why": "it fits", "label": "T1", "line": 3,}')),
    Answer("a raw line break", says(TEXT.replace("it fits", "it\nfits")), label(why="it\nfits")),
    Answer("NaN", says(TEXT.replace("3", "NaN")), None),
    Answer("duplicate keys", says(TEXT[:-1] + ', "label": "T9"}'), label(label="T9")),
    Answer("deeply nested", says("[" * 50_000 + '{"why":' * 50_000), None),
    Answer("a string of 1 MB", says(GOOD | {"why": LONG}), label(why=LONG[:FIELD_CHARACTERS])),
    Answer("1 MB of braces", says("{" * 1_000_000), None),
    Answer("1 MB of quotes", says("{" + "\"'" * 500_000 + "}"), None),
    Answer(
        "NUL and half a surrogate pair", says(GOOD | {"why": "a\0b\ud800c"}), label(why="a�b�c")
    ),
    Answer("missing usage", says(GOOD, usage=None)),
    Answer("usage of nulls", says(GOOD, usage={"prompt_tokens": None})),
    Answer("as the use of a tool", uses_tools([("label", GOOD)])),
    Answer("as a tool's empty use and text", uses_tools([("label", "")], TEXT)),
    Answer("empty content", says(""), None),
    Answer("null content with reasoning_content", says(None, reasoning_content=TEXT), None),
    Answer("no content at all", raw(200, b'{"choices": [{"message": {}}]}'), None),
    *(
        Answer(f"cut within the last item: {name}", says(cut, finish="length"), None, Labels)
        for name, cut in CUT_OFF.items()
    ),
]


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.name)
def test_an_answer_is_understood_or_asked_for_once_more(answer: Answer) -> None:
    good = says(GOOD) if answer.schema is Label else says(BATCH)
    left = [answer.reply]
    outcome = ask(lambda _: left.pop() if left else good, schema=answer.schema, memory=knowing())
    if answer.schema is Labels:
        # Half an item is none: what is missing can be asked for, what is wrong could not be told.
        assert [item.label for item in outcome.result.items] == ["T1", "T2"]
        assert len(outcome.sent) == 1
    elif answer.value is None:
        assert outcome.result == LABEL
        assert len(outcome.sent) == 2
    else:
        assert outcome.result == answer.value
        assert len(outcome.sent) == 1


@pytest.mark.parametrize(
    "reply",
    [says(None, refusal="I cannot read this."), says("", finish="content_filter")],
    ids=["refusal", "content_filter"],
)
def test_a_refusal_to_answer_is_not_argued_with(reply: Reply) -> None:
    outcome = ask(always(reply), memory=knowing())
    assert type(outcome.result) is UnusableAnswer
    assert len(outcome.sent) == 1


def test_an_answer_without_choices_counts_as_a_failed_request() -> None:
    empty = raw(200, b'{"choices": []}')
    assert ask(then_good(empty), memory=knowing()).result == LABEL
    assert type(ask(always(empty), memory=knowing()).result) is EndpointUnavailable


THOUGHT_UP = says("", finish="length")
BROKEN_OFF = says(TEXT[:20], finish="length")


@pytest.mark.parametrize("reply", [THOUGHT_UP, BROKEN_OFF], ids=["empty", "broken off"])
def test_an_answer_that_is_cut_gets_twice_the_room(reply: Reply) -> None:
    outcome = ask(then_good(reply), memory=knowing(), max_tokens=300)
    assert outcome.result == LABEL
    assert [sent.body["max_completion_tokens"] for sent in outcome.sent] == [300, 600]


def test_an_answer_that_is_cut_twice_is_given_up() -> None:
    outcome = ask(always(BROKEN_OFF), memory=knowing(), max_tokens=300)
    assert type(outcome.result) is UnusableAnswer
    assert "600 tokens" in str(outcome.result)
    assert len(outcome.sent) == 2


def test_a_model_is_told_what_is_wrong_with_its_answer() -> None:
    wrong = json.dumps(GOOD | {"line": "three"})
    outcome = ask(then_good(says(wrong)), memory=knowing())
    assert outcome.result == LABEL
    *_, answer, correction = outcome.sent[1].messages
    assert answer == {"role": "assistant", "content": wrong}
    assert "line: Input should be a valid integer" in correction["content"]


def test_an_error_tells_nothing_of_a_wrong_answer() -> None:
    outcome = ask(always(says({"why": SPOKEN, SPOKEN: SPOKEN})), memory=knowing())
    assert type(outcome.result) is UnusableAnswer
    assert len(outcome.sent) == 2


def test_tokens_are_counted_as_told_or_else_by_length() -> None:
    told = {
        "prompt_tokens": 1000,
        "completion_tokens": 20,
        "prompt_tokens_details": {"cached_tokens": 900},
    }
    budget = ask(always(says(GOOD, usage=told)), memory=knowing()).budget
    assert (budget.input_tokens, budget.output_tokens, budget.cached_tokens) == (
        1000,
        20,
        900,
    )
    assert budget.models == {"m"}

    budget = ask(always(says(GOOD, usage=None)), memory=knowing()).budget
    assert budget.input_tokens > 50
    assert budget.output_tokens == len(TEXT) // 4


def test_text_that_cannot_be_encoded_is_sent_all_the_same() -> None:
    def script(sent: Sent) -> Reply:
        return says({"why": sent.data, "label": "T1", "line": None})

    assert ask(script, message="half \ud800 a pair").result.why == "half � a pair"
