"""A line of the native format is a call, or is refused with the field and the reason."""

import json
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from failure_insights.domain.calls import ROLES, Call, MetricResult, Turn
from failure_insights.errors import BadInput
from failure_insights.sources import FORMATS, native, reader
from failure_insights.sources.native import BadCall

LINE: dict[str, Any] = {
    "call_id": "c-1",
    "project": "Willow Dental",
    "agent": "front-desk",
    "started_at": "2026-11-23T10:30:00+01:00",
    "transcript": [{"role": "user", "content": "Hello"}],
}


def line(**fields: Any) -> bytes:
    return json.dumps({**LINE, **fields}).encode()


def turn(**fields: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": "Hello"}, {"role": "agent", "content": "Hi"} | fields]


def metric(**fields: Any) -> list[dict[str, Any]]:
    return [{"name": "CSAT", "passed": True}, {"name": "Hallucination", "passed": False} | fields]


def test_every_field_is_read() -> None:
    sent = line(
        project="  Willow Dental ",
        transcript=[
            {"role": "agent", "content": "", "start_s": 0, "speaker": "Ann", "more": 1},
            {"role": "tool_call", "content": "{}", "tool_name": "find_slots"},
        ],
        duration_s=12,
        ended_reason="hangup",
        metadata={"seen": [1, None, "é"], "path": "C:\\u0000"},
        metrics=[
            {"name": "CSAT", "score": 2, "pass_rule": "score>=4", "explanation": None},
            {"name": "Wait", "passed": False, "score": "long", "type": "custom_code"},
        ],
        unknown={"field": 1},
    )
    assert native.read(sent) == Call(
        call_id="c-1",
        project="Willow Dental",
        agent="front-desk",
        started_at=datetime(2026, 11, 23, 9, 30, tzinfo=UTC),
        transcript=(
            Turn("agent", "", 0.0, speaker="Ann"),
            Turn("tool_call", "{}", tool_name="find_slots"),
        ),
        duration_s=12.0,
        ended_reason="hangup",
        metadata={"seen": [1, None, "é"], "path": "C:\\u0000"},
        metrics=(
            MetricResult("CSAT", None, 2, pass_rule=">= 4"),
            MetricResult("Wait", False, "long", type="custom_code"),
        ),
    )


BAD_LINES = [
    (b'{"call_id": "c-1", ', "not JSON"),
    (b"[1]", "one JSON object, and this is a list"),
    (b'"c-1"', "one JSON object, and this is 'c-1'"),
    (b"{} {}", "not JSON"),
    (b"\xff\xfe", "not JSON"),
    (line(call_id="x").replace(b'"x"', b'"\xed\xa0\x80"'), "surrogate"),
    (line(agent="\ud800"), "surrogate"),
    (line(metadata={"a": ["\udfff"]}), "surrogate"),
    (line(call_id="c\0"), "call_id holds a NUL"),
    (line(transcript=turn(content="\0")), "transcript[1]: content holds a NUL"),
    (line(metrics=metric(explanation="\0")), "metrics[1]: explanation holds a NUL"),
    (line(metadata={"a": {"b\0": 1}}), "metadata holds a NUL"),
    (line(metadata={"a": ["\\\0"]}), "metadata holds a NUL"),
    (line(call_id=None), "call_id is missing"),
    (line(call_id=7), "call_id is 7, not text"),
    (line(call_id=" "), "call_id is empty"),
    (line(call_id="x" * 501), "call_id is longer than 500"),
    (line(project=None), "project is missing"),
    (line(project="-/-"), "project '-/-' holds no letter or digit"),
    (line(project="x" * 201), "project is longer than 200"),
    (line(agent=""), "agent is empty"),
    (line(agent={"id": 1}), "agent is an object, not text"),
    (line(started_at=None), "started_at is missing"),
    (line(started_at=1_700_000_000), "started_at is 1700000000, not text"),
    (line(started_at="2026-11-23T10:30:00"), "has no zone"),
    (line(started_at="2026-11-23"), "has no zone"),
    (line(started_at="yesterday"), "'yesterday' is not an ISO 8601 time"),
    (line(started_at="2026-02-30T10:30:00Z"), "is not an ISO 8601 time"),
    (line(started_at="0001-01-01T00:00:00+14:00"), "no time that a call can have"),
    (line(transcript=None), "transcript is missing"),
    (line(transcript="Hello"), "transcript is 'Hello', not a list"),
    (line(transcript=["Hello"]), "transcript[0] is 'Hello', not an object"),
    (line(transcript=turn(role="narrator")), "transcript[1]: role is 'narrator'; use one of"),
    (line(transcript=turn(role=["user"])), "transcript[1]: role is a list"),
    (line(transcript=[{"content": "Hi"}]), "transcript[0]: role is missing"),
    (line(transcript=turn(content=None)), "transcript[1]: content is missing"),
    (line(transcript=turn(content={"a": 1})), "transcript[1]: content is an object, not text"),
    (line(transcript=turn(start_s="0:01")), "transcript[1]: start_s is '0:01', not a number"),
    (line(transcript=turn(start_s=-1)), "transcript[1]: start_s is -1; seconds are 0 or more"),
    (line(transcript=turn(tool_name=5)), "transcript[1]: tool_name is 5, not text"),
    (line(transcript=turn(content="x" * 800_000)), "transcript has about 200001 tokens"),
    (line(transcript=turn(content="a " * 200_000)), "transcript has about 200001 tokens"),
    (line(transcript=turn() * 10_001), "transcript has 20002 entries; at most 20000"),
    (line(duration_s=True), "duration_s is True, not a number"),
    (line(duration_s=-0.5), "duration_s is -0.5; seconds are 0 or more"),
    (line(duration_s=0).replace(b": 0", b": NaN"), "not JSON"),
    (line(duration_s=0).replace(b": 0", b": 1e999"), "not JSON"),
    (line(ended_reason="x" * 1001), "ended_reason is longer than 1000"),
    (line(metadata=[]), "metadata is a list, not an object"),
    (line(metrics={}), "metrics is an object, not a list"),
    (line(metrics=[{"passed": True}]), "metrics[0]: name is missing"),
    (line(metrics=metric(name="?")), "metrics[1]: name '?' holds no letter or digit"),
    (line(metrics=metric(passed="yes")), "metrics[1]: passed is 'yes', neither true nor false"),
    (line(metrics=metric(passed=1)), "metrics[1]: passed is 1, neither true nor false"),
    (line(metrics=metric(passed=None)), "metrics[1]: has neither passed nor a score"),
    (line(metrics=metric(score=[5])), "metrics[1]: score is a list"),
    (line(metrics=metric(type="human")), "metrics[1]: type is 'human'; use one of llm_judge"),
    (line(metrics=metric(pass_rule="good")), "metrics[1]: pass rule 'good' is not an operator"),
    (line(metrics=metric(explanation=["No."])), "metrics[1]: explanation is a list, not text"),
    (line(metrics=metric(name="csat")), "metrics names a metric twice"),
    (b" " * (16 * 2**20 + 1), "longer than 16 MiB"),
]


@pytest.mark.parametrize(("sent", "reason"), BAD_LINES, ids=[reason for _, reason in BAD_LINES])
def test_a_bad_line_is_refused_with_the_field_and_the_reason(sent: bytes, reason: str) -> None:
    with pytest.raises(BadInput) as refused:
        native.read(sent)
    assert reason in str(refused.value)
    assert len(str(refused.value)) < 300


def test_a_long_call_below_the_limit_is_read() -> None:
    assert native.read(line(transcript=turn(content="word " * 159_000)))
    assert native.read(line(transcript=[]))


def test_a_refusal_names_the_call_where_its_id_could_be_read() -> None:
    with pytest.raises(BadCall) as refused:
        native.read(line(agent=None))
    assert refused.value.call_id == "c-1"


def test_a_project_that_the_caller_names_stands_above_the_line_s() -> None:
    assert native.read(line(), "Bank").project == "Bank"
    assert native.read(line(project=None), "Bank").project == "Bank"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
TURN = st.fixed_dictionaries(
    {"role": st.sampled_from(ROLES), "content": st.text()},
    optional={"start_s": JSON, "tool_name": JSON, "speaker": st.text()},
)
RESULT = st.fixed_dictionaries(
    {"name": st.text(min_size=1)},
    optional={
        "passed": st.booleans() | JSON,
        "score": JSON,
        "type": JSON,
        "explanation": st.text() | JSON,
        "pass_rule": st.text() | st.just(">= 3"),
    },
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "call_id": st.text() | JSON,
        "project": st.text(),
        "agent": st.text(),
        "started_at": st.datetimes(timezones=st.just(UTC)).map(str) | st.text() | JSON,
        "transcript": st.lists(TURN, max_size=3) | JSON,
        "metrics": st.lists(RESULT, max_size=3) | JSON,
        "metadata": st.dictionaries(st.text(), JSON, max_size=2) | JSON,
        "duration_s": JSON,
        "ended_reason": st.text() | JSON,
    },
)


