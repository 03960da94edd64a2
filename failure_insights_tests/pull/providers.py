"""What the tests' servers hold: a provider's calls, listed and paged as that provider does."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from failure_insights_tests.pull.server import Reply, Request

NOW = datetime(2026, 11, 25, 6, tzinfo=UTC)


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


@dataclass
class FakeCall:
    """One call; `changed` is when it, its analysis or its verdict last changed."""

    id: str
    start: datetime
    changed: datetime
    is_over: bool = True
    words: str = "Hello."
    passed: bool | None = None


def calls(count: int, *, every: timedelta = timedelta(minutes=20)) -> list[FakeCall]:
    """Return calls that ended before NOW, the newest an hour ago."""
    starts = [NOW - timedelta(hours=1) - number * every for number in range(count)]
    return [
        FakeCall(f"call-{number}", start, start + timedelta(minutes=5))
        for number, start in enumerate(starts)
    ]


@dataclass
class FakeVapi:
    """`GET /call`: newest first, at most `limit`, by time of change; whole calls."""

    calls: list[FakeCall]

    def __call__(self, request: Request) -> Reply:
        assert request.path == "/call"
        if request.headers.get("authorization") != "Bearer key":
            return Reply({"message": "Invalid Key."}, 401)
        low, high = request.one("updatedAtGe") or "", request.one("updatedAtLt") or "~"
        limit = int(request.one("limit") or 100)
        assert limit <= 1000
        assistant = request.one("assistantId")
        found = [
            call
            for call in sorted(self.calls, key=lambda call: call.start, reverse=True)
            if low <= iso(call.changed) < high and assistant in (None, "asst-1")
        ]
        return Reply([self.call(call) for call in found[:limit]])

    def call(self, call: FakeCall) -> dict[str, Any]:
        analysis = {} if call.passed is None else {"successEvaluation": str(call.passed).lower()}
        return {
            "id": call.id,
            "assistantId": "asst-1",
            "status": "ended" if call.is_over else "in-progress",
            "createdAt": iso(call.start),
            "startedAt": iso(call.start),
            "endedAt": iso(call.changed),
            "updatedAt": iso(call.changed),
            "analysis": analysis,
            "artifact": {
                "messages": [{"role": "bot", "message": call.words, "secondsFromStart": 1}]
            },
        }


@dataclass
class FakeRetell:
    """`POST /v3/list-calls` in pages without transcripts, and `GET /v2/get-call/ID`."""

    calls: list[FakeCall]
    has_chats: bool = False

    def __call__(self, request: Request) -> Reply:
        if request.headers.get("authorization") != "Bearer key":
            return Reply({"error_message": "Unauthorized"}, 401)
        if request.path == "/v3/list-calls":
            return self.listed(request.body)
        if request.path == "/v3/list-chats":
            return Reply({"items": [], "has_more": False}) if self.has_chats else Reply({}, 404)
        call = by_path(self.calls, request.path, "/v2/get-call/")
        return (
            Reply({"error_message": "Not found"}, 404) if call is None else Reply(self.call(call))
        )

    def listed(self, body: dict[str, Any]) -> Reply:
        low, high = body["filter_criteria"]["start_timestamp"]["value"]
        assert body["sort_order"] == "ascending"
        found = [c for c in sorted(self.calls, key=lambda c: c.start) if low <= ms(c.start) <= high]
        first = int(body.get("pagination_key", "0"))
        items = [self.call(call) for call in found[first : first + body["limit"]]]
        for item in items:
            del item["transcript_object"]
        last = first + len(items)
        more = {"pagination_key": str(last)} if last < len(found) else {}
        return Reply({"items": items, "has_more": last < len(found), **more})

    def call(self, call: FakeCall) -> dict[str, Any]:
        analysis = {} if call.passed is None else {"call_successful": call.passed}
        return {
            "call_id": call.id,
            "agent_id": "agent-1",
            "call_status": "ended" if call.is_over else "ongoing",
            "start_timestamp": ms(call.start),
            "end_timestamp": ms(call.changed),
            "call_analysis": analysis,
            "transcript_object": [{"role": "agent", "content": call.words, "words": []}],
        }


@dataclass
class FakeElevenLabs:
    """`GET /v1/convai/conversations` newest first in pages, and each conversation whole."""

    calls: list[FakeCall]
    path: str = field(default="/v1/convai/conversations", init=False)

    def __call__(self, request: Request) -> Reply:
        if request.headers.get("xi-api-key") != "key":
            return Reply({"detail": {"status": "invalid_api_key"}}, 401)
        if request.path == self.path:
            return self.listed(request)
        call = by_path(self.calls, request.path, f"{self.path}/")
        return Reply({"detail": "gone"}, 404) if call is None else Reply(self.conversation(call))

    def listed(self, request: Request) -> Reply:
        low = int(request.one("call_start_after_unix") or 0)
        high = int(request.one("call_start_before_unix") or 2**40)
        size = int(request.one("page_size") or 30)
        assert size <= 100
        found = [
            call
            for call in sorted(self.calls, key=lambda call: call.start, reverse=True)
            if low < call.start.timestamp() < high
        ]
        first = int(request.one("cursor") or 0)
        page = found[first : first + size]
        last = first + len(page)
        return Reply(
            {
                "conversations": [self.summary(call) for call in page],
                "has_more": last < len(found),
                "next_cursor": str(last) if last < len(found) else None,
            }
        )

    def summary(self, call: FakeCall) -> dict[str, Any]:
        success = {True: "success", False: "failure", None: "unknown"}[call.passed]
        return {
            "conversation_id": call.id,
            "agent_id": "agent-1",
            "status": "done" if call.is_over else "in-progress",
            "start_time_unix_secs": int(call.start.timestamp()),
            "call_successful": success,
        }

    def conversation(self, call: FakeCall) -> dict[str, Any]:
        criteria = {}
        if call.passed is not None:
            result = "success" if call.passed else "failure"
            criteria = {"polite": {"criteria_id": "polite", "result": result, "rationale": "So."}}
        return {
            "conversation_id": call.id,
            "agent_id": "agent-1",
            "status": "done" if call.is_over else "in-progress",
            "metadata": {"start_time_unix_secs": int(call.start.timestamp())},
            "analysis": {"evaluation_criteria_results": criteria},
            "transcript": [{"role": "agent", "message": call.words, "time_in_call_secs": 0}],
        }


def by_path(among: Iterable[FakeCall], path: str, prefix: str) -> FakeCall | None:
    assert path.startswith(prefix), path
    return next((call for call in among if call.id == path.removeprefix(prefix)), None)
