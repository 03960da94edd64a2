"""A scripted OpenAI-compatible server over real HTTP: a script answers each request, or harms it.

with EndpointServer(lambda sent: says({"label": "T1"})) as server:
    ...  # point a client at server.url; look at server.sent afterwards
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from pydantic import BaseModel

#: About what one token is of English text; only has to be the same everywhere.
CHARACTERS_PER_TOKEN = 4
#: First byte of a client that takes the server for one of HTTPS.
TLS_HANDSHAKE = b"\x16"
COUNTED: Mapping[str, Any] = {}
#: Seconds between two looks at something that another thread does.
POLL_S = 0.005


@dataclass(frozen=True)
class Sent:
    """One request as the server saw it.

    `at` is in seconds of `time.monotonic()`, `at_once` how many the server then had in hand.
    """

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    at: float
    at_once: int

    @property
    def model(self) -> str:
        return str(self.body.get("model", ""))

    @property
    def messages(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.body.get("messages", [])
        return messages

    @property
    def system(self) -> str:
        return next((m["content"] for m in self.messages if m["role"] == "system"), "")

    @property
    def data(self) -> str:
        """Text of the last message of the user."""
        return next((m["content"] for m in reversed(self.messages) if m["role"] == "user"), "")

    @property
    def tools(self) -> list[str]:
        return [tool["function"]["name"] for tool in self.body.get("tools", [])]

    @property
    def schema_name(self) -> str | None:
        """Name of the strict schema, or of the tool that must be called."""
        format_ = self.body.get("response_format") or {}
        choice = self.body.get("tool_choice")
        if "json_schema" in format_:
            return str(format_["json_schema"]["name"])
        return str(choice["function"]["name"]) if isinstance(choice, dict) else None


@dataclass(frozen=True)
class Reply:
    """What the server does with a request; made by the functions below."""

    status: int = 200
    #: A completion's `choices` and `usage`, which the server rounds off, or a body as it is.
    body: bytes | dict[str, Any] = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Seconds before the first byte.
    delay_s: float = 0.0
    #: Seconds between single bytes of the body.
    drip_s: float = 0.0
    #: Close the connection before the body's end.
    cut: bool = False
    #: Set by the test when the first byte may be sent.
    may_go: Event | None = None

    def after(self, delay_s: float) -> "Reply":
        """Return the same reply, sent so many seconds later."""
        return replace(self, delay_s=delay_s)

    def when(self, event: Event) -> "Reply":
        """Return the same reply, sent when the event is set."""
        return replace(self, may_go=event)


Script = Callable[[Sent], Reply]


def says(
    value: object,
    *,
    finish: str = "stop",
    usage: Mapping[str, Any] | None = COUNTED,
    delay_s: float = 0.0,
    headers: Mapping[str, str] | None = None,
    **fields: Any,
) -> Reply:
    """Return an assistant's message: text as it is, None as null, all else as JSON.

    `usage=None` leaves the usage out; `fields` are more of the message's, such as `refusal`.
    """
    if isinstance(value, BaseModel):
        text: str | None = value.model_dump_json()
    else:
        text = value if value is None or isinstance(value, str) else json.dumps(value)
    message = {"role": "assistant", "content": text, **fields}
    return _completion(message, finish, usage, delay_s, headers)


def uses_tools(
    uses: Sequence[tuple[str, object]],
    text: str | None = None,
    *,
    finish: str = "tool_calls",
    usage: Mapping[str, Any] | None = COUNTED,
    delay_s: float = 0.0,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Return an assistant's turn that uses tools; arguments are JSON text, or made into it."""
    calls = []
    for number, (name, arguments) in enumerate(uses):
        if isinstance(arguments, BaseModel):
            arguments = arguments.model_dump(mode="json")
        written = arguments if isinstance(arguments, str) else json.dumps(arguments)
        function = {"name": name, "arguments": written}
        calls.append({"id": f"use_{number}", "type": "function", "function": function})
    message = {"role": "assistant", "content": text, "tool_calls": calls}
    return _completion(message, finish, usage, delay_s, headers)


def answers(sent: Sent, value: object, **options: Any) -> Reply:
    """Return a value in the shape that was asked for: as a forced tool's use, or as text."""
    if isinstance(sent.body.get("tool_choice"), dict):
        return uses_tools([(str(sent.schema_name), value)], **options)
    return says(value, **options)


def fails(
    status: int,
    message: str = "",
    code: str | None = None,
    type: str | None = None,
    headers: Mapping[str, str] | None = None,
    **fields: Any,
) -> Reply:
    """Return an error as OpenAI words it; `fields` are more of the error's, such as `param`."""
    error = {"message": message, "type": type, "param": None, "code": code, **fields}
    return raw(status, json.dumps({"error": error}).encode(), headers=headers)


