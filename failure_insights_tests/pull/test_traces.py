"""Traces as calls: what was said, which tools ran, what judges and people scored."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failure_insights.domain.calls import Call
from failure_insights.errors import BadInput
from failure_insights.sources import LeftOut, NotACall, ReadCall, reader
from failure_insights.sources.phoenix import nested
from failure_insights.sources.reading import Losses
from failure_insights.sources.trace_scores import Judgement, results, verdict_of
from failure_insights.sources.traces import Span, transcript

FIXTURES = Path(__file__).parent / "fixtures"


def read(format: str, payload: Mapping[str, Any]) -> ReadCall:
    return reader(format)(payload, "Clinic")


def of_file(format: str, name: str) -> Call:
    return read(format, json.loads((FIXTURES / f"{name}.json").read_text())).call


def said(call: Call) -> list[tuple[str, str]]:
    return [(turn.role, turn.content) for turn in call.transcript]


def verdicts(call: Call) -> dict[str, Any]:
    return {m.name: m.score if m.passed is None else m.passed for m in call.metrics}


def test_a_session_of_langfuse_4_is_one_call() -> None:
    """Two traces, whose second LLM call repeats the first trace; a failed tool; four scores."""
    call = of_file("langfuse", "langfuse_4_session")
    assert (call.call_id, call.agent) == ("call-77", "front-desk")
    assert call.started_at.isoformat() == "2026-11-23T10:30:00+00:00"
    assert call.duration_s == 62.1
    assert said(call) == [
        ("system", "You are the front desk."),
        ("user", "Can I come on Friday?"),
        ("tool_call", '{"day": "Friday"}'),
        ("tool_result", "[failed] calendar did not answer\ntimeout"),
        ("agent", "We are closed on Fridays."),
        ("user", "Your page says you are open."),
        ("agent", "I am sorry, we are closed."),
    ]
    assert call.transcript[1].start_s == 0.5
    assert [turn.start_s for turn in call.transcript[-2:]] == [60.1, 62.0]
    assert verdicts(call) == {
        "Expected Outcome": False,
        "Relevancy": 0.4,
        # A true "Hallucination" is no pass, and a false one no failure, until a rule says so.
        "Hallucination": True,
        "Polite": True,
    }
    assert [m.passed for m in call.metrics if m.name == "Hallucination"] == [None]
    outcome = next(m for m in call.metrics if m.name == "Expected Outcome")
    assert outcome.explanation == "The caller got no appointment."
    assert call.metadata == {
        "campaign": "spring",
        "user_id": "u-1",
        "environment": "production",
        "release": "v1.4",
        "tags": ["phone"],
        "trace_ids": ["trace-1", "trace-2"],
    }


def test_a_trace_of_langfuse_3_is_a_call() -> None:
    call = of_file("langfuse", "langfuse_3_trace")
    assert (call.call_id, call.agent) == ("trace-9", "front-desk")
    assert said(call) == [
        ("user", "Can I come on Friday?"),
        ("agent", "We are closed on Fridays."),
    ]
    assert verdicts(call) == {"Hallucination": False}


def test_a_session_of_phoenix_is_one_call() -> None:
    """As Phoenix 20.26 gave it: recorded from a server, with annotations on all three levels."""
    call = of_file("phoenix", "phoenix_session")
    assert (call.call_id, call.agent) == ("sess-1", "voice")
    assert said(call) == [
        ("system", "You book tables."),
        ("user", "A table for two?"),
        ("agent", "For when?"),
        ("user", "Friday."),
        ("tool_call", '{"day": "Friday"}'),
        ("tool_result", "[failed] timeout\nclosed"),
        ("agent", "We are closed on Fridays."),
    ]
    assert verdicts(call) == {
        "Expected Outcome": True,
        "Helpful": False,
        "Hallucination": "hallucinated",
    }
    assert (call.metadata["campaign"], call.metadata["user_id"]) == ("x", "u1")


def messages(*said: str, prompt: str = "") -> list[dict[str, str]]:
    """Return messages of user and assistant by turns, after a prompt."""
    roles = ("user", "assistant")
    listed = [{"role": roles[n % 2], "content": text} for n, text in enumerate(said)]
    return [*([{"role": "system", "content": prompt}] if prompt else []), *listed]


def llm(start: float, given: Any, answer: Any, parent: str | None = "root") -> Span:
    return Span(f"l{start}", parent, "llm", "chat", start, start + 1, given, answer)


def root(start: float, given: Any = None, answer: Any = None, end: float = 100.0) -> Span:
    return Span("root", None, "other", "turn", start, end, given, answer)


def tool(start: float, error: str = "") -> Span:
    return Span(f"t{start}", "root", "tool", "find", start, start + 1, {"day": "Fri"}, "no", error)


CALL = {"id": "c", "function": {"name": "find", "arguments": '{"day": "Fri"}'}}
TRACES: dict[str, tuple[Sequence[Sequence[Span]], list[tuple[str, str]]]] = {
    "each LLM call repeats what went before": (
        [[llm(1, messages("Hi"), "Hello"), llm(5, messages("Hi", "Hello", "Table?"), "When?")]],
        [("user", "Hi"), ("agent", "Hello"), ("user", "Table?"), ("agent", "When?")],
    ),
    "each LLM call has its own turn only": (
        [
            [
                llm(1, messages("Hi", prompt="P"), "Hello"),
                llm(5, messages("Table?", prompt="P"), "X"),
            ]
        ],
        [
            *(("system", "P"), ("user", "Hi"), ("agent", "Hello")),
            *(("user", "Table?"), ("agent", "X")),
        ],
    ),
    "the history is cut at its beginning": (
        [[llm(1, messages("a", "b", "c"), "d"), llm(5, messages("c", "d", "e"), "f")]],
        [(("user", "agent")[n % 2], text) for n, text in enumerate("abcdef")],
    ),
    "a classifier beside the conversation is not heard": (
        [
            [
                llm(1, messages("Classify: Hi", prompt="You classify."), "greeting"),
                llm(2, messages("Hi", prompt="You talk."), "Hello"),
                llm(4, messages("Hi", "Hello", "Table?", prompt="You talk."), "When?"),
                llm(5, messages("Classify: Table?", prompt="You classify."), "order"),
            ]
        ],
        [
            *(("system", "You talk."), ("user", "Hi"), ("agent", "Hello")),
            *(("user", "Table?"), ("agent", "When?")),
        ],
    ),
    "a prompt that wraps the caller's words is not heard": (
        [[root(0, "Hi", "Hello"), llm(1, messages("Answer politely: Hi", prompt="P"), "raw")]],
        [("user", "Hi"), ("agent", "Hello")],
    ),
    "traces of a session come in order of time": (
        [[root(50, "Table?", "When?")], [root(1, "Hi", "Hello", end=2)]],
        [("user", "Hi"), ("agent", "Hello"), ("user", "Table?"), ("agent", "When?")],
    ),
    "tools stand where they ran": (
        [[root(0, "Hi", "No."), tool(3), tool(2, "timeout")]],
        [
            ("user", "Hi"),
            *(("tool_call", '{"day": "Fri"}'), ("tool_result", "[failed] timeout\nno")),
            *(("tool_call", '{"day": "Fri"}'), ("tool_result", "no")),
            ("agent", "No."),
        ],
    ),
    "a tool's result and the last answer may stand outside the LLM's messages": (
        [
            [
                root(0, "Hi", "No table."),
                llm(1, messages("Hi"), {"role": "assistant", "tool_calls": [CALL]}),
                tool(3, "timeout"),
            ]
        ],
        [
            ("user", "Hi"),
            *(("tool_call", '{"day": "Fri"}'), ("tool_result", "[failed] timeout\nno")),
            ("agent", "No table."),
        ],
    ),
    "a trace without a word has no turn": ([[root(0)], []], []),
}


@pytest.mark.parametrize("name", TRACES)
def test_what_was_said_is_told_once_and_in_order(name: str) -> None:
    held, expected = TRACES[name]
    assert [(turn["role"], turn["content"]) for turn in transcript(held)] == expected


@pytest.mark.parametrize(
    "given",
    [
        json.dumps(messages("Hi")),
        {"messages": messages("Hi")},
        {"input": messages("Hi"), "model": "gpt"},
        [messages("Hi")],
        [{"type": "human", "content": "Hi"}],
        [{"lc": 1, "id": ["langchain", "HumanMessage"], "kwargs": {"content": "Hi"}}],
        [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
        [{"message": {"role": "user", "content": "Hi"}}],
    ],
)
@pytest.mark.parametrize(
    "answer",
    [
        "Hello",
        {"role": "assistant", "content": "Hello"},
        {"choices": [{"message": {"role": "assistant", "content": "Hello"}}]},
        [{"role": "assistant", "content": "Hello"}],
        {"content": "Hello"},
        json.dumps({"role": "assistant", "content": "Hello"}),
        {"output": [{"type": "message", "role": "assistant", "content": [{"text": "Hello"}]}]},
    ],
)
def test_messages_are_read_in_every_llm_s_shape(given: Any, answer: Any) -> None:
    turns = transcript([[llm(1, given, answer)]])
    assert [(t["role"], t["content"]) for t in turns] == [("user", "Hi"), ("agent", "Hello")]


@pytest.mark.parametrize(
    ("metric", "value", "passed"),
    [
        ("Expected Outcome", "pass", True),
        ("Expected Outcome", "Failed", False),
        ("Hallucination", "fail", False),
        ("Polite", True, True),
        ("Polite", "no", False),
        ("Hallucination", True, None),
        ("caller was frustrated", "yes", None),
        ("tool_errors", False, None),
        ("Relevancy", 0.3, None),
        ("Tone", "warm", None),
    ],
)
def test_only_what_cannot_be_meant_otherwise_is_a_verdict(
    metric: str, value: Any, passed: bool | None
) -> None:
    assert verdict_of(metric, value) is passed


def one_of(*judgements: Judgement) -> tuple[dict[str, Any], int]:
    """Return the one result of a metric, and how many others were left out."""
    losses = Losses()
    (result,) = results(judgements, losses)
    return result, losses.counts[LeftOut.UNUSABLE_RESULTS]


def test_of_several_scores_of_a_metric_the_one_that_says_most_counts() -> None:
    step = Judgement("Polite", "fail", "of a step", "span")
    trace = Judgement("Polite", "pass", "of a trace", "trace")
    assert one_of(step, trace) == (
        {"name": "Polite", "passed": True, "score": None, "explanation": "of a trace"},
        1,
    )
    judge = Judgement("Polite", "fail", "a judge", at="2026-11-24")
    person = Judgement("Polite", "pass", "a person", by="human", at="2026-11-23")
    assert one_of(judge, person)[0]["explanation"] == "a person"
    assert one_of(trace, judge)[0]["explanation"] == "a judge"
    older = Judgement("Relevancy", 0.9, "older", at="2026-11-23")
    newer = Judgement("Relevancy", 0.1, "newer", at="2026-11-24")
    assert one_of(older, newer)[0]["explanation"] == "newer"
    assert one_of(Judgement("Latency", 3.2, by="code"))[0]["type"] == "custom_code"


@pytest.mark.parametrize(
    ("format", "payload"),
    [
        (
            "langfuse",
            {
                "id": "t",
                "timestamp": "2026-11-23T10:30:00Z",
                "environment": "langfuse-llm-as-a-judge",
                "input": "Is it polite?",
            },
        ),
        (
            "phoenix",
            {
                "id": "t",
                "spans": [
                    {
                        "context": {"trace_id": "t", "span_id": "s"},
                        "parent_id": None,
                        "span_kind": "EVALUATOR",
                        "start_time": "2026-11-23T10:30:00Z",
                    }
                ],
            },
        ),
    ],
)
def test_the_traces_of_judges_are_no_calls(format: str, payload: dict[str, Any]) -> None:
    with pytest.raises(NotACall):
        read(format, payload)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "role",
                    "content",
                    "messages",
                    "type",
                    "text",
                    "tool_calls",
                    "input",
                    "kwargs",
                    "id",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(ANY_JSON, ANY_JSON, ANY_JSON)
def test_any_input_output_and_score_is_read_or_refused(given: Any, answer: Any, value: Any) -> None:
    row = {"id": "o", "traceId": "t", "type": "GENERATION", "startTime": "2026-11-23T10:30:00Z"}
    row |= {"input": given, "output": answer, "metadata": value, "level": "ERROR"}
    score = {"name": "Polite", "value": value, "comment": answer, "subject": given}
    payload = {"id": "t", "observations": [row, {**row, "id": "p"}], "scores": [score]}
    try:
        call = read("langfuse", payload).call
    except BadInput:
        return
    assert call.call_id == "t"


@given(st.dictionaries(st.text("a.01", max_size=8), st.integers(), max_size=6))
def test_any_flat_attributes_can_be_nested(flat: dict[str, int]) -> None:
    nested(flat)


def test_flat_attributes_are_nested_as_openinference_means_them() -> None:
    flat = {"a.0.b": 1, "a.1.b": 2, "a.10.b": 3, "c": 4, "d.e": 5, "d": 6}
    assert nested(flat)["a"] == [{"b": 1}, {"b": 2}, {"b": 3}]
    assert nested(flat)["c"] == 4
