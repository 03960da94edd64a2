"""Telling a page of calls, as providers' list endpoints answer, from a call."""

from collections.abc import Mapping, Sequence
from typing import Any

from failure_insights.ingest.files.values import Unreadable

#: Where a page has its calls; the object around them has cursors and counts.
PAGE_FIELDS = (
    *("results", "calls", "items", "conversations", "data", "chats", "sessions"),
    *("call_logs", "callLogs", "records", "rows"),
)
#: Objects that stand around a page.
WRAPPERS = (*PAGE_FIELDS, "response", "result", "body", "payload")
#: What has one of these is a call, or an event of one, whatever lists it has.
_OF_A_CALL = frozenset(
    {
        *("id", "call_id", "callId", "conversation_id", "conversationId", "chat_id", "chatId"),
        *("session_id", "sessionId", "job_id", "jobId", "room_id", "roomId", "room"),
        *("transcript", "started_at", "startedAt", "messages"),
    }
)


def page_in(payload: Mapping[str, Any]) -> tuple[str, Sequence[Any]] | None:
    """Return where an object has calls (such as "results" or "data.calls") and these, or None.

    An object that says of what call it is, is no page; nor is a list of turns one.
    """
    if not names_no_call(payload):
        return None
    for field in WRAPPERS:
        match payload.get(field):
            case list() as items if field in PAGE_FIELDS and may_be_calls(items):
                return field, items
            case dict() as inner if page := page_in(inner):
                return f"{field}.{page[0]}", page[1]
    return None


def names_no_call(payload: Mapping[str, Any]) -> bool:
    """Return whether an object has no field that only a call has."""
    return _OF_A_CALL.isdisjoint(payload)


def may_be_calls(items: Sequence[Any]) -> bool:
    """Return whether a list may be one of calls, by its first item; an empty one may."""
    first: Any = next((item for item in items if not isinstance(item, Unreadable)), {})
    return isinstance(first, dict | list) and not is_turn(first)


def is_turn(item: object) -> bool:
    """Return whether an object is one turn of a conversation; no call has a role."""
    return isinstance(item, dict) and "role" in item and "transcript" not in item
