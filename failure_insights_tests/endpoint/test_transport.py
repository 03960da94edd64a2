"""What can go wrong between us and an endpoint ends in an answer or a plain error, in time."""

import asyncio
import json
import random
import re
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate

import pytest

from failure_insights.llm import (
    Budget,
    ContextTooLong,
    EndpointRefused,
    EndpointUnavailable,
    LlmError,
    UnusableAnswer,
)
from failure_insights_tests.endpoint.asking import (
    GOOD,
    LABEL,
    MESSAGE,
    SPOKEN,
    Label,
    always,
    ask,
    endpoint,
    knowing,
    then_good,
)
from failure_insights_tests.endpoint.server import (
    EndpointServer,
    Reply,
    Sent,
    answers,
    cuts,
    drips,
    fails,
    hangs,
    raw,
    says,
)

HTML = raw(200, b"<html>Sign in</html>", "text/html")
NO_KEY = fails(401, "Incorrect API key provided: sk-a-secret-key.", "invalid_api_key")


def slow(**headers: str) -> Reply:
    """Return "too many requests", with headers whose names have underscores for dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return fails(429, "Rate limit reached.", "rate_limit_exceeded", headers=named)


@dataclass(frozen=True)
class Mishap:
    """Replies before the good ones, and what is to come of one question then."""

    name: str
    replies: Sequence[Reply]
    ends_in: type[LlmError] | None = None
    code: str = ""
    requests: int = 2
    #: Seconds that lie between the first and the second request, or that all of it takes.
    waits_s: tuple[float, float] = (0.0, 2.0)


MISHAPS = [
    Mishap("429, retry-after in seconds", [slow(retry_after="0.4")], waits_s=(0.4, 2.4)),
    Mishap(
        "429, retry-after-ms", [slow(retry_after_ms="300", retry_after="9")], waits_s=(0.3, 2.3)
    ),
    Mishap(
        "429, retry-after 300 s",
        [slow(retry_after="300")],
        EndpointUnavailable,
        "llm_unavailable",
        1,
    ),
    Mishap("429, no header", [slow()]),
    Mishap("429, retry-after in the past", [slow(retry_after=formatdate(0, usegmt=True))]),
    Mishap("429, retry-after that is no time", [slow(retry_after="soon")]),
    Mishap("429 without end", [slow()] * 9, EndpointUnavailable, "llm_unavailable", 5),
    Mishap(
        "429 insufficient_quota",
        [fails(429, "You exceeded your current quota.", "insufficient_quota")],
        EndpointRefused,
        "llm_no_credit",
        1,
    ),
    Mishap("402", [fails(402, "Insufficient Balance")], EndpointRefused, "llm_no_credit", 1),
    *(Mishap(str(status), [fails(status, "Sorry.")]) for status in (408, 409, 500, 502, 503, 529)),
    Mishap(
        "503 with retry-after", [fails(503, headers={"retry-after": "0.3"})], waits_s=(0.3, 2.3)
    ),
    Mishap("500 without end", [fails(500)] * 9, EndpointUnavailable, "llm_unavailable", 5),
    Mishap(
        "x-should-retry: false",
        [fails(503, headers={"x-should-retry": "false"})],
        EndpointUnavailable,
        "llm_unavailable",
        1,
    ),
    Mishap("x-should-retry: true", [fails(418, headers={"x-should-retry": "true"})]),
    Mishap("another status", [fails(418)], EndpointUnavailable, "llm_unavailable", 1),
    Mishap("the connection closes before a word", [hangs(0.0)]),
    Mishap("the connection is cut in the body", [cuts(b'{"choices": [{"mess')]),
    Mishap("a body that is no JSON", [raw(200, b'{"choices": [{"mess')]),
    Mishap("HTML with 200", [HTML]),
    Mishap("HTML with 200 without end", [HTML] * 9, EndpointUnavailable, "llm_unavailable", 5),
    Mishap("an empty body", [raw(200, b"")]),
    Mishap("an error in a 200", [raw(200, b'{"error": {"message": "no", "code": 502}}')]),
    Mishap("a worded error in a 200", [raw(200, b'{"error": {"code": "server_error"}}')]),
    Mishap("a bare error in a 200", [raw(200, b'{"error": "overloaded"}')]),
    Mishap(
        "no quota in a 200",
        [raw(200, b'{"error": {"code": "insufficient_quota"}}')],
        EndpointRefused,
        "llm_no_credit",
        1,
    ),
    Mishap("a choice that ends in an error", [says("", finish="error")]),
    Mishap("401", [NO_KEY], EndpointRefused, "llm_bad_key", 1),
    Mishap("403", [fails(403, "Not allowed.")], EndpointRefused, "llm_bad_key", 1),
    Mishap("404", [raw(404, b"<html>", "text/html")], EndpointRefused, "llm_no_model", 1),
    Mishap(
        "404 model",
        [fails(404, "The model `m` does not exist.", "model_not_found")],
        EndpointRefused,
        "llm_no_model",
        1,
    ),
    Mishap("400 model", [fails(400, "Model not found: m")], EndpointRefused, "llm_no_model", 1),
    Mishap("400 key", [fails(400, "API key not valid.")], EndpointRefused, "llm_bad_key", 1),
    Mishap(
        "403 of a filter",
        [fails(403, "The model requires moderation and your input was flagged.")],
        UnusableAnswer,
        "llm_filtered",
        1,
    ),
    Mishap(
        "400 of a filter", [fails(400, "", "content_filter")], UnusableAnswer, "llm_filtered", 1
    ),
]


@pytest.mark.parametrize("mishap", MISHAPS, ids=lambda mishap: mishap.name)
def test_a_mishap_ends_in_an_answer_or_a_plain_error(mishap: Mishap) -> None:
    outcome = ask(then_good(*mishap.replies), memory=knowing())

    if mishap.ends_in:
        assert type(outcome.result) is mishap.ends_in
        assert outcome.result.code == mishap.code
    else:
        assert outcome.result == LABEL
    assert len(outcome.sent) == outcome.budget.requests == mishap.requests
    least, most = mishap.waits_s
    waited = outcome.sent[1].at - outcome.sent[0].at if len(outcome.sent) > 1 else outcome.seconds
    assert least <= waited <= most


def test_retry_after_as_a_date_is_waited_for() -> None:
    def script(sent: Sent) -> Reply:
        if not began:
            began.append(time.time())
            return slow(retry_after=formatdate(began[0] + 1.5, usegmt=True))
        return answers(sent, GOOD)

    began: list[float] = []
    outcome = ask(script, memory=knowing())
    assert outcome.result == LABEL
    # A date has whole seconds, the fraction is gone.
    assert 0.4 <= outcome.sent[1].at - outcome.sent[0].at <= 3.0


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:{port}/v1", "connection failed"),
        ("https://127.0.0.1:{server_port}/v1", "connection failed"),
        ("http://no-such-host.invalid/v1", "connection failed"),
    ],
    ids=["connect refused", "TLS error", "DNS error"],
)
def test_an_endpoint_that_cannot_be_reached_is_unavailable(url: str, reason: str) -> None:
    with socket.socket() as unused, EndpointServer(always(says(GOOD))) as server:
        unused.bind(("127.0.0.1", 0))
        named = url.replace("{port}", str(unused.getsockname()[1]))
        server_port = re.findall(r":(\d+)", server.url)[0]
        outcome = ask(then_good(), url=named.replace("{server_port}", server_port))
    assert type(outcome.result) is EndpointUnavailable
    assert reason in str(outcome.result)
    assert outcome.budget.requests == 5


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8000/v1", "ftp://host/v1", "http://[::1/v1", "http://", "http://host\0/v1"]
)
def test_a_base_url_that_is_none_is_refused_before_a_request(url: str) -> None:
    outcome = ask(then_good(), url=url)
    assert type(outcome.result) is EndpointRefused
    assert outcome.result.code == "llm_bad_address"


def test_a_key_that_is_none_is_refused_before_a_request() -> None:
    outcome = ask(then_good(), api_key="“sk-quoted”")
    assert type(outcome.result) is EndpointRefused
    assert outcome.result.code == "llm_bad_key"
    assert outcome.sent == []


def test_credentials_of_the_address_are_nowhere_told() -> None:
    url = "http://user:sk-a-secret-key@{host}/v1?key=sk-a-secret-key"
    outcome = ask(then_good(*[fails(503)] * 9), url=url)
    assert len(outcome.sent) == 5
    assert f"http://{outcome.sent[0].headers['host']}/v1" in str(outcome.result)


@pytest.mark.parametrize(
    "reply",
    [hangs(9), drips(json.dumps({"choices": []}).encode(), 0.2)],
    ids=["read timeout", "drip-fed body"],
)
def test_an_answer_that_does_not_come_is_asked_for_twice(reply: Reply) -> None:
    outcome = ask(always(reply), timeout_s=0.4, memory=knowing())
    assert type(outcome.result) is EndpointUnavailable
    assert "in time" in str(outcome.result)
    assert len(outcome.sent) == 2
    assert outcome.seconds < 3.0


def test_the_end_of_the_audits_time_ends_a_request() -> None:
    outcome = ask(always(hangs(9)), seconds=0.4, memory=knowing())
    assert type(outcome.result) is EndpointUnavailable
    assert "time is over" in str(outcome.result)
    assert outcome.seconds < 3.0


TOO_LONG = [
    fails(400, "Too much.", "context_length_exceeded", param="messages"),
    fails(400, "This model's maximum context length is 8192 tokens. However, you sent 9000."),
    fails(
        400, "The decoder prompt (length 40000) is longer than the maximum model length of 3276."
    ),
    fails(400, "prompt is too long: 205000 tokens > 200000 maximum"),
    fails(400, "the request exceeds the available context size", type="exceed_context_size_error"),
    fails(500, "no room", type="exceed_context_size_error"),
    fails(
        422, "`inputs` tokens + `max_new_tokens` must be <= 4096. Reduce the length of the input."
    ),
    fails(413, "Payload Too Large"),
    fails(429, "Request too large for m on tokens per min (TPM): Limit 30000.", "tokens"),
]


@pytest.mark.parametrize("reply", TOO_LONG, ids=[f"{n}" for n in range(len(TOO_LONG))])
def test_a_message_that_is_too_long_is_told_and_not_sent_again(reply: Reply) -> None:
    outcome = ask(then_good(reply), memory=knowing())
    assert type(outcome.result) is ContextTooLong
    assert len(outcome.sent) == 1


def test_words_of_a_call_that_an_error_repeats_do_not_decide_what_it_means() -> None:
    said = "API key not valid. Model not found. The prompt is too long, it does not support tools."
    repeated = f"Invalid body: {'x' * 500} {said} {SPOKEN}"
    outcome = ask(then_good(fails(400, repeated)), memory=knowing())
    assert type(outcome.result) is UnusableAnswer


def test_a_refusal_stops_all_questions_at_the_first() -> None:
    outcome = ask(always(NO_KEY), times=40)
    assert {type(result) for result in outcome.results} == {EndpointRefused}
    assert len(outcome.sent) == 1


def test_a_refusal_of_a_known_endpoint_costs_no_more_than_what_is_under_way() -> None:
    outcome = ask(always(NO_KEY.after(0.1)), times=40, memory=knowing())
    assert {type(result) for result in outcome.results} == {EndpointRefused}
    assert len(outcome.sent) == 8


def test_with_30_percent_failures_most_questions_are_answered() -> None:
    chance = random.Random(7)

    def script(sent: Sent) -> Reply:
        return fails(500) if chance.random() < 0.3 else answers(sent, GOOD)

    outcome = ask(script, times=40, memory=knowing())
    answered = outcome.results.count(LABEL)
    # 28 is what a client gets that never asks again.
    assert 28 < answered <= 40
    assert len(outcome.sent) <= 40 * 1.25 + 1


def test_with_failures_only_a_storm_does_not_break_out() -> None:
    outcome = ask(always(fails(503)), times=40, memory=knowing())
    assert {type(result) for result in outcome.results} == {EndpointUnavailable}
    assert len(outcome.sent) <= 40 * 1.25 + 1


def test_a_question_that_is_given_up_frees_its_slot() -> None:
    async def give_up(server: EndpointServer) -> Label:
        async with endpoint(server.url, concurrency=2, memory=knowing()) as asked:
            budget = Budget(10**6, 20.0)
            tasks = [asyncio.create_task(asked.ask("m", MESSAGE, Label, budget)) for _ in range(5)]
            await server.received(1)
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(end, asyncio.CancelledError) for end in ended)
            assert budget.requests == 1
            return await asked.ask("m", MESSAGE, Label, budget)

    with EndpointServer(then_good(hangs(9))) as server:
        assert asyncio.run(give_up(server)) == LABEL
