"""Asking scripted endpoints: what came of it, in how many requests, and what it left in the log."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from failure_insights.llm import (
    AgentTurn,
    Budget,
    CapabilityMemory,
    Endpoint,
    LlmError,
    Message,
    Tool,
    open_endpoint,
)
from failure_insights_tests.endpoint.server import EndpointServer, Reply, Script, Sent, answers

KEY = "sk-a-secret-key"
#: Words of a call, which no error and no log may repeat.
SPOKEN = "the caller's very own words"
MESSAGE = Message("Label the call.", f"c001: {SPOKEN}")


class Label(BaseModel, frozen=True):
    """What the tests ask for."""

    why: str
    label: str
    line: int | None


class Labels(BaseModel):
    items: list[Label]


class ReadCalls(BaseModel):
    handles: list[str]


GOOD = {"why": "it fits", "label": "T1", "line": 3}
LABEL = Label.model_validate(GOOD)
READ_CALLS = Tool("read_calls", "Have calls read.", ReadCalls)


@dataclass
class Memory:
    """What was found out of models, as long as the test lasts."""

    kept: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def recall(self, base_url: str, model: str) -> Mapping[str, Any] | None:
        return self.kept.get(model)

    def remember(self, base_url: str, model: str, facts: Mapping[str, Any]) -> None:
        self.kept[model] = facts


def knowing(shape: str = "json_schema", dropped: Sequence[str] = ()) -> Memory:
    """Return the memory of an endpoint that was asked before."""
    return Memory({"m": {"answer_format": shape, "rejected": dropped, "has_tools": True}})


@dataclass(frozen=True)
class Outcome:
    """What came of some questions asked at once, and what it took."""

    results: list[Any]
    sent: list[Sent]
    budget: Budget
    most_at_once: int
    seconds: float

    @property
    def result(self) -> Any:
        (result,) = self.results
        return result


class Listener(logging.Handler):
    """Hears all that is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record)


def endpoint(
    url: str, *, memory: CapabilityMemory | None = None, **options: Any
) -> AbstractAsyncContextManager[Endpoint]:
    """Open an endpoint that waits little between its tries."""
    settings: dict[str, Any] = {
        "base_url": url,
        "api_key": KEY,
        "concurrency": 16,
        "timeout_s": 5.0,
        "memory": Memory() if memory is None else memory,
        "backoff_s": 0.01,
    }
    return open_endpoint(**(settings | options))


def ask(
    script: Script,
    *,
    times: int = 1,
    schema: type[BaseModel] = Label,
    model: str = "m",
    url: str = "{url}",
    tokens: int = 1_000_000,
    seconds: float = 20.0,
    message: str = MESSAGE.data,
    max_tokens: int = 2000,
    cache_key: str = "",
    **options: Any,
) -> Outcome:
    """Ask a scripted endpoint, so many times at once.

    Each result is a value, or the error in its place; an error of any other kind is raised.
    """
    listener = Listener()
    root = logging.getLogger()
    level = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    try:
        with EndpointServer(script) as server:
            host = urlsplit(server.url).netloc
            opened = endpoint(url.format(url=server.url, host=host), **options)
            budget = Budget(tokens, seconds)

            async def one(asked: Endpoint) -> BaseModel | LlmError:
                question = Message(MESSAGE.system, message)
                try:
                    return await asked.ask(
                        model,
                        question,
                        schema,
                        budget,
                        max_tokens=max_tokens,
                        cache_key=cache_key,
                    )
                except LlmError as error:
                    return error

            async def everyone() -> list[BaseModel | LlmError]:
                async with opened as asked:
                    return await asyncio.gather(*(one(asked) for _ in range(times)))

            results = asyncio.run(everyone())
    finally:
        root.setLevel(level)
        root.removeHandler(listener)
    _tells_nothing(str(result) for result in results if isinstance(result, LlmError))
    _tells_nothing(record.getMessage() for record in listener.heard if record.name != "asyncio")
    took = budget.seconds - budget.seconds_left
    return Outcome(results, server.sent, budget, server.most_at_once, took)


def take_turns(
    script: Script, conversations: Sequence[Sequence[Mapping[str, Any]]], **options: Any
) -> Outcome:
    """Have a scripted endpoint take its turn in conversations, one after the other."""
    must_use = options.pop("must_use", None)

    async def each(url: str, budget: Budget) -> list[AgentTurn | LlmError]:
        results: list[AgentTurn | LlmError] = []
        async with endpoint(url, **options) as asked:
            for messages in conversations:
                try:
                    turn = await asked.take_turn(
                        "m", messages, [READ_CALLS], budget, must_use=must_use
                    )
                except LlmError as error:
                    results.append(error)
                else:
                    results.append(turn)
        return results

    with EndpointServer(script) as server:
        budget = Budget(1_000_000, 20.0)
        results = asyncio.run(each(server.url, budget))
    return Outcome(results, server.sent, budget, server.most_at_once, 0.0)


def always(reply: Reply) -> Script:
    """Return a script of one reply to everything."""
    return lambda _: reply


def then_good(*first: Reply) -> Script:
    """Return a script of these replies, and of good answers from then on."""
    left = list(first)
    return lambda sent: left.pop(0) if left else answers(sent, GOOD)


def _tells_nothing(texts: Any) -> None:
    for text in texts:
        assert KEY not in text
        assert SPOKEN not in text