def raw(
    status: int,
    body: bytes,
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Return a body as it is."""
    return Reply(status, body, content_type, headers or {})


def drips(body: bytes, every_s: float) -> Reply:
    """Return a body byte by byte."""
    return Reply(body=body, drip_s=every_s)


def hangs(seconds: float) -> Reply:
    """Say nothing for so many seconds, then close the connection."""
    return Reply(status=0, delay_s=seconds)


def cuts(body: bytes) -> Reply:
    """Promise more than this body, and close the connection after it."""
    return Reply(body=body, cut=True)


def _completion(
    message: dict[str, Any],
    finish: str,
    usage: Mapping[str, Any] | None,
    delay_s: float,
    headers: Mapping[str, str] | None,
) -> Reply:
    choices = [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}]
    body: dict[str, Any] = {"choices": choices, "usage": usage}
    return Reply(body=body, delay_s=delay_s, headers=headers or {})


class EndpointServer:
    """The server, on a free port of this machine, from the block's beginning to its end.

    `url` is its base URL, `sent` every request it got, `most_at_once` the most it had in hand.
    The script may keep state: it is called for one request at a time. What it raises is raised
    again at the block's end.
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.url = ""
        self.sent: list[Sent] = []
        self.most_at_once = 0
        self._in_hand = 0
        self._script_error: Exception | None = None
        self._ready = Event()
        self._thread = Thread(target=self._run, name="endpoint", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        if self._script_error and not error:
            raise self._script_error

    @property
    def connections(self) -> int:
        """How many clients' connections are open."""
        return len(self._connections)

    def wait_until(self, condition: Callable[["EndpointServer"], bool]) -> None:
        """Return when a condition of this server holds.

        Raises:
            TimeoutError: it does not within ten seconds.
        """
        end = time.monotonic() + 10.0
        while not condition(self):
            if time.monotonic() > end:
                raise TimeoutError("The server was not seen in the state that the test waits for.")
            time.sleep(POLL_S)

    async def received(self, requests: int) -> None:
        """Return when the server has received this many requests."""
        await asyncio.to_thread(self.wait_until, lambda self: len(self.sent) >= requests)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=1024)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        self._ready.set()
        await self._end.wait()
        server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._keep_answering(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _keep_answering(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._answer(reader, writer):
                    pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first = await reader.readexactly(1)
        if first == TLS_HANDSHAKE:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\nThis is no HTTPS port.")
            return False
        path, headers, body = await _read_request(reader)
        self._in_hand += 1
        self.most_at_once = max(self.most_at_once, self._in_hand)
        sent = Sent(path, headers, body, time.monotonic(), self._in_hand)
        self.sent.append(sent)
        try:
            return await _send(self._reply(sent), sent, writer)
        finally:
            self._in_hand -= 1

    def _reply(self, sent: Sent) -> Reply:
        try:
            return self.script(sent)
        except Exception as error:
            self._script_error = error
            return fails(400, "The script raised an error.")


async def _read_request(
    reader: asyncio.StreamReader,
) -> tuple[str, Mapping[str, str], dict[str, Any]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return first.split(" ")[1], headers, json.loads(body) if body else {}


async def _send(reply: Reply, sent: Sent, writer: asyncio.StreamWriter) -> bool:
    """Send the reply; return whether the connection stays open."""
    await asyncio.sleep(reply.delay_s)
    while reply.may_go and not reply.may_go.is_set():
        await asyncio.sleep(POLL_S)
    if reply.status == 0:
        return False
    body = reply.body if isinstance(reply.body, bytes) else _round_off(reply.body, sent)
    headers = {
        "content-type": reply.content_type,
        "content-length": str(len(body) + (100 if reply.cut else 0)),
        **reply.headers,
    }
    reason = HTTPStatus(reply.status).phrase if reply.status in list(HTTPStatus) else "Unknown"
    lines = [f"HTTP/1.1 {reply.status} {reason}", *(f"{k}: {v}" for k, v in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    if reply.drip_s:
        for position in range(len(body)):
            writer.write(body[position : position + 1])
            await writer.drain()
            await asyncio.sleep(reply.drip_s)
    else:
        writer.write(body)
    await writer.drain()
    return not reply.cut


def _round_off(completion: Mapping[str, Any], sent: Sent) -> bytes:
    whole = {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 0,
        "model": sent.model,
        **completion,
    }
    if whole["usage"] is None:
        del whole["usage"]
    elif not whole["usage"]:
        asked = len(json.dumps(sent.messages)) // CHARACTERS_PER_TOKEN
        answered = len(json.dumps(whole["choices"])) // CHARACTERS_PER_TOKEN
        whole["usage"] = {
            "prompt_tokens": asked,
            "completion_tokens": answered,
            "total_tokens": asked + answered,
        }
    return json.dumps(whole).encode()