@given(fields=FIELDS)
@example(fields={"metadata": {"\\\\": "\\u0000"}})
def test_whatever_is_sent_is_a_call_that_can_be_stored_or_bad_input(fields: dict[str, Any]) -> None:
    try:
        call = native.read(line(**fields))
    except BadInput:
        return
    assert call.started_at.tzinfo is UTC
    said = orjson.dumps(call)
    texts = json.loads(said)
    assert texts["call_id"].strip()
    assert texts["agent"] == texts["agent"].strip() != ""
    assert not list(_nuls(texts))


def _nuls(value: Any) -> Any:
    match value:
        case str() if "\0" in value:
            yield value
        case list():
            for item in value:
                yield from _nuls(item)
        case dict():
            for key, item in value.items():
                yield from _nuls(key)
                yield from _nuls(item)


def test_every_format_has_a_reader_and_no_other() -> None:
    for format in FORMATS:
        with pytest.raises(BadInput):
            reader(format)(b"[]", None)
    with pytest.raises(BadInput, match="no format 'csv'; use one of native, cekura"):
        reader("csv")


def test_a_provider_s_line_is_checked_like_a_native_one() -> None:
    sent = {
        "call_id": 7,
        "agent": 2421,
        "timestamp": "2026-11-23T10:30:00Z",
        "transcript_json": json.dumps([{"role": "Main Agent", "content": "Hi \ud800"}]),
    }
    with pytest.raises(BadCall, match="lone surrogate"):
        reader("cekura")(json.dumps(sent), "Bank")
    sent["transcript_json"] = [{"role": "Main Agent", "content": "Hi", "start_time": 1}]
    call = reader("cekura")(json.dumps(sent), "Bank")
    assert (call.call_id, call.project, call.agent) == ("7", "Bank", "2421")
    assert call.transcript == (Turn("agent", "Hi", 1.0),)
