"""Tell the store that a run's process is alive, so that rows of a dead run can be ended."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from failure_insights.store import queue

#: Seconds between two beats.
HEARTBEAT_S = 10.0

_log = logging.getLogger(__name__)


@contextmanager
def heartbeat(engine: Engine, run_id: str) -> Iterator[None]:
    """Write a beat of this run every `HEARTBEAT_S` seconds, as long as the block runs."""
    stop = Event()

    def beat() -> None:
        while not stop.wait(HEARTBEAT_S):
            try:
                with engine.begin() as connection:
                    queue.beat(connection, run_id)
            except SQLAlchemyError:
                _log.warning("A heartbeat could not be written; the next one may.")

    thread = Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
