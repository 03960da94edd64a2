"""What all audits together may ask of an endpoint, and what one audit may spend."""

import asyncio
import gc
import time
from collections.abc import Mapping
from itertools import pairwise
from threading import Event

import pytest

from failure_insights.llm import Budget, BudgetSpent, EndpointUnavailable, Message
from failure_insights.llm.limiter import Limiter
from failure_insights_tests.endpoint.asking import (
    GOOD,
    LABEL,
    MESSAGE,
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
    fails,
    hangs,
    says,
)


async def turns_of_the_loop() -> None:
    """Let every task that can go on do so, for as many turns as taking a slot may need."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_concurrency_begins_with_half_grows_with_success_and_halves_at_too_many() -> None:
    async def run() -> None:
        limiter = Limiter(most=8, backoff_s=0.01)
        inside: list[asyncio.Event] = []

        async def hold() -> None:
            async with limiter.slot(Budget(1, 20.0)):
                inside.append(done := asyncio.Event())
                await done.wait()
                limiter.succeeded()

        async def succeed(times: int) -> int:
            """Let so many succeed, and return how many slots are held then."""
            for done in [inside.pop() for _ in range(times)]:
                done.set()
            await turns_of_the_loop()
            return len(inside)

        tasks = [asyncio.create_task(hold()) for _ in range(60)]
        assert await succeed(0) == 4
        assert await succeed(1) == 5
        assert await succeed(2) == 7
        assert await succeed(7) == 8
        now = time.monotonic()
        assert limiter.slow_down(now, 0.0)
        assert not limiter.slow_down(now - 1.0, 0.0)
        assert await succeed(8) == 4
        for _ in range(2):
            assert await succeed(4) == 4
        assert await succeed(4) == 5
        for task in tasks:
            task.cancel()

    asyncio.run(run())


def test_a_wave_of_429_is_one_event_and_nobody_is_lost() -> None:
    def script(sent: Sent) -> Reply:
        seen.append(sent)
        if len(seen) == 8:
            all_sent.set()
        if len(seen) <= 8:
            return fails(429, headers={"retry-after": "0.3"}).when(all_sent)
        return says(GOOD, delay_s=0.05)

    seen: list[Sent] = []
    all_sent = Event()
    outcome = ask(script, times=20, concurrency=16, memory=knowing())
    assert outcome.results == [LABEL] * 20
    assert len(outcome.sent) == 28
    assert outcome.budget.retries == 1
    assert max(sent.at_once for sent in outcome.sent[:8]) == 8
    assert max(sent.at_once for sent in outcome.sent[8:]) == 4


def test_nothing_is_sent_during_a_pause() -> None:
    def script(sent: Sent) -> Reply:
        seen.append(sent)
        if len(seen) == 5:
            return fails(429, headers={"retry-after": "0.5"})
        return says(GOOD, delay_s=0.02)

    seen: list[Sent] = []
    outcome = ask(script, times=60, memory=knowing())
    assert outcome.results == [LABEL] * 60
    times = sorted(sent.at for sent in outcome.sent)
    pauses = [late - early for early, late in pairwise(times)]
    assert max(pauses) >= 0.45


def test_a_pause_longer_than_the_audits_time_ends_its_questions_at_once() -> None:
    outcome = ask(
        always(fails(429, headers={"retry-after": "30"})), times=20, seconds=5.0, memory=knowing()
    )
    assert {type(result) for result in outcome.results} == {EndpointUnavailable}
    assert len(outcome.sent) == 8
    assert outcome.seconds < 2.0


@pytest.mark.parametrize(
    ("headers", "pause_s"),
    [
        ({"remaining-requests": "0", "reset-requests": "400ms"}, 0.4),
        ({"remaining-requests": "0", "reset-requests": "0m0.4s"}, 0.4),
        ({"remaining-requests": "0", "reset-requests": "4s", "limit-requests": "10"}, 0.4),
        ({"remaining-tokens": "100", "reset-tokens": "0.4"}, 0.4),
        (
            {"remaining-tokens": "100", "reset-tokens": "4", "limit-tokens": "9100"},
            0.4,
        ),
        ({"remaining-tokens": "1000", "reset-tokens": "9s"}, 0.0),
        ({"remaining-requests": "0", "reset-requests": "24h"}, 0.0),
        ({"remaining-requests": "0", "reset-requests": "1764000000000"}, 0.0),
        ({"remaining-requests": "few", "reset-requests": "soon"}, 0.0),
        ({"remaining-requests": "0"}, 0.0),
    ],
)
def test_an_allowance_that_is_used_up_is_waited_for(
    headers: Mapping[str, str], pause_s: float
) -> None:
    named = {f"x-ratelimit-{name}": value for name, value in headers.items()}
    used = {"prompt_tokens": 1000, "completion_tokens": 10}
    outcome = ask(
        then_good(says(GOOD, headers=named, usage=used)), times=2, concurrency=1, memory=knowing()
    )
    assert outcome.results == [LABEL] * 2
    waited = outcome.sent[1].at - outcome.sent[0].at
    assert pause_s <= waited < pause_s + 2.0


def test_slots_go_to_those_who_waited_longest_and_survive_whoever_gives_up() -> None:
    async def run() -> list[int]:
        limiter = Limiter(most=4, backoff_s=0.01)
        budget = Budget(1, 20.0)
        served: list[int] = []
        may_end = asyncio.Event()

        async def hold(number: int) -> None:
            async with limiter.slot(budget):
                served.append(number)
                await may_end.wait()

        tasks = [asyncio.create_task(hold(number)) for number in range(8)]
        await turns_of_the_loop()
        tasks[2].cancel()  # Waits.
        tasks[0].cancel()  # Holds a slot, which the fourth is given now.
        await asyncio.sleep(0)
        tasks[3].cancel()  # Was given it a moment ago.
        may_end.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        both = asyncio.Barrier(2)

        async def meet() -> None:
            async with limiter.slot(budget):
                await asyncio.wait_for(both.wait(), 5.0)

        await asyncio.gather(meet(), meet())
        return served

    assert asyncio.run(run()) == [0, 1, 4, 5, 6, 7]


def test_a_retry_keeps_its_slot_while_others_wait() -> None:
    async def run(server: EndpointServer) -> None:
        async with endpoint(server.url, concurrency=1, memory=knowing()) as asked:
            budget = Budget(10**6, 20.0)
            messages = [Message("Label.", name) for name in ("first", "second")]
            questions = [asked.ask("m", message, Label, budget) for message in messages]
            assert await asyncio.gather(*questions) == [LABEL] * 2

    with EndpointServer(then_good(fails(503), fails(503))) as server:
        asyncio.run(run(server))
    assert [sent.data for sent in server.sent] == ["first", "first", "first", "second"]


def test_a_question_that_waits_for_its_turn_beyond_its_time_was_not_sent() -> None:
    async def run(server: EndpointServer) -> Budget:
        async with endpoint(server.url, concurrency=1, memory=knowing()) as asked:
            long, short = Budget(10**6, 20.0), Budget(10**6, 0.2)
            first = asyncio.create_task(asked.ask("m", MESSAGE, Label, long))
            await server.received(1)
            with pytest.raises(BudgetSpent):
                await asked.ask("m", MESSAGE, Label, short)
            may_answer.set()
            assert await first == LABEL
            return short

    may_answer = Event()
    with EndpointServer(always(says(GOOD).when(may_answer))) as server:
        short = asyncio.run(run(server))
    assert short.requests == 0
    assert len(server.sent) == 1


def test_nothing_is_sent_once_the_tokens_are_spent() -> None:
    used = {"prompt_tokens": 900, "completion_tokens": 100}
    outcome = ask(
        always(says(GOOD, usage=used)), times=10, concurrency=1, tokens=3_500, memory=knowing()
    )
    assert outcome.results.count(LABEL) == len(outcome.sent) == 4
    errors = [result for result in outcome.results if result != LABEL]
    assert {type(error) for error in errors} == {BudgetSpent}
    assert "3,500 tokens" in str(errors[0])


def test_questions_at_once_cannot_all_spend_the_same_last_tokens() -> None:
    asked_tokens = 2_000
    outcome = ask(
        always(
            says(GOOD, usage={"prompt_tokens": asked_tokens, "completion_tokens": 10}, delay_s=0.2)
        ),
        times=16,
        concurrency=32,
        tokens=5 * asked_tokens,
        message="word" * asked_tokens,
        memory=knowing(),
    )
    assert outcome.results.count(LABEL) in (3, 4)
    assert outcome.budget.input_tokens <= 5 * asked_tokens


def test_questions_wait_no_longer_for_the_first_one_than_their_audit_lasts() -> None:
    async def run(server: EndpointServer) -> None:
        async with endpoint(server.url, timeout_s=9.0) as asked:
            first = asyncio.create_task(asked.ask("m", MESSAGE, Label, Budget(10**6, 9.0)))
            await server.received(1)
            with pytest.raises(BudgetSpent):
                await asked.ask("m", MESSAGE, Label, Budget(10**6, 0.2))
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            assert await asked.ask("m", MESSAGE, Label, Budget(10**6, 9.0)) == LABEL

    with EndpointServer(then_good(hangs(9))) as server:
        asyncio.run(run(server))


def test_the_client_lives_and_ends_with_the_block_that_opened_it() -> None:
    async def run(server: EndpointServer) -> None:
        async with endpoint(server.url) as asked:
            assert await asked.ask("m", MESSAGE, Label, Budget(10**6, 9.0)) == LABEL
            assert server.connections == 1

    with EndpointServer(always(says(GOOD))) as server:
        for _ in range(3):
            asyncio.run(run(server))
            server.wait_until(lambda server: server.connections == 0)
    # A connection that outlives its loop would be warned of, and warnings are errors.
    gc.collect()


def test_two_models_of_an_endpoint_share_its_slots() -> None:
    async def run(url: str) -> None:
        async with endpoint(url, concurrency=4, memory=knowing()) as asked:
            budget = Budget(10**6, 9.0)
            questions = [asked.ask(model, MESSAGE, Label, budget) for model in ["m", "n"] * 8]
            assert await asyncio.gather(*questions) == [LABEL] * 16

    with EndpointServer(lambda sent: answers(sent, GOOD, delay_s=0.05)) as server:
        asyncio.run(run(server.url))
    assert server.most_at_once == 4


def test_a_prompt_cache_key_and_the_effort_are_handed_on() -> None:
    outcome = ask(always(says(GOOD)), cache_key="k", message="hello")
    (sent,) = outcome.sent
    assert sent.body["prompt_cache_key"] == "k"
    assert sent.body["reasoning_effort"] == "low"
    assert sent.body["temperature"] == 0
    assert sent.data == "hello"
    assert sent.system == MESSAGE.system
    assert Message(sent.system, sent.data) == Message(MESSAGE.system, "hello")
