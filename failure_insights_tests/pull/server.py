"""A provider's API over real HTTP: a function answers each request, and faults go before it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Request:
    """One request as the server got it; `path` is decoded, `query` has every value."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: Any = None

    def one(self, name: str) -> str | None:
        """Return the value of a parameter that may be given once."""
        values = self.query.get(name, [])
        assert len(values) < 2, name
        return values[0] if values else None


@dataclass(frozen=True)
class Reply:
    """What the server answers: JSON, or bytes as they are."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


#: Takes the place of an answer, or lets the request through with None.
Fault = Callable[[Request], Reply | None]


def no_fault(_: Request) -> Reply | None:
    """Let every request through."""
    return None


class ProviderServer:
    """Serves one provider until the block ends. `requests` has what came, faults included."""

    def __init__(self, answer: Callable[[Request], Reply]) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self.fault: Fault = no_fault
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def paths(self) -> list[str]:
        return [request.path for request in self.requests]

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handle(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.fault(request) or self.answer(request)

    def _handler(provider) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one write an answer

            def do_GET(self) -> None:
                address = urlsplit(self.path)
                length = int(self.headers.get("Content-Length", 0))
                request = Request(
                    self.command,
                    unquote(address.path),
                    parse_qs(address.query, keep_blank_values=True),
                    {name.lower(): value for name, value in self.headers.items()},
                    json.loads(self.rfile.read(length)) if length else None,
                )
                reply = provider._handle(request)
                body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body)
                content = body if isinstance(body, bytes) else body.encode()
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


def refusing_once(reply: Reply, *, every: int = 1) -> Fault:
    """Return a fault that answers each `every`-th new request so, and lets it through again."""
    seen: set[str] = set()

    def fault(request: Request) -> Reply | None:
        key = f"{request.path} {sorted(request.query.items())} {request.body}"
        if key in seen:
            return None
        seen.add(key)
        return reply if len(seen) % every == 0 else None

    return fault


def failing_after(requests: int) -> Fault:
    """Return a fault that lets so many requests through, and refuses every later one."""
    count = 0

    def fault(_: Request) -> Reply | None:
        nonlocal count
        count += 1
        return Reply({}, 400) if count > requests else None

    return fault
