"""Asking a model behind any OpenAI-compatible endpoint: for a value, or for an agent's turn."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel
from sqlalchemy import Engine

from failure_insights.llm.capabilities import (
    LASTS_S,
    OPTIONAL,
    Capabilities,
    CapabilityMemory,
    Shape,
)
from failure_insights.llm.completion import AgentTurn, Completion
from failure_insights.llm.errors import (
    EndpointRefused,
    LlmError,
    ToolsUnsupported,
    UnusableAnswer,
)
from failure_insights.llm.faults import Rejected
from failure_insights.llm.limiter import Limiter
from failure_insights.llm.questions import Message, Question, Tool, tool_body
from failure_insights.llm.reading import mend, read_answer
from failure_insights.llm.spending import Spending
from failure_insights.llm.transport import Transport, make_client
from failure_insights.settings import Settings
from failure_insights.store.llm_cache import StoredCapabilities

T = TypeVar("T", bound=BaseModel)
Effort = Literal["low", "medium"]

OPENAI = "https://api.openai.com/v1"
#: Seconds before the first retry; doubled with every further one.
BACKOFF_S = 0.5
#: Any number will do, as long as it is always the same.
SEED = 7
FORM = {"response_format", "tools", "tool_choice"}


class _Misfit(Exception):
    """An answer that the schema does not fit: what is wrong, the answer, whether it was cut."""

    def __init__(self, problem: str, answer: str, was_cut: bool) -> None:
        super().__init__(problem)
        self.problem = problem
        self.answer = answer
        self.was_cut = was_cut


@dataclass(frozen=True)
class _Ask:
    """Who asks, and how hard the model may think."""

    model: str
    spending: Spending
    effort: Effort
    max_tokens: int
    cache_key: str

    @property
    def parameters(self) -> dict[str, Any]:
        parameters = {
            "model": self.model,
            "temperature": 0,
            "seed": SEED,
            "reasoning_effort": self.effort,
            "max_completion_tokens": self.max_tokens,
        }
        return parameters | ({"prompt_cache_key": self.cache_key} if self.cache_key else {})

    @property
    def with_more_room(self) -> "_Ask":
        """The same, for a model that thought its tokens up."""
        return replace(self, effort="low", max_tokens=2 * self.max_tokens)


class Endpoint:
    """One endpoint, for all audits of a process; each event loop has a limit of its own there."""

    def __init__(
        self,
        *,
        base_url: str | None,
        api_key: str | None,
        concurrency: int,
        timeout_s: float,
        memory: CapabilityMemory,
        backoff_s: float = BACKOFF_S,
    ) -> None:
        self._url = base_url or OPENAI
        # Servers of one's own want no key; the client wants one all the same.
        self._api_key = (api_key or "none").strip()
        self._concurrency = concurrency
        self._timeout_s = timeout_s
        self._memory = memory
        self._backoff_s = backoff_s
        self._transports: dict[asyncio.AbstractEventLoop, Transport] = {}
        self._closers: dict[asyncio.AbstractEventLoop, AsyncGenerator[Transport]] = {}
        self._known: dict[str, Capabilities] = {}

    @property
    def address(self) -> str:
        """The base URL without credentials, for keys of kept answers and for messages."""
        parts = urlsplit(self._url)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))

    async def ask(
        self,
        model: str,
        message: Message,
        schema: type[T],
        spending: Spending,
        *,
        effort: Effort = "low",
        max_tokens: int = 2000,
        cache_key: str = "",
    ) -> T:
        """Return the model's answer as a value of the schema.

        Tries the forms that endpoints know, the strictest first; which of them a model
        understands is found out once a day. An answer that does not fit is corrected once.

        Args:
            effort: how hard a model that can think is to think.
            max_tokens: output tokens, thinking included; doubled once if they are thought up.
            cache_key: what the provider's prompt cache may route by.

        Raises:
            UnusableAnswer: no answer fits the schema, or the model refused.
            ContextTooLong: the message is longer than the model reads.
            BudgetSpent, EndpointUnavailable, EndpointRefused: see there.
        """
        ask = _Ask(model, spending, effort, max_tokens, cache_key)
        capabilities = await self._capabilities(model)
        async with capabilities.probing(spending):
            return await self._descend(ask, Question(message, schema), schema, capabilities)

    async def take_turn(
        self,
        model: str,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Tool],
        spending: Spending,
        *,
        must_use: str | None = None,
        effort: Effort = "medium",
        max_tokens: int = 8000,
        cache_key: str = "",
    ) -> AgentTurn:
        """Return the model's next turn in a conversation with tools.

        `must_use` is a wish: an endpoint may ignore it and answer with text.

        Raises:
            ToolsUnsupported: the model has no tools; this is remembered.
            UnusableAnswer: the model said nothing, or refused.
            ContextTooLong: the conversation is longer than the model reads.
            BudgetSpent, EndpointUnavailable, EndpointRefused: see there.
        """
        ask = _Ask(model, spending, effort, max_tokens, cache_key)
        capabilities = await self._capabilities(model)
        if not capabilities.has_tools:
            raise ToolsUnsupported(f"The model {model} cannot use tools.")
        body = {"messages": list(messages), **tool_body(tools, must_use)}
        body["parallel_tool_calls"] = True
        try:
            completion = await self._complete(ask, body, capabilities, {"tool_choice"})
            if completion.is_empty and completion.was_cut:
                completion = await self._complete(ask.with_more_room, body, capabilities)
        except Rejected as rejected:
            if "tools" in rejected.names:
                capabilities.has_tools = False
                await self._remember(model, capabilities)
                raise ToolsUnsupported(f"The model {model} cannot use tools.") from None
            raise self._rejected() from None
        if completion.is_empty:
            raise UnusableAnswer("The model said nothing.")
        return completion.turn

    async def _descend(
        self, ask: _Ask, question: Question, schema: type[T], capabilities: Capabilities
    ) -> T:
        """Ask in one form after the other, until one is answered with a fitting value."""
        misfit: _Misfit | None = None
        shapes = capabilities.shapes
        for shape in shapes:
            is_proven = capabilities.shape == shape
            try:
                answer = await self._ask_in(shape, ask, question, schema, capabilities)
            except Rejected as rejected:
                if is_proven and not rejected.names:
                    raise self._rejected() from None
                continue
            except _Misfit as found:
                misfit = found
                if is_proven or found.was_cut:
                    break
                continue
            await self._prove(ask.model, shape, capabilities)
            return answer
        if misfit is None:
            raise self._rejected()
        if misfit.was_cut:
            raise UnusableAnswer(f"The answer was longer than {2 * ask.max_tokens} tokens.")
        corrected = replace(question, correction=(misfit.problem, misfit.answer))
        try:
            answer = await self._ask_in(shape, ask, corrected, schema, capabilities)
        except (Rejected, _Misfit) as error:
            capabilities.is_hopeless = capabilities.shape is None
            problem = error.problem if isinstance(error, _Misfit) else "It was rejected."
            raise UnusableAnswer(f"The answer does not fit what was asked. {problem}") from None
        await self._prove(ask.model, shape, capabilities)
        return answer

    async def _ask_in(
        self,
        shape: Shape,
        ask: _Ask,
        question: Question,
        schema: type[T],
        capabilities: Capabilities,
    ) -> T:
        """Ask in one form, a second time with more room if the answer was cut.

        Raises:
            Rejected: the endpoint does not know this form.
            _Misfit: the answer holds no fitting value.
        """
        body = question.body(shape)
        completion = await self._complete(ask, body, capabilities)
        try:
            return read_answer(completion.answer, schema)
        except UnusableAnswer as error:
            if not completion.was_cut:
                raise _Misfit(str(error), completion.answer, was_cut=False) from None
        completion = await self._complete(ask.with_more_room, body, capabilities)
        try:
            return read_answer(completion.answer, schema)
        except UnusableAnswer as error:
            raise _Misfit(str(error), completion.answer, completion.was_cut) from None

    async def _complete(
        self,
        ask: _Ask,
        body: Mapping[str, Any],
        capabilities: Capabilities,
        dispensable: set[str] | frozenset[str] = frozenset(),
    ) -> Completion:
        """Send a request, without the parameters that turn out to be unknown there.

        Raises:
            Rejected: it is the form that is unknown.
        """
        transport = await self._transport()
        whole = mend({**ask.parameters, **body})
        while True:
            request = capabilities.allowed(whole)
            try:
                completion = await transport.send(request, ask.spending)
            except Rejected as rejected:
                unknown = _unknown(rejected, request, capabilities, dispensable)
                if not unknown:
                    raise
                capabilities.dropped |= unknown
                await self._remember(ask.model, capabilities)
            else:
                return completion

    async def _prove(self, model: str, shape: Shape, capabilities: Capabilities) -> None:
        if capabilities.shape != shape:
            capabilities.shape = shape
            capabilities.is_hopeless = False
            await self._remember(model, capabilities)

    async def _capabilities(self, model: str) -> Capabilities:
        known = self._known.get(model)
        if known is None or time.monotonic() - known.learnt_at > LASTS_S:
            facts = await asyncio.to_thread(self._memory.recall, self.address, model)
            # Another request may have been faster, and may have learnt something since.
            if self._known.get(model) is known:
                self._known[model] = Capabilities.of(facts)
        return self._known[model]

    async def _remember(self, model: str, capabilities: Capabilities) -> None:
        await asyncio.to_thread(self._memory.remember, self.address, model, capabilities.facts)

    def _rejected(self) -> LlmError:
        return UnusableAnswer(f"The LLM endpoint {self.address} rejects this request in any form.")

    async def _transport(self) -> Transport:
        """Return the event loop's way to the endpoint; it is closed when the loop is."""
        loop = asyncio.get_running_loop()
        if loop not in self._transports:
            self._refuse_bad_settings()
            closer = self._opened(loop)
            self._closers[loop] = closer
            self._transports[loop] = await anext(closer)
        return self._transports[loop]

    async def _opened(self, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[Transport]:
        # A loop that ends closes its async generators: the one hook that it gives.
        limiter = Limiter(self._concurrency, self._backoff_s)
        async with make_client(self._url, self._api_key, self._timeout_s) as client:
            try:
                yield Transport(client, self.address, limiter, self._timeout_s)
            finally:
                del self._transports[loop], self._closers[loop]

    def _refuse_bad_settings(self) -> None:
        parts = urlsplit(self._url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise EndpointRefused(
                "OPENAI_BASE_URL is no web address; write one such as http://127.0.0.1:11434/v1."
            )
        if not (self._api_key.isascii() and self._api_key.isprintable()):
            raise EndpointRefused("OPENAI_API_KEY holds characters that no key has; mend it.")


def _unknown(
    rejected: Rejected,
    request: Mapping[str, Any],
    capabilities: Capabilities,
    dispensable: set[str] | frozenset[str],
) -> set[str]:
    """Return the parameters to do without from now on; none: the request cannot do without."""
    droppable = {*OPTIONAL, *dispensable, "max_completion_tokens", "max_tokens", "strict"}
    for name in rejected.names:
        if name in droppable and name not in capabilities.dropped:
            return {name}
        if name in FORM:
            return set()
    if not rejected.names and capabilities.shape is None:
        # Nothing was named: perhaps it is one of those that not all endpoints know.
        return {name for name in OPTIONAL if name in request}
    return set()


@cache
def _shared(
    base_url: str | None, api_key: str | None, concurrency: int, timeout_s: float, engine: Engine
) -> Endpoint:
    return Endpoint(
        base_url=base_url,
        api_key=api_key,
        concurrency=concurrency,
        timeout_s=timeout_s,
        memory=StoredCapabilities(engine),
    )


def endpoint_for(settings: Settings, engine: Engine) -> Endpoint:
    """Return the process's endpoint: all audits share its limits."""
    return _shared(
        settings.openai_base_url,
        settings.openai_api_key,
        settings.llm_concurrency,
        settings.llm_timeout_seconds,
        engine,
    )
