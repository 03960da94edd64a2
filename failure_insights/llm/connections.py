"""Open the HTTP client of an endpoint, in the event loop that is to use it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

from openai import AsyncOpenAI, Timeout

from failure_insights.llm.errors import EndpointRefused
from failure_insights.llm.limiter import Limiter
from failure_insights.llm.transport import Transport

OPENAI = "https://api.openai.com/v1"
CONNECT_S = 5.0


@asynccontextmanager
async def open_transport(
    base_url: str | None, api_key: str | None, limiter: Limiter, timeout_s: float
) -> AsyncIterator[Transport]:
    """Open the way to an endpoint for all audits of the running event loop.

    Raises:
        EndpointRefused: the address or the key cannot be one.
    """
    url = (base_url or OPENAI).strip()
    # Servers of one's own want no key; the client wants one all the same.
    key = (api_key or "none").strip()
    if not address_of(base_url):
        raise EndpointRefused(
            "OPENAI_BASE_URL is no web address; write one such as http://127.0.0.1:11434/v1."
        )
    if not (key.isascii() and key.isprintable()):
        raise EndpointRefused("OPENAI_API_KEY holds characters that no key has; mend it.")
    # Retries and deadlines are ours: the client knows neither the other requests nor the audit.
    client = AsyncOpenAI(
        base_url=url, api_key=key, timeout=Timeout(timeout_s, connect=CONNECT_S), max_retries=0
    )
    async with client:
        yield Transport(client, address_of(base_url), limiter, timeout_s)


def address_of(base_url: str | None) -> str:
    """Return the base URL without credentials; empty if it is no web address."""
    return _without_credentials((base_url or OPENAI).strip())


def _without_credentials(url: str) -> str:
    """Return the URL's scheme, host and path; empty if it lacks one of the first two."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host or not url.isprintable():
        return ""
    host = f"[{host}]" if ":" in host else host
    return urlunsplit((parts.scheme, host + port, parts.path.rstrip("/"), "", ""))
