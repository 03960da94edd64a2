"""The way from each event loop to the endpoint: opened when first needed, closed with its loop."""

import asyncio
from collections.abc import AsyncGenerator
from urllib.parse import urlsplit, urlunsplit

from openai import AsyncOpenAI, Timeout

from failure_insights.llm.errors import EndpointRefused
from failure_insights.llm.limiter import Limiter
from failure_insights.llm.transport import Transport

OPENAI = "https://api.openai.com/v1"
CONNECT_S = 5.0


class Connections:
    """One client and one limiter for all audits of an event loop.

    `address` is the base URL without credentials; empty if it is no web address.
    """

    def __init__(
        self,
        base_url: str | None,
        api_key: str | None,
        concurrency: int,
        timeout_s: float,
        backoff_s: float,
    ) -> None:
        self._url = (base_url or OPENAI).strip()
        # Servers of one's own want no key; the client wants one all the same.
        self._api_key = (api_key or "none").strip()
        self._concurrency = concurrency
        self._timeout_s = timeout_s
        self._backoff_s = backoff_s
        self.address = _without_credentials(self._url)
        self._open: dict[asyncio.AbstractEventLoop, Transport] = {}
        self._closers: dict[asyncio.AbstractEventLoop, AsyncGenerator[Transport]] = {}

    async def transport(self) -> Transport:
        """Return the running loop's transport.

        Raises:
            EndpointRefused: the address or the key cannot be one.
        """
        loop = asyncio.get_running_loop()
        if loop not in self._open:
            self._refuse_bad_settings()
            # A loop that ends closes the async generators that began in it: the one hook it has.
            self._closers[loop] = closer = self._opened(loop)
            self._open[loop] = await anext(closer)
        return self._open[loop]

    async def _opened(self, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[Transport]:
        # Retries and deadlines are ours: the client knows neither the other requests nor the audit.
        client = AsyncOpenAI(
            base_url=self._url,
            api_key=self._api_key,
            timeout=Timeout(self._timeout_s, connect=CONNECT_S),
            max_retries=0,
        )
        limiter = Limiter(self._concurrency, self._backoff_s)
        async with client:
            try:
                yield Transport(client, self.address, limiter, self._timeout_s)
            finally:
                del self._open[loop], self._closers[loop]

    def _refuse_bad_settings(self) -> None:
        if not self.address:
            raise EndpointRefused(
                "OPENAI_BASE_URL is no web address; write one such as http://127.0.0.1:11434/v1."
            )
        if not (self._api_key.isascii() and self._api_key.isprintable()):
            raise EndpointRefused("OPENAI_API_KEY holds characters that no key has; mend it.")


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
