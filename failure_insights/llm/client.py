"""Ask a model behind any OpenAI-compatible endpoint for a value, or for an agent's next turn."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

from failure_insights.llm.answer_parsing import read_answer, storable
from failure_insights.llm.budget import Budget
from failure_insights.llm.capabilities import (
    CAPABILITIES_LAST_S,
    DISPENSABLE,
    OPTIONAL,
    AnswerFormat,
    Capabilities,
    CapabilityMemory,
)
from failure_insights.llm.completion import AgentTurn, Completion
from failure_insights.llm.error_meaning import Rejected
from failure_insights.llm.errors import EndpointRefused, ToolsUnsupported, UnusableAnswer
from failure_insights.llm.http_client import address_of, open_http_client
from failure_insights.llm.limiter import Limiter
from failure_insights.llm.requests import Correction, Message, Question, Tool, tool_body
from failure_insights.llm.transport import Transport

T = TypeVar("T", bound=BaseModel)
Effort = Literal["low", "medium"]

#: Seconds before the first retry; doubled with every further one.
BACKOFF_S = 0.5
#: Any number will do, as long as it is always the same.
SEED = 7

_log = logging.getLogger(__name__)


class _WrongAnswer(Exception):
    """An answer that does not fit the schema: what is wrong, the answer, whether it was cut."""

    def __init__(self, problem: str, answer: str, was_cut: bool) -> None:
        super().__init__(problem)
        self.problem = problem
        self.answer = answer
        self.was_cut = was_cut


@dataclass(frozen=True)
class _RequestSettings:
    """Settings of one request: model, budget, reasoning effort, output limit in tokens."""

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
    def with_more_output(self) -> "_RequestSettings":
        """The settings for a model that spent its whole output limit, perhaps on thinking."""
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
        self._capabilities: dict[str, Capabilities] = {}

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

        Tries the answer formats that endpoints know, the strictest first; once a day it is found
        out which of them a model understands. A wrong answer is corrected once.

        Args:
            effort: reasoning effort, for models that reason.
            max_tokens: output tokens, thinking included; doubled once if they do not suffice.
            cache_key: tells the provider's prompt cache which requests begin alike.

        Raises:
            UnusableAnswer: no answer fits the schema, or the model refused.
            ContextTooLong: the message is longer than the model reads.
            BudgetSpent, EndpointUnavailable, EndpointRefused: see there.
        """
        capabilities = await self._capabilities_of(model)
        settings = _RequestSettings(model, capabilities, budget, effort, max_tokens, cache_key)
        async with capabilities.first_question_alone(budget):
            return await self._ask_in_any_format(settings, Question(message, schema))

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

        Args:
            must_use: a tool that the model is told to use; it may answer with text all the same.

        Raises:
            ToolsUnsupported: the model has no tools, or does not take these.
            UnusableAnswer: the model said nothing, or refused.
            ContextTooLong: the conversation is longer than the model reads.
            BudgetSpent, EndpointUnavailable, EndpointRefused: see there.
        """
        capabilities = await self._capabilities_of(model)
        if not capabilities.has_tools:
            raise ToolsUnsupported(f"The model {model} cannot use tools.")
        settings = _RequestSettings(model, capabilities, budget, effort, max_tokens, cache_key)
        body = {"messages": list(messages), **tool_body(tools, must_use)}
        body["parallel_tool_calls"] = True
        try:
            completion = await self._complete(settings, body)
            if completion.is_empty and completion.was_cut:
                completion = await self._complete(settings.with_more_output, body)
        except Rejected as rejected:
            if "tools" in rejected.names:
                capabilities.has_tools = False
                await self._remember(model, capabilities)
            raise ToolsUnsupported(f"The model {model} cannot use tools.") from None
        if completion.is_empty:
            raise UnusableAnswer("The model said nothing.")
        return completion.turn

    async def _ask_in_any_format(self, settings: _RequestSettings, question: Question[T]) -> T:
        """Ask in one answer format after the other, until an answer fits."""
        wrong: tuple[AnswerFormat, _WrongAnswer] | None = None
        for answer_format in settings.capabilities.formats:
            is_proven = settings.capabilities.answer_format == answer_format
            try:
                return await self._ask_in_format(answer_format, settings, question)
            except Rejected as rejected:
                if is_proven and not rejected.names:
                    break
            except _WrongAnswer as error:
                wrong = answer_format, error
                if is_proven or error.was_cut:
                    break
        if wrong is None:
            raise UnusableAnswer(f"{self.address} rejects this request in all forms.")
        return await self._correct(settings, question, *wrong)

    async def _correct(
        self,
        settings: _RequestSettings,
        question: Question[T],
        answer_format: AnswerFormat,
        wrong: _WrongAnswer,
    ) -> T:
        """Tell the model what is wrong with its answer, and return the next one."""
        if wrong.was_cut:
            raise UnusableAnswer(f"The answer is longer than {2 * settings.max_tokens} tokens.")
        again = replace(question, correction=Correction(wrong.problem, wrong.answer))
        try:
            return await self._ask_in_format(answer_format, settings, again)
        except (Rejected, _WrongAnswer):
            settings.capabilities.failed_questions += 1
            raise UnusableAnswer("The answer does not fit what was asked.") from None

    async def _ask_in_format(
        self, answer_format: AnswerFormat, settings: _RequestSettings, question: Question[T]
    ) -> T:
        """Ask in one answer format, a second time with more output if the answer is cut.

        Raises:
            Rejected: the endpoint does not know this format.
            _WrongAnswer: the answer does not fit the schema.
        """
        body = question.body(answer_format)
        completion = await self._complete(settings, body)
        try:
            answer = read_answer(completion.answer, question.schema)
        except UnusableAnswer as error:
            if completion.was_cut:
                completion = await self._complete(settings.with_more_output, body)
            try:
                answer = read_answer(completion.answer, question.schema)
            except UnusableAnswer:
                raise _WrongAnswer(str(error), completion.answer, completion.was_cut) from None
        if settings.capabilities.answer_format != answer_format:
            settings.capabilities.answer_format = answer_format
            _log.info("%s answers in the format %s.", settings.model, answer_format)
            await self._remember(settings.model, settings.capabilities)
        return answer

    async def _complete(self, settings: _RequestSettings, body: Mapping[str, Any]) -> Completion:
        """Send a request, and again without each parameter that turns out to be unknown.

        Raises:
            Rejected: the endpoint does not take the form of the request.
        """
        if isinstance(self._transport, EndpointRefused):
            raise self._transport
        capabilities = settings.capabilities
        whole = storable({**settings.parameters, **body})
        while True:
            request = capabilities.without_rejected(whole)
            try:
                return await self._transport.send(request, settings.budget)
            except Rejected as rejected:
                unknown = _dispensable(rejected, request, capabilities)
                if not unknown:
                    raise
                capabilities.rejected |= unknown
                _log.info("%s takes no %s: left out.", settings.model, ", ".join(sorted(unknown)))
                await self._remember(settings.model, capabilities)

    async def _capabilities_of(self, model: str) -> Capabilities:
        known = self._capabilities.get(model)
        if known is None or time.monotonic() - known.known_since > CAPABILITIES_LAST_S:
            facts = await asyncio.to_thread(self._memory.recall, self.address, model)
            # Another request may have been faster, and may have found something out since.
            if self._capabilities.get(model) is known:
                self._capabilities[model] = Capabilities.of(model, facts)
        return self._capabilities[model]

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
    limiter: Limiter | None = None,
) -> AsyncIterator[Endpoint]:
    """Open an endpoint in the running event loop; it is closed after the block.

    A base URL or key that cannot be one is told by the first question, as every refusal is.

    Args:
        concurrency: requests at once, at most.
        timeout_s: seconds that one request may take.
        memory: keeps for a day what the endpoint's models understand.
        backoff_s: seconds before the first retry; doubled with every further one.
        limiter: of the requests at once; None: one for this event loop alone.
    """
    async with AsyncExitStack() as stack:
        transport: Transport | EndpointRefused
        try:
            client = await stack.enter_async_context(open_http_client(base_url, api_key, timeout_s))
            transport = Transport(client, limiter or Limiter(concurrency, backoff_s), timeout_s)
        except EndpointRefused as refusal:
            transport = refusal
        yield Endpoint(address_of(base_url), transport, memory)


def _dispensable(
    rejected: Rejected, request: Mapping[str, Any], capabilities: Capabilities
) -> set[str]:
    """Return the rejected parameters that can be left out; none: it is the request's form."""
    # Of all that is named, first what can be left out: another form is the greater loss.
    for name in rejected.names:
        if name in DISPENSABLE:
            return {name}
    if not rejected.names and capabilities.answer_format is None:
        # Nothing is named: perhaps it is one of those that not all endpoints know.
        return {name for name in OPTIONAL if name in request}
    return set()
