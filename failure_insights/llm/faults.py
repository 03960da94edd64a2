"""What an endpoint means by an error: to be asked again, to be asked differently, or to stop."""

import email.utils
import json
import math
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from failure_insights.llm.errors import ContextTooLong, EndpointRefused, UnusableAnswer

#: Parameters of ours that endpoints reject, and how their messages name them.
PARAMETERS: Mapping[str, str] = {
    "temperature": r"temperature",
    "seed": r"\bseed\b",
    "reasoning_effort": r"reasoning.?effort|\breasoning\b",
    "max_completion_tokens": r"max_completion_tokens",
    "max_tokens": r"\bmax_tokens\b",
    "parallel_tool_calls": r"parallel.?tool.?calls",
    "prompt_cache_key": r"prompt_cache_key",
    "strict": r"\bstrict\b",
    "tool_choice": r"tool.?choice",
    "tools": r"\btools?\b|function.?call",
    "response_format": r"response.?format|json.?schema|json.?object|json.?mode|structured.?output",
}
_CAPS = ("max_completion_tokens", "max_tokens")

_NO_MONEY = re.compile(
    r"insufficient.?(quota|balance|credit|funds)|billing_(hard_limit|not_active)", re.IGNORECASE
)
_TOO_LONG = re.compile(
    r"context.?(length|window|size)|max_model_len|maximum.{0,20}(model|prompt|input).{0,10}length"
    r"|(prompt|input|request|messages?).{0,60}too (long|large)|too many (input )?tokens"
    r"|exceeds?.{0,60}(tokens|context)|reduce the length",
    re.IGNORECASE | re.DOTALL,
)
_NO_MODEL = re.compile(
    r"model.{0,100}(not.?found|not exist|not available|unknown|no such)"
    r"|(unknown|invalid|no such|unsupported).{0,5}model\b",
    re.IGNORECASE | re.DOTALL,
)
_BAD_KEY = re.compile(r"api.?key|unauthori[sz]ed|authentication", re.IGNORECASE)
_FILTERED = re.compile(
    r"content.?(filter|policy|management)|moderation|flagged|safety", re.IGNORECASE
)
#: Codes of an answer that the endpoint itself found to be none of what was asked for.
_FAILED_OUTPUT = ("json_validate_failed", "tool_use_failed")


@dataclass
class AskAgain(Exception):
    """The same request may be answered later: after `wait_s`, if the endpoint named a time."""

    reason: str
    wait_s: float | None = None
    is_rate_limit: bool = False
    most_tries: int = 5
    may_retry: bool = True


@dataclass
class Rejected(Exception):
    """A request of this form is never answered; `names` are its parameters that are at fault."""

    names: tuple[str, ...] = ()


def fault(
    status: int,
    body: str,
    headers: Mapping[str, str],
    sent: Collection[str],
    address: str,
    model: str,
) -> Exception:
    """Return the exception that an error answer stands for.

    Args:
        body: text of the answer; none of it comes into a message.
        sent: names of the parameters that the request had.
    """
    error = _error(body)
    code = f"{error.get('code')} {error.get('type')}"
    if _NO_MONEY.search(code) or status == 402:
        return EndpointRefused(
            f"The LLM endpoint {address} says that the account's quota or credit is used up. "
            "Add credit there, or set OPENAI_API_KEY to a key of another account."
        )
    if status in (400, 403, 413, 422, 429) and (meant := _meant(error, body, status)):
        return meant
    if status in (400, 404, 405, 422, 501) and (names := _named(error, body, sent)):
        return Rejected(names)
    if status in (401, 403) or (status == 400 and _BAD_KEY.search(body)):
        return EndpointRefused(
            f"The LLM endpoint {address} refused the key, or its right to use the model {model} "
            f"({status}). Set OPENAI_API_KEY to a key that may, or FAILURE_INSIGHTS_MODEL."
        )
    if status == 404 or (status in (400, 422) and _NO_MODEL.search(f"{code} {body}")):
        return EndpointRefused(
            f"The LLM endpoint {address} has no model {model}, or no chat completions ({status}). "
            "Set FAILURE_INSIGHTS_MODEL to one that it has, or mend OPENAI_BASE_URL."
        )
    if status in (408, 409, 429) or status >= 500 or headers.get("x-should-retry") == "true":
        return AskAgain(
            f"it answered {status}",
            wait_s=retry_after(headers),
            is_rate_limit=status == 429,
            may_retry=headers.get("x-should-retry") != "false",
        )
    return Rejected()


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an endpoint asks to wait, or None if it names no time."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if not math.isnan(seconds):
            return max(0.0, seconds)
    try:
        when = email.utils.parsedate_to_datetime(headers.get("retry-after", ""))
        return max(0.0, when.timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _meant(error: Mapping[str, Any], body: str, status: int) -> Exception | None:
    """Return what is wrong with the request's words, if it is those."""
    code, message = str(error.get("code")), str(error.get("message") or "")
    if code in _FAILED_OUTPUT:
        return UnusableAnswer("The endpoint could not make the model answer in the asked form.")
    if status != 429 and _FILTERED.search(f"{code} {message}"):
        return UnusableAnswer("A filter of the endpoint refused the request.")
    # "max_tokens is too large: the context length is ..." speaks of the cap, not of the prompt.
    if any(error.get("param") == cap or re.match(rf"\W*{cap}", message) for cap in _CAPS):
        return None
    if status == 429 and not re.search("request too large", message, re.IGNORECASE):
        return None
    if status == 413 or code == "context_length_exceeded" or _TOO_LONG.search(message or body):
        return ContextTooLong("The request is longer than the model reads.")
    return None


def _named(error: Mapping[str, Any], body: str, sent: Collection[str]) -> tuple[str, ...]:
    """Return the sent parameters that an error names, the likeliest first."""
    parameter = re.split(r"[.\[]", str(error.get("param") or ""))[0]
    found = [(-1, parameter)] if parameter in sent and parameter in PARAMETERS else []
    found += [
        (hit.start(), name)
        for name, pattern in PARAMETERS.items()
        if name in sent and (hit := re.search(pattern, body, re.IGNORECASE))
    ]
    return tuple(dict.fromkeys(name for _, name in sorted(found)))


def _error(body: str) -> Mapping[str, Any]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {"message": body}
    if isinstance(parsed, list) and parsed:
        parsed = parsed[0]
    error = parsed.get("error", parsed) if isinstance(parsed, dict) else parsed
    return error if isinstance(error, dict) else {"message": str(error)}
