"""What an endpoint means by an error: to be asked again, to be asked differently, or to stop."""

import email.utils
import json
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

#: Characters of a message that are looked at: further on it may repeat the request, whose words
#: must not decide what the error means.
_HEAD = 500

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
    r"\W*(the |requested |error:? ?)*(model\b.{0,100}(not.?found|not exist|not available|unknown)"
    r"|(unknown|invalid|no such|unsupported) model)",
    re.IGNORECASE | re.DOTALL,
)
_BAD_KEY = re.compile(
    r"\W*(the |your |an? )?((incorrect|invalid|missing|expired|wrong) )?api.?key", re.IGNORECASE
)
_FILTERED = re.compile(
    r"content.?(filter|policy|management)|moderation|invalid_prompt"
    r"|(input|prompt|content|request).{0,40}(flagged|safety)",
    re.IGNORECASE,
)
#: Codes of an answer that the endpoint itself found to be none of what was asked for.
_FAILED_OUTPUT = ("json_validate_failed", "tool_use_failed")


@dataclass(eq=False)
class AskAgain(Exception):
    """The same request may be answered later: after `wait_s`, if the endpoint named a time."""

    reason: str
    wait_s: float | None = None
    is_rate_limit: bool = False
    most_tries: int = 5
    may_retry: bool = True


@dataclass(eq=False)
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
    head = str(error.get("message") or body)[:_HEAD]
    if status == 402 or _NO_MONEY.search(code):
        return EndpointRefused(
            f"The LLM endpoint {address} says that the account's quota or credit is used up. "
            "Add credit there, or set OPENAI_API_KEY to a key of another account."
        )
    if meant := _meant(status, code, str(error.get("param")), head):
        return meant
    is_form = status in (400, 422)
    names = _named(str(error.get("param")), head, sent) if is_form or status == 404 else ()
    if "model_not_found" in code or (not names and is_form and _NO_MODEL.match(head)):
        status = 404
    elif names:
        return Rejected(names)
    if status in (401, 403) or (is_form and _BAD_KEY.match(head)):
        return EndpointRefused(
            f"The LLM endpoint {address} refused the key, or its right to use the model {model} "
            f"({status}). Set OPENAI_API_KEY to a key that may, or FAILURE_INSIGHTS_MODEL."
        )
    if status in (404, 405):
        return EndpointRefused(
            f"The LLM endpoint {address} has no model {model}, or no chat completions ({status}). "
            "Set FAILURE_INSIGHTS_MODEL to one that it has, or mend OPENAI_BASE_URL."
        )
    if is_form:
        return Rejected()
    wish = headers.get("x-should-retry")
    is_passing = status in (408, 409, 429) or status >= 500
    return AskAgain(
        f"it answered {status}",
        wait_s=retry_after(headers),
        is_rate_limit=status == 429,
        may_retry=wish == "true" or (is_passing and wish != "false"),
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an endpoint asks to wait; None: it names no time, or none to come."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        return seconds if seconds > 0 else None
    try:
        when = email.utils.parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    seconds = when.timestamp() - time.time()
    return seconds if seconds > 0 else None


def _meant(status: int, code: str, parameter: str, head: str) -> Exception | None:
    """Return what is wrong with the words of a request, if it is those."""
    if any(failed in code for failed in _FAILED_OUTPUT):
        return UnusableAnswer("The endpoint could not make the model answer in the asked form.")
    too_long = ContextTooLong("The request is longer than the model reads.")
    if status == 413 or re.search("context_(length|size)|exceed_context", code):
        return too_long
    if status == 429:  # It fits into no minute of the account's allowance.
        return too_long if re.match(r"\W*request too large", head, re.IGNORECASE) else None
    if status not in (400, 403, 422):
        return None
    if _FILTERED.search(f"{code} {head}"):
        return UnusableAnswer("A filter of the endpoint refused the request.")
    # "max_tokens is too large: the context length is ..." speaks of the cap, not of the prompt.
    is_cap = any(parameter == cap or re.match(rf"\W*{cap}", head) for cap in _CAPS)
    return too_long if _TOO_LONG.search(head) and not is_cap else None


def _named(parameter: str, head: str, sent: Collection[str]) -> tuple[str, ...]:
    """Return the sent parameters that an error names, the likeliest first."""
    first = re.split(r"[.\[]", parameter)[0]
    found = [(-1, first)] if first in sent and first in PARAMETERS else []
    found += [
        (hit.start(), name)
        for name, pattern in PARAMETERS.items()
        if name in sent and (hit := re.search(pattern, head, re.IGNORECASE))
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
