"""One request over HTTP: its turn, its pause, its deadline, its retries, its cost."""

import asyncio
import itertools
import json
import logging
import time
from collections.abc import Mapping
from typing import Any

from openai import APIConnectionError, APIStatusError, APITimeoutError, AsyncOpenAI

from failure_insights.llm.budget import Budget
from failure_insights.llm.capabilities import parameters_of
from failure_insights.llm.completion import Completion, read_completion
from failure_insights.llm.error_rules import AskAgain, Rejected, fault
from failure_insights.llm.errors import EndpointRefused, EndpointUnavailable
from failure_insights.llm.limiter import Limiter

#: Seconds in which a refused model is not asked again.
REFUSAL_LASTS_S = 60.0
BYTES_PER_TOKEN = 4
#: Share of the output cap that a request is expected to use.
EXPECTED_OUTPUT = 0.25

# At lower levels they log URLs, which may hold keys, and older ones whole requests.
for _name in ("openai", "httpx", "httpx2"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class Transport:
    """Sends requests to one endpoint from one event loop."""

    def __init__(
        self,
        client: AsyncOpenAI,
        address: str,
        limiter: Limiter,
        timeout_s: float,
    ) -> None:
        self.client = client
        self.address = address
        self.limiter = limiter
        self.timeout_s = timeout_s
        self._refused: dict[str, tuple[float, str]] = {}

    async def send(self, body: Mapping[str, Any], budget: Budget) -> Completion:
        """Return the endpoint's answer to a chat-completions request.

        Raises:
            BudgetSpent: the audit has nothing left; nothing was sent.
            EndpointUnavailable: no answer came in time, or in as many tries as are sensible.
            EndpointRefused: none will ever come.
            ContextTooLong: the request is too long for the model.
            UnusableAnswer: the model or a filter refused.
            Rejected: no request of this form will be answered.
        """
        model = str(body["model"])
        asked = len(json.dumps(body, ensure_ascii=False).encode()) // BYTES_PER_TOKEN
        cap = body.get("max_completion_tokens") or body.get("max_tokens") or 0
        held = asked + int(cap * EXPECTED_OUTPUT)
        for tries in itertools.count(1):
            async with self.limiter.slot(budget, is_retry=tries > 1):
                self._refuse_again(model)
                await self.limiter.wait_out_pause(budget)
                budget.require_left(asked)
                sent_at = time.monotonic()
                try:
                    with budget.holding(held):
                        completion = await self._request(body, asked, budget)
                except AskAgain as again:
                    wait_s = self._plan_retry(again, tries, sent_at, budget)
                except EndpointRefused as refusal:
                    self._refused[model] = (time.monotonic(), str(refusal))
                    raise
                else:
                    self.limiter.succeeded()
                    return completion
            await asyncio.sleep(wait_s)
        raise AssertionError

    def _refuse_again(self, model: str) -> None:
        when, reason = self._refused.get(model, (0.0, ""))
        if reason and time.monotonic() - when < REFUSAL_LASTS_S:
            raise EndpointRefused(reason)

    def _plan_retry(self, again: AskAgain, tries: int, sent_at: float, budget: Budget) -> float:
        """Return the seconds that this request waits by itself, besides the pause for all.

        Raises:
            EndpointUnavailable: it is not to be tried again.
        """
        is_covered = False
        if again.is_rate_limit:
            # One wave of requests can be answered "too many" as a whole: that is one event.
            is_covered = not self.limiter.slow_down(sent_at, again.wait_s)
        elif again.wait_s:
            self.limiter.pause(again.wait_s)
        if not again.may_retry or tries >= again.most_tries:
            raise self._unavailable(f"{again.reason} ({tries} tries)")
        if not is_covered and not budget.may_retry():
            raise self._unavailable(f"{again.reason}, and this audit's retries are used up")
        has_pause = again.is_rate_limit or again.wait_s is not None
        wait_s = 0.0 if has_pause else self.limiter.backoff(tries)
        if wait_s >= budget.seconds_left:
            raise self._unavailable(f"{again.reason}, and the audit's time is over")
        return wait_s

    async def _request(self, body: Mapping[str, Any], asked: int, budget: Budget) -> Completion:
        budget.requests += 1
        try:
            # The client's own timeout is one between two bytes; a dripping body would never end.
            async with asyncio.timeout(min(self.timeout_s, budget.seconds_left)):
                raw = await self.client.chat.completions.with_raw_response.create(**body)
        except (TimeoutError, APITimeoutError):
            raise AskAgain("it did not answer in time", most_tries=2) from None
        except APIConnectionError as error:
            cause = type(error.__cause__).__name__
            raise AskAgain(f"the connection failed ({cause})") from None
        except APIStatusError as error:
            text, headers = error.response.text, error.response.headers
            raise self._fault(error.status_code, text, headers, body) from None
        payload = _payload(raw.text)
        if said := payload.get("error"):
            meant = self._fault(_status(said), raw.text, raw.headers, body)
            is_explained = not isinstance(meant, Rejected) or meant.names
            raise meant if is_explained else AskAgain("it answered with an error")
        completion = read_completion(payload)
        if completion is None:
            kind = raw.headers.get("content-type", "nothing").split(";")[0][:40]
            raise AskAgain(f"it sent no chat completion but {kind}")
        self._charge(completion, asked, budget)
        self.limiter.heed(raw.headers, completion.input_tokens or asked)
        return completion

    def _charge(self, completion: Completion, asked: int, budget: Budget) -> None:
        said = completion.answer.encode("utf-8", "replace")
        counted_in, counted_out = completion.input_tokens, completion.output_tokens
        budget.input_tokens += asked if counted_in is None else counted_in
        budget.output_tokens += len(said) // BYTES_PER_TOKEN if counted_out is None else counted_out
        budget.cached_tokens += completion.cached_tokens
        if completion.model:
            budget.models.add(completion.model)

    def _fault(
        self, status: int, text: str, headers: Mapping[str, str], body: Mapping[str, Any]
    ) -> Exception:
        sent = parameters_of(body)
        return fault(status, text, headers, sent, self.address, str(body["model"]))

    def _unavailable(self, reason: str) -> EndpointUnavailable:
        return EndpointUnavailable(
            f"The LLM endpoint {self.address} gave no answer: {reason}. Is OPENAI_BASE_URL right, "
            "and is the endpoint up?"
        )


def _payload(text: str) -> Mapping[str, Any]:
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}


def _status(error: Any) -> int:
    """Return the status that an error in a good answer stands for."""
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, str) and not code.isdigit():
        return 400  # A word, such as context_length_exceeded, tells more.
    return int(code) if code and 400 <= int(code) <= 599 else 500
