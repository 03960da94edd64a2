"""Run an endpoint with a fixed latency in a process of its own: its work is not the client's."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

from failure_insights_tests.endpoint.server import EndpointServer, Sent
from failure_insights_tests.quality.reader import Reader


@dataclass(frozen=True)
class SlowEndpoint:
    """Where it is, and a way to ask what it was sent."""

    url: str
    latency_s: float
    pipe: Connection

    def sent(self) -> list[Sent]:
        """Return the requests since the last time that this was asked."""
        self.pipe.send("sent")
        found: list[Sent] = self.pipe.recv()
        return found


@contextmanager
def slow_endpoint(latency_s: float) -> Iterator[SlowEndpoint]:
    """Give an endpoint behind which an oracle answers every request after so many seconds."""
    pipe, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, latency_s))
    process.start()
    theirs.close()  # So that the end of the process is told, and not waited for.
    try:
        yield SlowEndpoint(pipe.recv(), latency_s, pipe)
    finally:
        pipe.send("end")
        process.join()


def _serve(pipe: Connection, latency_s: float) -> None:
    with EndpointServer(Reader(delay_s=latency_s)) as server:
        pipe.send(server.url)
        while pipe.recv() == "sent":
            pipe.send([*server.sent])
            server.sent.clear()
