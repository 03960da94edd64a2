"""Send one HTTP request to an endpoint's chat completions, and read a bounded answer."""

import logging
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import httpx2

from failure_insights.llm.errors import EndpointRefused

#: The endpoint that an unset OPENAI_BASE_URL means.
OPENAI = "https://api.openai.com/v1"
#: Seconds until a connection must stand.
CONNECT_TIMEOUT_S = 5.0
#: Bytes of one answer, after decompression. The longest that an audit asks for, 16,000 tokens,
#: are some 100,000 bytes; a server may add a model's thoughts to them.
MAX_ANSWER_BYTES = 2_000_000

# At lower levels they log URLs, which may hold keys.
for _name in ("httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True)
class HttpAnswer:
    """Status, headers (names in lower case) and decoded text of an answer."""

    status: int
    headers: httpx2.Headers
    text: str


@dataclass(eq=False)
class NoHttpAnswer(Exception):
    """No answer that can be read came back.

    `is_timeout`: the server was too slow. `is_too_long`: it sent more than `MAX_ANSWER_BYTES`.
    """

    reason: str
    is_timeout: bool = False
    is_too_long: bool = False


class HttpClient:
    """Posts to one endpoint; made by `open_http_client`.

    `address` is the base URL without credentials, which errors and rows may show.
    """

    def __init__(self, client: httpx2.AsyncClient, url: httpx2.URL, address: str) -> None:
        self.address = address
        self._client = client
        self._url = url

    async def post(self, body: bytes) -> HttpAnswer:
        """Post a JSON body and return the whole answer, whatever its status.

        Raises:
            NoHttpAnswer: the connection failed, or the answer cannot be read.
        """
        try:
            async with self._client.stream("POST", self._url, content=body) as response:
                decode = _decoder(response.headers.get("content-encoding", "identity").lower())
                answer = bytearray()
                # Raw: the client's own decoding has no bound, and 300 kB of gzip can be 300 MB.
                async for chunk in response.aiter_raw():
                    answer += decode(chunk)
                    if len(answer) > MAX_ANSWER_BYTES:
                        raise NoHttpAnswer(
                            f"it sent more than {MAX_ANSWER_BYTES:,} bytes", is_too_long=True
                        )
        except httpx2.TimeoutException:
            raise NoHttpAnswer("it did not answer in time", is_timeout=True) from None
        except httpx2.TransportError as error:
            # Its text may hold the URL, and with it a key.
            raise NoHttpAnswer(f"the connection failed ({type(error).__name__})") from None
        except zlib.error:
            raise NoHttpAnswer("it sent what cannot be decompressed") from None
        return HttpAnswer(response.status_code, response.headers, answer.decode("utf-8", "replace"))


@asynccontextmanager
async def open_http_client(
    base_url: str | None, api_key: str | None, timeout_s: float
) -> AsyncIterator[HttpClient]:
    """Open a client for the block, in the running event loop.

    Args:
        base_url: of an OpenAI-compatible API, such as `http://host/v1`; None: OpenAI's own.
        api_key: sent as a bearer token; None for servers that want none.
        timeout_s: seconds between two bytes; the whole request's deadline is the caller's.

    Raises:
        EndpointRefused: the address or the key cannot be one.
    """
    address = address_of(base_url)
    if not address:
        raise EndpointRefused(
            "OPENAI_BASE_URL is no web address; write one such as http://127.0.0.1:11434/v1.",
            code="llm_bad_address",
        )
    headers = {
        "accept": "application/json",
        # Answers are some kilobytes: compressing them gains nothing.
        "accept-encoding": "identity",
        "content-type": "application/json",
        "user-agent": "failure-insights",
    }
    if key := (api_key or "").strip():
        if not (key.isascii() and key.isprintable()):
            raise EndpointRefused(
                "OPENAI_API_KEY holds characters that no key has; correct it.", code="llm_bad_key"
            )
        headers["authorization"] = f"Bearer {key}"
    base = httpx2.URL((base_url or OPENAI).strip())
    url = base.copy_with(path=base.path.rstrip("/") + "/chat/completions", fragment=None)
    async with httpx2.AsyncClient(
        headers=headers,
        timeout=httpx2.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S),
        # The limiter decides how many requests there are at once.
        limits=httpx2.Limits(max_connections=None),
        # Transcripts go to the endpoint that was set, and to nobody else.
        follow_redirects=False,
    ) as client:
        yield HttpClient(client, url, address)


def address_of(base_url: str | None) -> str:
    """Return a URL's scheme, host, port and path; empty if it is no web address.

    What is left out may be a secret: user and password, query, fragment.
    """
    url = (base_url or OPENAI).strip()
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        httpx2.URL(url)
    except (ValueError, httpx2.InvalidURL):
        return ""
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host or not url.isprintable():
        return ""
    host = f"[{host}]" if ":" in host else host
    return urlunsplit((parts.scheme, host + port, parts.path.rstrip("/"), "", ""))


def _decoder(encoding: str) -> Callable[[bytes], bytes]:
    """Return what decompresses chunk by chunk, each to little more than the most that is read."""
    if encoding in ("", "identity"):
        return bytes
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise NoHttpAnswer("it sent an encoding that was not asked for")
    stream = zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: gzip or zlib, as its head says
    return lambda chunk: stream.decompress(chunk, MAX_ANSWER_BYTES + 1)
