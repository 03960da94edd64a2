"""ElevenLabs: conversations by the time of their start; a list of summaries, then each one whole.

`GET /v1/convai/conversations` (elevenlabs 2.78, `conversations.list`) pages by a cursor;
`GET /v1/convai/conversations/ID` is what the post-call webhook sends as `data`.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from math import ceil, floor

import orjson

from failure_insights.pull.api import Api, objects, segment
from failure_insights.pull.provider import Item, Payload

#: The most that ElevenLabs gives at once.
PAGE = 100

_ENDED = ("done", "failed")
_PATH = "/v1/convai/conversations"


class ElevenLabs:
    """Asks ElevenLabs for conversations, of one agent or of all."""

    overlap = timedelta(hours=24)
    stretch = timedelta(days=1)

    def __init__(self, api: Api, only: str | None = None, page: int = PAGE) -> None:
        self.api = api
        self.only = only
        self.page = page

    def pages(self, start: datetime, end: datetime) -> Iterator[Sequence[Item]]:
        cursor = None
        while True:
            answer = self.api.get(
                _PATH,
                [
                    ("agent_id", self.only),
                    # Whole seconds, and whether the ends count is not documented.
                    ("call_start_after_unix", floor(start.timestamp()) - 1),
                    ("call_start_before_unix", ceil(end.timestamp())),
                    ("page_size", self.page),
                    ("cursor", cursor),
                ],
            )
            entries = objects(answer, "conversations")
            yield [
                _item(entry)
                for entry in entries
                if entry.get("conversation_id") and entry.get("status", "done") in _ENDED
            ]
            cursor = answer.get("next_cursor") if isinstance(answer, dict) else None
            if not cursor or not entries or not answer.get("has_more", True):
                return

    def payload(self, item: Item) -> Payload:
        answer = self.api.get(f"{_PATH}/{segment(item.id)}")
        return answer if isinstance(answer, dict) else {}


def _item(entry: Payload) -> Item:
    fingerprint = hashlib.blake2b(
        orjson.dumps(entry, option=orjson.OPT_SORT_KEYS), digest_size=12
    ).hexdigest()
    return Item(str(entry["conversation_id"]), fingerprint)
