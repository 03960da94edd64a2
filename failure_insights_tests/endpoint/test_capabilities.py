"""What an endpoint does not understand is found out once, done without, and remembered a day."""

import asyncio
from dataclasses import dataclass
from threading import Event

import pytest
from sqlalchemy import Engine, text

from failure_insights.llm import (
    Budget,
    EndpointUnavailable,
    UnusableAnswer,
)
from failure_insights.store.llm_capabilities import StoredCapabilities
from failure_insights_tests.endpoint.asking import (
    GOOD,
    LABEL,
    MESSAGE,
    Label,
    Memory,
    always,
    ask,
    endpoint,
    knowing,
)
from failure_insights_tests.endpoint.server import (
    EndpointServer,
    Reply,
    Script,
    Sent,
    answers,
    fails,
    hangs,
    raw,
    says,
)


@dataclass(frozen=True)
class Gap:
    """A parameter that an endpoint rejects, and how it words that."""

    name: str
    reply: Reply


def unsupported(name: str) -> Reply:
    return fails(400, f"Unsupported parameter: '{name}' is not supported.", param=name)


GAPS = [
    Gap("temperature", fails(400, "Only the default (1) is supported.", param="temperature")),
    Gap("seed", raw(422, b'{"detail": [{"loc": ["body", "seed"]}]}')),
    Gap("reasoning_effort", fails(400, "Unrecognized request argument: reasoning_effort")),
    Gap("prompt_cache_key", unsupported("prompt_cache_key")),
    Gap("max_completion_tokens", unsupported("max_completion_tokens")),
    Gap(
        "max_completion_tokens",
        fails(400, "max_completion_tokens is too large: 2000. Its maximum context length is 2048."),
    ),
    Gap("strict", unsupported("response_format.json_schema.strict")),
    Gap("temperature", fails(400, "")),
]


def without(gap: Gap) -> Script:
    def script(sent: Sent) -> Reply:
        strict = "response_format" in sent.body and sent.body["response_format"]["json_schema"]
        names = {*sent.body, *(strict or ())}
        return gap.reply if gap.name in names else answers(sent, GOOD)

    return script


@pytest.mark.parametrize("gap", GAPS, ids=lambda gap: gap.name)
def test_a_parameter_that_is_rejected_is_left_out_from_then_on(gap: Gap) -> None:
    memory = Memory()
    first = ask(without(gap), memory=memory, cache_key="k")
    again = ask(without(gap), memory=memory, cache_key="k", times=5)
    assert first.result == LABEL
    assert len(first.sent) == 2
    assert len(again.sent) == 5
    assert first.sent[-1].schema_name == "label"


@dataclass(frozen=True)
class Known:
    """A model of the table, what its server rejects, and the format of its first answer."""

    model: str
    rejects: str
    first_format: str = "json_schema"


KNOWN = [
    Known("gpt-5-mini", "temperature"),
    Known("openai/gpt-5-mini", "temperature"),
    Known("o4-mini", "temperature"),
    Known("gpt-4o-mini", "reasoning_effort"),
    Known("models/gemini-3-flash-preview", "seed"),
    Known("mistral-small-latest", "max_completion_tokens"),
    Known("deepseek-chat", "json_schema", "tool"),
]


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.model)
def test_a_model_of_a_known_family_needs_no_failing_first_request(known: Known) -> None:
    def script(sent: Sent) -> Reply:
        is_rejected = known.rejects in sent.body or known.rejects == form_of(sent)
        return unsupported(known.rejects) if is_rejected else answers(sent, GOOD)

    outcome = ask(script, model=known.model, cache_key="k")
    assert outcome.result == LABEL
    assert [form_of(sent) for sent in outcome.sent] == [known.first_format]


@pytest.mark.parametrize("model", ["qwen3-32b", "my-gpt-5", "gpt-5-chat-latest", "deepseek-r1:8b"])
def test_of_other_models_nothing_is_taken_for_granted(model: str) -> None:
    outcome = ask(always(says(GOOD)), model=model)
    assert {"temperature", "seed", "reasoning_effort"} <= outcome.sent[0].body.keys()
    assert form_of(outcome.sent[0]) == "json_schema"


def test_the_older_name_of_the_output_cap_is_used_where_the_newer_is_unknown() -> None:
    outcome = ask(without(GAPS[4]), max_tokens=300)
    assert "max_tokens" not in outcome.sent[0].body
    assert outcome.sent[1].body["max_tokens"] == 300


@dataclass(frozen=True)
class Form:
    """How an endpoint takes the forms that it does not know, and which is left."""

    name: str
    unknown: Reply
    known: str
    requests: int


NO_FORMAT = fails(400, "This response_format type is unavailable now", "invalid_request_error")
PROSE = says("It is T1, I believe.")

FORMS = [
    Form("rejects json_schema", NO_FORMAT, "tool", 2),
    Form("rejects json_schema and tools", NO_FORMAT, "json_object", 3),
    Form("rejects all but text", NO_FORMAT, "text", 4),
    Form("rejects all but text, silently", fails(400), "text", 5),
    Form("ignores json_schema", PROSE, "tool", 2),
    Form("ignores all but json_object", PROSE, "json_object", 3),
    Form("ignores all forms", PROSE, "text", 4),
]


