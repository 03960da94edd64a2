"""Langfuse: what was traced or scored lately, and each session or trace of it whole.

It has two dialects, and a server says which by what it does not have. Langfuse 4 and the Cloud
have rows of observations (`langfuse_rows`); Langfuse 3 and 2 have traces (`langfuse_traces`). See
langfuse.com, "Migration of deprecated APIs"; the Cloud took the old ones out in November 2026.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from failure_insights.pull.api import Api, Gone
from failure_insights.pull.langfuse_rows import Rows
from failure_insights.pull.langfuse_traces import Traces
from failure_insights.pull.provider import Item, Payload


class Langfuse:
    """Asks Langfuse for sessions and traces, of one environment or of all."""

    #: What older SDKs trace can be seen 15 minutes later. Scores come by their own time.
    overlap = timedelta(hours=2)
    stretch = timedelta(hours=6)

    def __init__(self, api: Api, only: str | None = None) -> None:
        self._rows = Rows(api, only)
        self._traces = Traces(api, only)
        self._has_rows = True

    def pages(self, start: datetime, end: datetime) -> Iterator[Sequence[Item]]:
        if self._has_rows:
            try:
                yield self._rows.items(start, end)
                return
            except Gone:
                self._has_rows = False
        yield self._traces.items(start, end)

    def payload(self, item: Item) -> Payload | None:
        return (self._rows if self._has_rows else self._traces).payload(item)
