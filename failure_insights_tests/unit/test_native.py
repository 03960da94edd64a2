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
from failure_insights.sources import FORMATS, BadCall, LeftOut, ReadCall, native, reader
from failure_insights.sources.json_text import object_of
from failure_insights_tests.refusals import refused

LINE: dict[str, Any] = {
    "call_id": "c-1",
    "project": "Willow Dental",
    "agent": "front-desk",
    "started_at": "2026-11-23T10:30:00+01:00",
    "transcript": [{"role": "user", "content": "Hello"}],
}


def line(**fields: Any) -> bytes:
    return json.dumps({**LINE, **fields}).encode()


def read(sent: bytes, project: str | None = None) -> ReadCall:
    return native.read(object_of(sent), project)


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
    )
    assert read(sent) == ReadCall(
        Call(
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
        ),
        left_out={LeftOut.TOOL_CALLS_WITHOUT_RESULT: 1},
    )


NO_CALLS = [
    (b'{"call_id": "c-1", ', "not JSON"),
    (b"[1]", "one JSON object, and this is a list"),
    (b'"c-1"', "one JSON object, and this is 'c-1'"),
    (b"{} {}", "not JSON"),
    (b"\xff\xfe", "not JSON"),
    (line(agent="x").replace(b"x", b"\xe9"), "not JSON"),
    (line(call_id=None), "call_id is missing"),
    (line(call_id=True), "call_id is True, not text"),
    (line(call_id=" "), "call_id is empty"),
    (line(call_id="x" * 501), "call_id is longer than 500"),
    (line(project=None), "project is missing"),
    (line(project="-/-"), "project '-/-' holds no letter or digit"),
    (line(project="x" * 201), "project is longer than 200"),
    (line(agent=""), "agent is empty"),
    (line(agent={"id": 1}), "agent is an object, not text"),
    (line(started_at=None), "started_at is missing"),
    (line(started_at=True), "started_at True is not an ISO 8601 time"),
    (line(started_at=12.5), "started_at 12.5 is not an ISO 8601 time"),
    (line(started_at="2026-11-23T10:30:00"), "has no zone"),
    (line(started_at="2026-11-23"), "has no zone"),
    (line(started_at="yesterday"), "'yesterday' is not an ISO 8601 time"),
    (line(started_at="2026-02-30T10:30:00Z"), "is not an ISO 8601 time"),
    (line(started_at="0001-01-01T00:00:00+14:00"), "no time that a call can have"),
    (line(transcript=None), "transcript is missing"),
    (line(transcript=7), "transcript is 7, not a list"),
    (b'{"role": "user", "content": "Hello"}', "a turn without a call around it; write"),
    (line(transcript=turn(content="x" * 800_000)), "transcript has about 200001 tokens"),
    (line(transcript=turn(content="a " * 200_000)), "transcript has about 200001 tokens"),
    (line(transcript=turn() * 10_001), "transcript has 20002 entries; at most 20000"),
    (line(duration_s=0).replace(b": 0", b": NaN"), "not JSON"),
    (line(duration_s=0).replace(b": 0", b": 1e999"), "not JSON"),
    (line(agent="\ud800", duration_s=0).replace(b": 0", b": NaN"), "not JSON"),
    (line(agent="\ud800", duration_s=0).replace(b": 0", b": 1e999"), "not JSON"),
    (b" " * (16 * 2**20 + 1), "longer than 16 MiB"),
]


@pytest.mark.parametrize(("sent", "reason"), NO_CALLS, ids=[reason for _, reason in NO_CALLS])
def test_what_is_no_call_is_refused_with_the_field_and_the_reason(sent: bytes, reason: str) -> None:
    with pytest.raises(BadInput) as refused:
        read(sent)
    assert reason in str(refused.value)
    assert len(str(refused.value)) < 300


LOSSES = [
    (line(transcript=["Hi", *turn()]), "UNUSABLE_TURNS", "transcript[0] is 'Hi', not an object"),
    (line(transcript=turn(content=None)), "TURNS_WITHOUT_TEXT", "transcript[1].content is missing"),
    (line(transcript=turn(start_s=-1)), "FIELDS", "transcript[1].start_s is -1, not seconds"),
    (line(transcript=turn(start_s="soon")), "FIELDS", "transcript[1].start_s is 'soon'"),
    (line(transcript=turn(tool_name=5)), "FIELDS", "transcript[1].tool_name is 5, not text"),
    (line(transcript=turn(speaker="x" * 201)), "TEXTS_CUT", "transcript[1].speaker is longer"),
    (line(duration_s=True), "FIELDS", "duration_s is True, not seconds"),
    (line(duration_s=-0.5), "FIELDS", "duration_s is -0.5, not seconds"),
    (line(ended_reason="x" * 1001), "TEXTS_CUT", "ended_reason is longer than 1000"),
    (line(metadata=[]), "FIELDS", "metadata is a list, not an object"),
    (line(metric=[]), "FIELDS", "'metric'"),
    (line(metrics={}), "UNUSABLE_RESULTS", "metrics is an object, not a list"),
    (line(metrics=[7]), "UNUSABLE_RESULTS", "metrics[0]: is 7, not an object"),
    (line(metrics=[{"passed": True}]), "UNUSABLE_RESULTS", "metrics[0]: name is missing"),
    (line(metrics=metric(name="?")), "UNUSABLE_RESULTS", "metrics[1]: name '?' holds no letter"),
    (line(metrics=metric(name="csat")), "UNUSABLE_RESULTS", "metrics[1]: 'csat' is named twice"),
    (
        line(metrics=metric(passed=None)),
        "RESULTS_WITHOUT_VERDICT",
        "metrics[1].'Hallucination' has neither passed nor a score",
    ),
    (line(metrics=metric(passed="maybe", score=1)), "FIELDS", "metrics[1].passed is 'maybe'"),
    (line(metrics=metric(score=[5])), "FIELDS", "metrics[1].score is a list"),
    (line(metrics=metric(type="human")), "FIELDS", "metrics[1].type is 'human'; use one of"),
    (line(metrics=metric(pass_rule="good")), "FIELDS", "metrics[1].pass_rule: pass rule 'good'"),
    (line(metrics=metric(explanation="x" * 100_001)), "TEXTS_CUT", "metrics[1].explanation"),
    (line(call_id="c\0"), "CHARACTERS", None),
    (line(agent="\ud800"), "CHARACTERS", None),
    (line(call_id="x").replace(b'"x"', b'"\xed\xa0\x80"'), "CHARACTERS", None),
    (line(transcript=turn(content="row\0row")), "CHARACTERS", None),
    (line(metrics=metric(explanation="\0")), "CHARACTERS", None),
    (line(metadata={"a": {"b\0": 1}}), "CHARACTERS", None),
    (line(metadata={"a": ["\\\0"]}), "CHARACTERS", None),
    (line(metadata={"a": ["\udfff"]}), "CHARACTERS", None),
]