def form_of(sent: Sent) -> str:
    if format_ := sent.body.get("response_format"):
        return str(format_["type"])
    return "tool" if sent.tools else "text"


def knows(form: Form) -> Script:
    def script(sent: Sent) -> Reply:
        if form_of(sent) == form.known:
            return answers(sent, GOOD)
        if sent.tools and form.unknown is NO_FORMAT:
            return fails(400, "m does not support tools")
        return form.unknown

    return script


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_the_strictest_form_that_works_is_found_once(form: Form) -> None:
    memory = Memory()
    first = ask(knows(form), memory=memory, times=5)
    again = ask(knows(form), memory=memory)
    assert first.results == [LABEL] * 5
    assert [form_of(sent) for sent in first.sent[form.requests - 1 :]] == [form.known] * 5
    assert again.result == LABEL
    assert len(again.sent) == 1
    assert memory.kept["m"]["answer_format"] == form.known


def test_the_schema_is_told_in_words_where_no_form_carries_it() -> None:
    outcome = ask(always(says(GOOD)), memory=knowing("text"))
    assert '"line": {"anyOf"' in outcome.sent[0].system
    outcome = ask(always(says(GOOD)), memory=knowing("json_schema"))
    assert "anyOf" not in outcome.sent[0].system


def test_a_schema_is_sent_in_the_subset_that_all_strict_modes_know() -> None:
    class Batch(Label):
        """Holds other models."""

        items: list[Label]

    outcome = ask(always(says({**GOOD, "items": []})), schema=Batch)
    sent = outcome.sent[0].body["response_format"]["json_schema"]
    assert sent["strict"] is True
    assert sent["schema"]["required"] == ["why", "label", "line", "items"]
    inner = sent["schema"]["properties"]["items"]["items"]
    for part in (sent["schema"], inner):
        assert part["additionalProperties"] is False
        assert not {"title", "$defs", "$ref", "default"} & part.keys()


def test_an_endpoint_that_never_makes_sense_is_soon_asked_little() -> None:
    outcome = ask(always(PROSE), times=1)
    assert len(outcome.sent) == 5

    outcome = ask(always(PROSE), times=40)
    assert {type(result) for result in outcome.results} == {UnusableAnswer}
    # Two try all forms, one after the other; it may be the question. The others try the last one.
    assert len(outcome.sent) == 2 * 5 + 38 * 2


def test_only_the_first_question_to_a_model_goes_alone() -> None:
    def script(sent: Sent) -> Reply:
        seen.append(sent)
        if len(seen) == 9:
            all_sent.set()
        return says(GOOD) if len(seen) == 1 else says(GOOD).when(all_sent)

    seen: list[Sent] = []
    all_sent = Event()
    outcome = ask(script, times=9)
    assert [sent.at_once for sent in outcome.sent[:2]] == [1, 1]
    assert outcome.most_at_once == 8


def test_a_first_question_that_gets_no_answer_holds_up_no_other() -> None:
    outcome = ask(always(hangs(9)), times=5, timeout_s=0.3)
    assert {type(result) for result in outcome.results} == {EndpointUnavailable}
    assert outcome.most_at_once >= 4


def test_a_form_that_worked_is_corrected_and_not_left_for_one_bad_answer() -> None:
    memory = knowing("json_schema")
    outcome = ask(always(PROSE), memory=memory)
    assert type(outcome.result) is UnusableAnswer
    assert {form_of(sent) for sent in outcome.sent} == {"json_schema"}
    assert memory.kept["m"]["answer_format"] == "json_schema"


def test_a_form_that_an_endpoint_has_lost_is_left() -> None:
    memory = knowing("json_schema")
    assert ask(knows(FORMS[0]), memory=memory).result == LABEL
    assert memory.kept["m"]["answer_format"] == "tool"


def test_what_was_found_out_is_kept_in_the_store_for_a_day(engine: Engine) -> None:
    with EndpointServer(knows(FORMS[2])) as server:

        def asked() -> int:
            before = len(server.sent)
            asyncio.run(ask_afresh())
            return len(server.sent) - before

        async def ask_afresh() -> None:
            async with endpoint(server.url, memory=StoredCapabilities(engine)) as fresh:
                await fresh.ask("m", MESSAGE, Label, Budget(10**6, 9.0))

        assert asked() == 4
        assert asked() == 1
        with engine.begin() as connection:
            connection.execute(
                text("UPDATE llm_capabilities SET probed_at = now() - interval '25 hours'")
            )
        assert asked() == 4


@pytest.mark.parametrize(
    "facts", [{}, {"answer_format": "telepathy"}, {"rejected": None, "answer_format": 7}]
)
def test_facts_of_another_version_count_as_none(facts: dict[str, object]) -> None:
    outcome = ask(always(says(GOOD)), memory=Memory({"m": facts}))
    assert outcome.result == LABEL
