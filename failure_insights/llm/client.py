"""Asking a model behind any OpenAI-compatible endpoint: for a value, or for an agent's turn."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

from failure_insights.llm.answer_parsing import mend, read_answer
from failure_insights.llm.budget import Budget
from failure_insights.llm.capabilities import (
    DISPENSABLE,
    LASTS_S,
    OPTIONAL,
    Capabilities,
    CapabilityMemory,
    Shape,
)
from failure_insights.llm.completion import AgentTurn, Completion
from failure_insights.llm.connections import address_of, open_transport
from failure_insights.llm.error_rules import Rejected
from failure_insights.llm.errors import EndpointRefused, ToolsUnsupported, UnusableAnswer
from failure_insights.llm.limiter import Limiter
from failure_insights.llm.requests import Message, Question, Tool, tool_body
from failure_insights.llm.transport import Transport

T = TypeVar("T", bound=BaseModel)
Effort = Literal["low", "medium"]

#: Seconds before the first retry; doubled with every further one.
BACKOFF_S = 0.5
#: Any number will do, as long as it is always the same.
SEED = 7

_log = logging.getLogger(__name__)


class _Misfit(Exception):
    """An answer that the schema does not fit: what is wrong, the answer, whether it was cut."""

    def __init__(self, problem: str, answer: str, was_cut: bool) -> None:
        super().__init__(problem)
        self.problem = problem
        self.answer = answer
        self.was_cut = was_cut


@dataclass(frozen=True)
class _Terms:
    """On what terms a model is asked: at whose cost, and how hard and long it may think."""

    model: str
    capabilities: Capabilities
    budget: Budget
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
    def with_more_room(self) -> "_Terms":
        """The same for a model that has thought all its tokens up."""
        return replace(self, effort="low", max_tokens=2 * self.max_tokens)


class Endpoint:
    """One endpoint, for all audits of an event loop; made by `open_endpoint`.

    `address` is its base URL without credentials, empty if it is no web address.
    """

    def __init__(
        self, address: str, transport: Transport | EndpointRefused, memory: CapabilityMemory
    ) -> None:
        self.address = address
        self._transport = transport
        self._memory = memory
        self._known: dict[str, Capabilities] = {}

    async def ask(
        self,
        model: str,
        message: Message,
        schema: type[T],
        budget: Budget,
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
        capabilities = await self._capabilities(model)
        terms = _Terms(model, capabilities, budget, effort, max_tokens, cache_key)
        async with capabilities.probing(budget):
            return await self._descend(terms, Question(message, schema))

    async def take_turn(
        self,
        model: str,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Tool],
        budget: Budget,
        *,
        must_use: str | None = None,
        effort: Effort = "medium",
        max_tokens: int = 8000,
        cache_key: str = "",
    ) -> AgentTurn:
        """Return the model's next turn in a conversation with tools.

        `must_use` is a wish: an endpoint may ignore it and answer with text.

        Raises:
            ToolsUnsupported: the model has no tools, which is remembered, or takes none of this.
            UnusableAnswer: the model said nothing, or refused.
            ContextTooLong: the conversation is longer than the model reads.
            BudgetSpent, EndpointUnavailable, EndpointRefused: see there.
        """
        capabilities = await self._capabilities(model)
        if not capabilities.has_tools:
            raise ToolsUnsupported(f"The model {model} cannot use tools.")
        terms = _Terms(model, capabilities, budget, effort, max_tokens, cache_key)
        body = {"messages": list(messages), **tool_body(tools, must_use)}
        body["parallel_tool_calls"] = True
        try:
            completion = await self._complete(terms, body)
            if completion.is_empty and completion.was_cut:
                completion = await self._complete(terms.with_more_room, body)
        except Rejected as rejected:
            if "tools" in rejected.names:
                capabilities.has_tools = False
                await self._remember(model, capabilities)
            raise ToolsUnsupported(f"The model {model} cannot use tools.") from None
        if completion.is_empty:
            raise UnusableAnswer("The model said nothing.")
        return completion.turn

    async def _descend(self, terms: _Terms, question: Question[T]) -> T:
        """Ask in one form after the other, until one is answered with a fitting value."""
        wrong: tuple[Shape, _Misfit] | None = None
        for shape in terms.capabilities.shapes:
            is_proven = terms.capabilities.shape == shape
            try:
                return await self._ask_in(shape, terms, question)
            except Rejected as rejected:
                if is_proven and not rejected.names:
                    break
            except _Misfit as misfit:
                wrong = shape, misfit
                if is_proven or misfit.was_cut:
                    break
        if wrong is None:
            raise UnusableAnswer(f"{self.address} rejects this request in all forms.")
        return await self._correct(terms, question, *wrong)

    async def _correct(
        self, terms: _Terms, question: Question[T], shape: Shape, misfit: _Misfit
    ) -> T:
        """Tell the model what is wrong with its answer, and return the next one."""
        if misfit.was_cut:
            raise UnusableAnswer(f"The answer is longer than {2 * terms.max_tokens} tokens.")
        corrected = replace(question, correction=(misfit.problem, misfit.answer))
        try:
            return await self._ask_in(shape, terms, corrected)
        except (Rejected, _Misfit):
            terms.capabilities.failures += 1
            raise UnusableAnswer("The answer does not fit what was asked.") from None

    async def _ask_in(self, shape: Shape, terms: _Terms, question: Question[T]) -> T:
        """Ask in one form, a second time with more room if the answer is cut.

        Raises:
            Rejected: the endpoint does not know this form.
            _Misfit: the answer holds no fitting value.
        """
        body = question.body(shape)
        completion = await self._complete(terms, body)
        try:
            answer = read_answer(completion.answer, question.schema)
        except UnusableAnswer as error:
            if completion.was_cut:
                completion = await self._complete(terms.with_more_room, body)
            try:
                answer = read_answer(completion.answer, question.schema)
            except UnusableAnswer:
                raise _Misfit(str(error), completion.answer, completion.was_cut) from None
        if terms.capabilities.shape != shape:
            terms.capabilities.shape = shape
            _log.info("%s answers in the form of %s.", terms.model, shape)
            await self._remember(terms.model, terms.capabilities)
        return answer

    async def _complete(self, terms: _Terms, body: Mapping[str, Any]) -> Completion:
        """Send a request, without the parameters that turn out to be unknown there.

        Raises:
            Rejected: it is the form that is unknown.
        """
        if isinstance(self._transport, EndpointRefused):
            raise self._transport
        whole = mend({**terms.parameters, **body})
        while True:
            request = terms.capabilities.allowed(whole)
            try:
                return await self._transport.send(request, terms.budget)
            except Rejected as rejected:
                unknown = _dispensable(rejected, request, terms.capabilities)
                if not unknown:
                    raise
                terms.capabilities.dropped |= unknown
                _log.info("%s takes no %s: left out.", terms.model, ", ".join(sorted(unknown)))
                await self._remember(terms.model, terms.capabilities)

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


@asynccontextmanager
async def open_endpoint(
    *,
    base_url: str | None,
    api_key: str | None,
    concurrency: int,
    timeout_s: float,
    memory: CapabilityMemory,
    backoff_s: float = BACKOFF_S,
) -> AsyncIterator[Endpoint]:
    """Open an endpoint in the running event loop; it is closed after the block.

    A base URL or key that cannot be one is told by the first request, as every refusal is.

    Args:
        concurrency: requests at once, at most.
        timeout_s: seconds that one request may take.
        memory: where it is kept what the endpoint's models understand.
        backoff_s: seconds before the first retry; doubled with every further one.
    """
    async with AsyncExitStack() as stack:
        limiter = Limiter(concurrency, backoff_s)
        transport: Transport | EndpointRefused
        try:
            transport = await stack.enter_async_context(
                open_transport(base_url, api_key, limiter, timeout_s)
            )
        except EndpointRefused as refusal:
            transport = refusal
        yield Endpoint(address_of(base_url), transport, memory)


def _dispensable(
    rejected: Rejected, request: Mapping[str, Any], capabilities: Capabilities
) -> set[str]:
    """Return the rejected parameters that can be done without; none: it is the form itself."""
    # Of all that is named, first what can be done without: the form is the greater loss.
    for name in rejected.names:
        if name in DISPENSABLE:
            return {name}
    if not rejected.names and capabilities.shape is None:
        # Nothing is named: perhaps it is one of those that not all endpoints know.
        return {name for name in OPTIONAL if name in request}
    return set()
