"""Turn an error answer into an exception: ask again, ask differently, or stop."""

import email.utils
import json
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from failure_insights.llm.error_rules import (
    BAD_REQUEST,
    ERROR_RULES,
    FALLBACK_RULES,
    PARAMETER_RULES,
    ErrorAnswer,
    Meaning,
)
from failure_insights.llm.errors import ContextTooLong, EndpointRefused, UnusableAnswer
from failure_insights.llm.http_client import address_of

#: Characters of a message that are read: further on it may repeat the request, whose words must
#: not decide what the error means.
MESSAGE_HEAD = 500
#: Statuses of errors that pass by themselves, besides all from 500 on.
PASSING = (408, 409, 429)
#: Attempts at one request that meets passing errors.
MOST_ATTEMPTS = 5

_PARAMETERS = frozenset(rule.name for rule in PARAMETER_RULES)


@dataclass(eq=False)
class AskAgain(Exception):
    """The same request may be answered later: after `wait_s`, if the endpoint named a time."""

    reason: str
    wait_s: float | None = None
    is_rate_limit: bool = False
    most_attempts: int = MOST_ATTEMPTS
    may_retry: bool = True


@dataclass(eq=False)
class Rejected(Exception):
    """A request of this form is never answered; `names` are the parameters at fault, if known."""

    names: tuple[str, ...] = ()


def error_of(
    status: int,
    body: str,
    headers: Mapping[str, str],
    *,
    sent: Collection[str],
    address: str,
    model: str,
) -> Exception:
    """Return the exception that an error answer stands for.

    Args:
        body: text of the answer; no word of it comes into a message of ours.
        sent: names of the parameters that the request had.
    """
    error = read_error(status, body)
    meaning, names = meaning_of(error, sent)
    if names:
        return Rejected(names)
    if meaning:
        return _exception(meaning, status, headers, address, model)
    if status in BAD_REQUEST:
        return Rejected()
    wish = headers.get("x-should-retry")  # OpenAI's, as its own client reads it.
    is_passing = status in PASSING or status >= 500
    return AskAgain(
        f"it answered {status}",
        wait_s=retry_after(headers),
        is_rate_limit=status == 429,
        may_retry=wish == "true" or (is_passing and wish != "false"),
    )


def read_error(status: int, body: str) -> ErrorAnswer:
    """Return the parts of an error answer that the rules look at."""
    fields = _fields(body)
    return ErrorAnswer(
        status,
        code=f"{fields.get('code')} {fields.get('type')}",
        parameter=str(fields.get("param")),
        message=str(fields.get("message") or body)[:MESSAGE_HEAD],
    )


def meaning_of(error: ErrorAnswer, sent: Collection[str]) -> tuple[Meaning | None, tuple[str, ...]]:
    """Return what an error means; or "parameter" and the sent parameters that it names.

    (None, ()) stands for an error that no rule knows.
    """
    meaning = next((rule.meaning for rule in ERROR_RULES if rule.matches(error)), None)
    if meaning not in (None, "parameter"):
        return meaning, ()
    if error.status in (*BAD_REQUEST, 404) and (names := _named(error, sent)):
        return "parameter", names
    return next((rule.meaning for rule in FALLBACK_RULES if rule.matches(error)), None), ()


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an endpoint asks to wait; None if it names no time to come."""
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit_s
        except ValueError:
            continue
        return seconds if seconds > 0 else None
    try:
        when = email.utils.parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    seconds = when.timestamp() - time.time()
    return seconds if seconds > 0 else None


def _named(error: ErrorAnswer, sent: Collection[str]) -> tuple[str, ...]:
    """Return the sent parameters that an error names, the likeliest first."""
    first = re.split(r"[.\[]", error.parameter)[0]
    places = [(-1, first)] if first in sent and first in _PARAMETERS else []
    places += [
        (match.start(), rule.name)
        for rule in PARAMETER_RULES
        if rule.name in sent and (match := re.search(rule.pattern, error.message, re.IGNORECASE))
    ]
    return tuple(dict.fromkeys(name for _, name in sorted(places)))


def _exception(
    meaning: Meaning, status: int, headers: Mapping[str, str], address: str, model: str
) -> Exception:
    match meaning:
        case "too_long":
            return ContextTooLong("The request is longer than the model reads.")
        case "filtered":
            return UnusableAnswer(
                "A filter of the endpoint refused the request.", code="llm_filtered"
            )
        case "bad_output":
            return UnusableAnswer("The endpoint could not make the model answer in this form.")
        case "no_credit":
            return EndpointRefused(
                f"The LLM endpoint {address} says that the account's quota or credit is used up. "
                "Add credit there, or set OPENAI_API_KEY to a key of another account.",
                code="llm_no_credit",
            )
        case "bad_key":
            return EndpointRefused(
                f"The LLM endpoint {address} refused the key, or its right to use the model "
                f"{model} ({status}). Set OPENAI_API_KEY to a key that may, or "
                "FAILURE_INSIGHTS_MODEL.",
                code="llm_bad_key",
            )
        case "no_model":
            return EndpointRefused(
                f"The LLM endpoint {address} has no model {model}, or no chat completions "
                f"({status}). Set FAILURE_INSIGHTS_MODEL to one that it has, or correct "
                "OPENAI_BASE_URL.",
                code="llm_no_model",
            )
        case "redirect":
            target = address_of(headers.get("location") or "-") or "another place"
            return EndpointRefused(
                f"The LLM endpoint {address} redirects to {target} ({status}). Calls are sent to "
                "the endpoint that is set, and to nobody else: set OPENAI_BASE_URL to the address "
                "that answers itself.",
                code="llm_redirect",
            )
        case "parameter":
            return Rejected()


def _fields(body: str) -> Mapping[str, Any]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {"message": body}
    if isinstance(parsed, list) and parsed:
        parsed = parsed[0]
    error = parsed.get("error", parsed) if isinstance(parsed, dict) else parsed
    return error if isinstance(error, dict) else {"message": str(error)}
