"""One provider's HTTP API: JSON in and out, with patience for its limits and its bad moments.

The key goes to the address that the source names and to no other: redirects are refused. What a
provider answers is never logged and never part of a message.
"""

import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import httpx
import orjson

from failure_insights.errors import FailureInsightsError

#: Of one request: to connect, and between two pieces of the answer.
TIMEOUT_S = 60.0
#: Tries of one request where the provider has a bad moment.
TRIES = 5
#: Longest pause that a provider may ask for; a longer one ends this pull, and the next goes on.
PATIENCE_S = 120.0
#: First pause after a failure without a Retry-After; each further one is twice as long.
FIRST_PAUSE_S = 1.0
#: A page of calls is a few megabytes; more than this is no page.
MAX_ANSWER_BYTES = 64 * 2**20

Params = Iterable[tuple[str, str | int | float | None]]


class SourceFailed(FailureInsightsError):
    """A provider could not be asked, or answered what cannot be used."""

    code = "source_failed"


class KeyRefused(SourceFailed):
    """The provider does not let this key in."""

    code = "source_key_refused"


class LimitReached(SourceFailed):
    """The provider asks for a longer pause than one pull waits."""

    code = "source_limit_reached"


class Gone(SourceFailed):
    """The provider has no such thing, or not any more."""

    code = "source_item_gone"


class BadMoment(SourceFailed):
    """The provider failed at one request again and again; the next pull tries it anew."""

    code = "source_request_failed"


@dataclass(slots=True)
class Api:
    """The API at a base URL. Paths begin with a slash; answers are parsed JSON.

    `heartbeat` is called before each wait and each request, so that a caller can renew a lease
    or end the pull by raising.
    """

    base_url: str
    headers: Mapping[str, str]
    client: httpx.Client
    first_pause_s: float = FIRST_PAUSE_S
    heartbeat: Callable[[], None] = lambda: None

    def get(self, path: str, params: Params = ()) -> Any:
        """Return the answer to a GET; parameters that are None are left out.

        Raises:
            KeyRefused, LimitReached, Gone, BadMoment, SourceFailed: see there.
        """
        given = [(name, str(value)) for name, value in params if value is not None]
        return self._answer("GET", path, params=given)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the answer to a POST of JSON; raises as `get` does."""
        return self._answer("POST", path, json=body)

    def _answer(self, method: str, path: str, **arguments: Any) -> Any:
        pause = self.first_pause_s
        for _ in range(TRIES - 1):
            self.heartbeat()
            try:
                return self._once(method, path, **arguments)
            except _Again as again:
                wait = again.wait_s if again.wait_s is not None else pause * random.uniform(1, 1.5)  # noqa: S311
                if wait > PATIENCE_S:
                    place = self._place(path)
                    raise LimitReached(
                        f"{place} asks for a pause of {wait:.0f} s; the next pull goes on"
                    ) from None
                time.sleep(wait)
                pause *= 2
        self.heartbeat()
        try:
            return self._once(method, path, **arguments)
        except _Again as again:
            kind = LimitReached if again.is_limit else BadMoment
            raise kind(f"{self._place(path)} failed {TRIES} times: {again.reason}") from None

    def _once(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            with self.client.stream(
                method, self.base_url + path, headers=dict(self.headers), **arguments
            ) as answer:
                self._require_success(answer, path)
                return self._json(answer, path)
        except httpx.TimeoutException:
            raise _Again("no answer in time") from None
        except httpx.TransportError as error:
            raise _Again(f"the connection failed ({type(error).__name__})") from None
        except httpx.InvalidURL:
            raise SourceFailed(f"{self._place(path)} is no address") from None

    def _require_success(self, answer: httpx.Response, path: str) -> None:
        status, place = answer.status_code, self._place(path)
        if status < 300:
            return
        if status < 400:
            raise SourceFailed(
                f"{place} redirects to another address, which is not given the key; "
                "put the right address into the source's base URL",
                code="source_redirects",
            )
        if status in (401, 403):
            raise KeyRefused(f"{place} does not let this key in (status {status})")
        if status in (404, 410, 501):
            raise Gone(f"{place} is not there (status {status})")
        if status in (408, 425, 429) or status >= 500:
            wait_s = _seconds_to_wait(answer.headers)
            raise _Again(f"status {status}", wait_s, is_limit=status == 429)
        raise SourceFailed(f"{place} refuses the request (status {status})")

    def _json(self, answer: httpx.Response, path: str) -> Any:
        body = bytearray()
        for piece in answer.iter_bytes():
            body += piece
            if len(body) > MAX_ANSWER_BYTES:
                raise SourceFailed(
                    f"{self._place(path)} answers with more than {MAX_ANSWER_BYTES // 2**20} MiB"
                )
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            raise SourceFailed(
                f"{self._place(path)} answers with something that is not JSON; "
                "is the base URL right?"
            ) from None

    def _place(self, path: str) -> str:
        return f"{self.base_url}{path}"


class _Again(Exception):
    """A request that may go well later; `wait_s` where the provider says when."""

    def __init__(self, reason: str, wait_s: float | None = None, *, is_limit: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait_s = wait_s
        self.is_limit = is_limit


def new_client() -> httpx.Client:
    """Return a client for the requests of one pull; the caller closes it."""
    return httpx.Client(
        timeout=TIMEOUT_S,
        follow_redirects=False,
        headers={"User-Agent": "failure-insights", "Accept": "application/json"},
    )


def segment(value: str) -> str:
    """Return a stranger's ID as one segment of a path, whatever characters it has.

    Raises:
        Gone: no path can be made of it.
    """
    if not value.strip("."):
        raise Gone(f"{value!r} cannot be asked for")
    return quote(value, safe="")


def objects(value: Any, *fields: str) -> list[Mapping[str, Any]]:
    """Return the objects of a list, or of the first of these fields that holds one.

    Raises:
        SourceFailed: there is no such list.
    """
    found = value
    if isinstance(value, Mapping):
        found = next((value[name] for name in fields if isinstance(value.get(name), list)), None)
    if not isinstance(found, list):
        raise SourceFailed(f"the provider's answer holds no list of {' or '.join(fields)}")
    return [item for item in found if isinstance(item, Mapping)]


def _seconds_to_wait(headers: httpx.Headers) -> float | None:
    """Return the seconds that Retry-After names, as a number or a date; None: it names none."""
    value = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(
        0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    )
