"""Send one chat-completions request: wait for a slot and out pauses, retry, count its cost."""

import asyncio
import itertools
import json
import time
from collections.abc import Mapping
from typing import Any

from failure_insights.llm.budget import Budget, Tokens
from failure_insights.llm.capabilities import parameters_of
from failure_insights.llm.completion import Completion, read_completion
from failure_insights.llm.error_meaning import AskAgain, Rejected, error_of
from failure_insights.llm.errors import EndpointRefused, EndpointUnavailable
from failure_insights.llm.http_client import HttpAnswer, HttpClient, NoHttpAnswer
from failure_insights.llm.limiter import Limiter

#: Seconds in which a model that was refused is not asked again.
REFUSAL_LASTS_S = 60.0
#: Bytes of a token, for requests and answers whose tokens the endpoint does not count.
BYTES_PER_TOKEN = 4
#: Share of its output limit that a request is expected to use.
EXPECTED_OUTPUT = 0.25
#: Attempts after timeouts: each costs the whole deadline.
TIMEOUT_ATTEMPTS = 2


class Transport:
    """Sends requests to one endpoint from one event loop.

    Args:
        timeout_s: seconds from a request's first byte to its answer's last.
    """

    def __init__(self, client: HttpClient, limiter: Limiter, timeout_s: float) -> None:
        self._client = client
        self._limiter = limiter
        self._timeout_s = timeout_s
        #: When each model was refused, in seconds of `time.monotonic()`, and how.
        self._refusals: dict[str, tuple[float, EndpointRefused]] = {}

    async def send(self, body: Mapping[str, Any], budget: Budget) -> Completion:
        """Return the endpoint's answer to a chat-completions request.

        Raises:
            BudgetSpent: the audit has nothing left; nothing was sent.
            EndpointUnavailable: no answer came in time, or after all attempts.
            EndpointRefused: the endpoint will answer no request.
            ContextTooLong: the request is too long for the model.
            UnusableAnswer: the model or a filter refused to answer.
            Rejected: the endpoint does not take requests of this form.
        """
        attempts = itertools.count(1)
        while True:
            async with self._limiter.slot(budget):
                # A retry keeps its slot while it waits, unless the limit was lowered meanwhile.
                while not self._limiter.has_surplus:
                    answer = await self._attempt(body, next(attempts), budget)
                    if isinstance(answer, Completion):
                        return answer
                    await asyncio.sleep(answer)

    async def _attempt(
        self, body: Mapping[str, Any], attempt: int, budget: Budget
    ) -> Completion | float:
        """Send the request once; return the answer, or the seconds to wait before the next time."""
        model = str(body["model"])
        encoded = json.dumps(body, ensure_ascii=False).encode()
        input_tokens = len(encoded) // BYTES_PER_TOKEN
        output_limit = body.get("max_completion_tokens") or body.get("max_tokens") or 0
        self._require_no_refusal(model)
        await self._limiter.wait_out_pause(budget)
        budget.require(input_tokens)
        sent_at = time.monotonic()
        try:
            with budget.reserve(input_tokens + int(output_limit * EXPECTED_OUTPUT)):
                answer = await self._post(encoded, budget)
                completion = self._read(answer, body)
        except AskAgain as again:
            return self._plan_retry(again, attempt, sent_at, budget)
        except EndpointRefused as refusal:
            self._refusals[model] = (time.monotonic(), refusal)
            raise
        _charge(budget, model, completion, input_tokens)
        self._limiter.read_allowance(answer.headers, completion.input_tokens or input_tokens)
        self._limiter.succeeded()
        return completion

    def _require_no_refusal(self, model: str) -> None:
        refused_at, refusal = self._refusals.get(model, (0.0, None))
        if refusal and time.monotonic() - refused_at < REFUSAL_LASTS_S:
            raise EndpointRefused(str(refusal), code=refusal.code)

    async def _post(self, body: bytes, budget: Budget) -> HttpAnswer:
        budget.requests += 1
        try:
            # The client's own timeout is between two bytes: a server that drips would never end.
            async with asyncio.timeout(min(self._timeout_s, budget.seconds_left)):
                return await self._client.post(body)
        except TimeoutError:
            raise AskAgain("it did not answer in time", most_attempts=TIMEOUT_ATTEMPTS) from None
        except NoHttpAnswer as error:
            if error.is_timeout:
                raise AskAgain(error.reason, most_attempts=TIMEOUT_ATTEMPTS) from None
            raise AskAgain(error.reason, may_retry=not error.is_too_long) from None

    def _read(self, answer: HttpAnswer, body: Mapping[str, Any]) -> Completion:
        if not 200 <= answer.status < 300:
            raise self._error(answer.status, answer, body)
        payload = _payload(answer.text)
        if error := payload.get("error"):
            meaning = self._error(_status_of(error), answer, body)
            is_explained = not isinstance(meaning, Rejected) or meaning.names
            raise meaning if is_explained else AskAgain("it answered with an error")
        completion = read_completion(payload)
        if completion is None:
            kind = answer.headers.get("content-type", "nothing").split(";")[0][:40]
            raise AskAgain(f"it sent no chat completion but {kind}")
        return completion

    def _error(self, status: int, answer: HttpAnswer, body: Mapping[str, Any]) -> Exception:
        return error_of(
            status,
            answer.text,
            answer.headers,
            sent=parameters_of(body),
            address=self._client.address,
            model=str(body["model"]),
        )

    def _plan_retry(self, again: AskAgain, attempt: int, sent_at: float, budget: Budget) -> float:
        """Return the seconds that this request waits by itself, besides the pause for all.

        Raises:
            EndpointUnavailable: it is not to be tried again.
        """
        is_counted = False
        if again.is_rate_limit:
            # Requests refused together are one event, and one retry of the audit.
            is_counted = not self._limiter.slow_down(sent_at, again.wait_s)
        elif again.wait_s:
            self._limiter.pause(again.wait_s)
        if not again.may_retry or attempt >= again.most_attempts:
            raise self._unavailable(f"{again.reason} ({attempt} tries)")
        if not is_counted and not budget.may_retry():
            raise self._unavailable(f"{again.reason}, and this audit's retries are used up")
        has_pause = again.is_rate_limit or again.wait_s is not None
        wait_s = 0.0 if has_pause else self._limiter.backoff(attempt)
        if wait_s >= budget.seconds_left:
            raise self._unavailable(f"{again.reason}, and the audit's time is over")
        return wait_s

    def _unavailable(self, reason: str) -> EndpointUnavailable:
        return EndpointUnavailable(
            f"The LLM endpoint {self._client.address} gave no answer: {reason}. "
            "Is OPENAI_BASE_URL right, and is the endpoint up?"
        )


def _charge(budget: Budget, model: str, completion: Completion, input_tokens: int) -> None:
    """Count what the endpoint says that a request cost, or else what its length tells."""
    output = completion.output_tokens
    if output is None:
        output = len(completion.answer.encode("utf-8", "replace")) // BYTES_PER_TOKEN
    if completion.input_tokens is not None:
        input_tokens = completion.input_tokens
    cached = min(completion.cached_tokens, input_tokens)
    budget.charge(model, Tokens(input_tokens, cached, output))
    if completion.model:
        budget.models.add(completion.model)


def _payload(text: str) -> Mapping[str, Any]:
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}


def _status_of(error: Any) -> int:
    """Return the HTTP status that an error inside a good answer stands for."""
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, str) and not code.isdigit():
        return 400  # A word, such as context_length_exceeded, tells more.
    return int(code) if code and 400 <= int(code) <= 599 else 500
