"""Vapi: calls by the time of their last change, whole as they are listed.

`GET /call` (vapi_server_sdk 3.0, `calls.list`) has a limit and no pages, so a stretch of time with
too many calls is halved until each half fits: whatever order Vapi lists them in, none is missed.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from failure_insights.pull.api import Api, SourceFailed, objects
from failure_insights.pull.provider import Item, Payload
from failure_insights.pull.times import written

#: Calls of one answer; whole calls are large.
PAGE = 100
#: The most that Vapi gives at once, for a moment that cannot be halved.
MAX_PAGE = 1000
#: Vapi's times have milliseconds.
MOMENT = timedelta(milliseconds=1)

_ENDED = "ended"


class Vapi:
    """Asks Vapi for calls, of one assistant or of all."""

    #: A change after the end, such as the analysis, changes `updatedAt`.
    overlap = timedelta(hours=1)
    #: Lists hold whole calls, so that what is listed again is downloaded again.
    stretch = timedelta(hours=1)

    def __init__(self, api: Api, only: str | None = None, page: int = PAGE) -> None:
        self.api = api
        self.only = only
        self.page = page

    def pages(self, start: datetime, end: datetime) -> Iterator[Sequence[Item]]:
        if start >= end:
            return
        is_moment = end - start <= MOMENT
        calls = self._calls(start, end, MAX_PAGE if is_moment else self.page)
        if len(calls) < (MAX_PAGE if is_moment else self.page):
            yield [_item(call) for call in calls if call.get("status", _ENDED) == _ENDED]
        elif is_moment:
            raise SourceFailed(f"Vapi has {MAX_PAGE} calls or more that changed at {start}")
        else:
            middle = start + max((end - start) / 2, MOMENT)
            yield from self.pages(start, middle)
            yield from self.pages(middle, end)

    def payload(self, item: Item) -> Payload:
        return item.payload or {}

    def _calls(self, start: datetime, end: datetime, limit: int) -> list[Payload]:
        answer = self.api.get(
            "/call",
            [
                ("assistantId", self.only),
                ("updatedAtGe", written(start)),
                ("updatedAtLt", written(end)),
                ("limit", limit),
            ],
        )
        return objects(answer, "results")


def _item(call: Payload) -> Item:
    changed = call.get("updatedAt") or call.get("endedAt") or call.get("createdAt")
    return Item(str(call.get("id")), str(changed), call)