@pytest.mark.parametrize(
    ("sent", "kind", "example"), LOSSES, ids=[f"{kind}: {what}" for _, kind, what in LOSSES]
)
def test_what_cannot_be_used_never_costs_the_call_and_is_counted(
    sent: bytes, kind: str, example: str | None
) -> None:
    got = read(sent)
    assert got.left_out == {LeftOut[kind]: 1}
    assert (got.examples.get(LeftOut[kind]) or "").startswith(example or "")
    assert [turn.content for turn in got.call.transcript][:1] == ["Hello"]
    assert all(len(text) < 200 for text in got.examples.values())


def test_an_unknown_role_is_a_system_turn_that_names_it() -> None:
    got = read(line(transcript=[*turn(role="narrator"), {"role": ["x"], "content": "Once"}]))
    assert got.call.transcript[1:] == (
        Turn("system", "Hi", speaker="narrator"),
        Turn("system", "Once"),
    )
    assert got.left_out[LeftOut.UNKNOWN_ROLES] == 2
    assert "'narrator'" in got.examples[LeftOut.UNKNOWN_ROLES]


def test_characters_that_cannot_be_stored_become_the_replacement_character() -> None:
    content = "a\0b \ud83d c \ud83d\ude00 \udc00\ud83d"
    got = read(line(transcript=turn(content=content), metadata={"k\0": "\ud83d"}))
    assert got.call.transcript[1].content == "a\ufffdb \ufffd c 😀 \ufffd\ufffd"
    assert got.call.metadata == {"k\ufffd": "\ufffd"}
    assert got.left_out == {LeftOut.CHARACTERS: 6}


FORMS = [
    ({"started_at": 1795424400}, "started_at", datetime(2026, 11, 23, 9, tzinfo=UTC)),
    ({"started_at": 1795424400000}, "started_at", datetime(2026, 11, 23, 9, tzinfo=UTC)),
    ({"started_at": "1795424400000000"}, "started_at", datetime(2026, 11, 23, 9, tzinfo=UTC)),
    ({"call_id": 7}, "call_id", "7"),
    ({"duration_s": "12.5"}, "duration_s", 12.5),
    ({"duration_s": "01:02:03"}, "duration_s", 3723.0),
    ({"transcript": turn(content=[{"text": "a"}, "b"])}, "transcript", "a\nb"),
    ({"transcript": turn(content={"a": 1})}, "transcript", '{"a": 1}'),
    ({"metrics": [{"name": "CSAT", "passed": "False"}]}, "metrics", False),
    ({"metrics": [{"name": "CSAT", "passed": 1}]}, "metrics", True),
]


@pytest.mark.parametrize(("fields", "field", "value"), FORMS)
def test_other_forms_of_the_same_are_read(fields: dict[str, Any], field: str, value: Any) -> None:
    got = read(line(**fields))
    taken = getattr(got.call, field)
    if field == "transcript":
        taken = taken[1].content
    if field == "metrics":
        taken = taken[0].passed
    assert taken == value
    assert not got.left_out


def test_a_long_call_below_the_limit_is_read() -> None:
    assert read(line(transcript=turn(content="word " * 159_000)))
    assert read(line(transcript=[]))


def test_a_refusal_names_the_call_where_its_id_could_be_read() -> None:
    with pytest.raises(BadCall) as refused:
        read(line(agent=None))
    assert refused.value.call_id == "c-1"


def test_a_project_that_the_caller_names_stands_above_the_line_s() -> None:
    assert read(line(), "Bank").call.project == "Bank"
    assert read(line(project=None), "Bank").call.project == "Bank"


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
        call = read(line(**fields)).call
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
            reader(format)({}, None)
    with refused("unknown_format", BadInput):
        reader("csv")


def test_a_provider_s_object_is_checked_like_a_native_one() -> None:
    sent = {
        "call_id": 7,
        "agent": 2421,
        "timestamp": "2026-11-23T10:30:00Z",
        "transcript_json": json.dumps([{"role": "Main Agent", "content": "Hi \ud800"}]),
    }
    assert reader("cekura")(sent, "Bank").left_out == {LeftOut.CHARACTERS: 1}
    sent["transcript_json"] = [{"role": "Main Agent", "content": "Hi", "start_time": 1}]
    call = reader("cekura")(sent, "Bank").call
    assert (call.call_id, call.project, call.agent) == ("7", "Bank", "2421")
    assert call.transcript == (Turn("agent", "Hi", 1.0),)
