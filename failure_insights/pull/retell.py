"""Retell: calls and chats by the time of their start; lists have no transcripts, details have.

`POST /v3/list-calls` and `/v3/list-chats` (retell-sdk 6.2) page by an opaque key;
`GET /v2/get-call/ID` and `/get-chat/ID` give a call whole, as the `call_analyzed` webhook does.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import orjson

from failure_insights.pull.api import Api, Gone, KeyRefused, objects, segment
from failure_insights.pull.provider import Item, Payload

PAGE = 200

#: Of a listed item, what tells that its details have changed.
_TELLS = (
    *("call_status", "chat_status", "end_timestamp", "disconnection_reason"),
    *("call_analysis", "chat_analysis", "transfer_end_timestamp", "metadata"),
)
_UNDER_WAY = ("registered", "ongoing")
_CHAT = "chat:"


class Retell:
    """Asks Retell for calls and chats, of one agent or of all."""

    #: An analysis comes minutes after a call, and a call may be re-analyzed.
    overlap = timedelta(hours=24)
    stretch = timedelta(days=1)

    def __init__(self, api: Api, only: str | None = None, page: int = PAGE) -> None:
        self.api = api
        self.only = only
        self.page = page

    def pages(self, start: datetime, end: datetime) -> Iterator[Sequence[Item]]:
        yield from self._pages("/v3/list-calls", "call", start, end)
        try:
            yield from self._pages("/v3/list-chats", "chat", start, end)
        except (Gone, KeyRefused):
            return  # a workspace without chats

    def payload(self, item: Item) -> Payload:
        if item.id.startswith(_CHAT):
            answer = self.api.get(f"/get-chat/{segment(item.id.removeprefix(_CHAT))}")
        else:
            answer = self.api.get(f"/v2/get-call/{segment(item.id)}")
        return answer if isinstance(answer, dict) else {}

    def _pages(
        self, path: str, kind: str, start: datetime, end: datetime
    ) -> Iterator[Sequence[Item]]:
        criteria: dict[str, object] = {
            "start_timestamp": {"type": "range", "op": "bt", "value": [_ms(start), _ms(end)]}
        }
        if self.only:
            criteria["agent"] = [{"agent_id": self.only}]
        body: dict[str, object] = {
            "filter_criteria": criteria,
            "sort_order": "ascending",
            "limit": self.page,
        }
        while True:
            answer = self.api.post(path, body)
            items = objects(answer, "items")
            yield [
                _item(kind, entry)
                for entry in items
                if entry.get(f"{kind}_id") and entry.get(f"{kind}_status") not in _UNDER_WAY
            ]
            key = answer.get("pagination_key") if isinstance(answer, dict) else None
            if not key or not items or not answer.get("has_more", True):
                return
            body = {**body, "pagination_key": key}


def _item(kind: str, entry: Payload) -> Item:
    tells = [entry.get(name) for name in _TELLS]
    fingerprint = hashlib.blake2b(
        orjson.dumps(tells, option=orjson.OPT_SORT_KEYS), digest_size=12
    ).hexdigest()
    prefix = _CHAT if kind == "chat" else ""
    return Item(f"{prefix}{entry[f'{kind}_id']}", fingerprint)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
