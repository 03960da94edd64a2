"""Tracing tools for the tests: what they hold of calls, listed and paged as each does.

A call is a session of one trace: its root span, and an LLM's below it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from failure_insights_tests.pull.providers import FakeCall, iso
from failure_insights_tests.pull.server import Reply, Request

MESSAGES = [{"role": "system", "content": "You book."}, {"role": "user", "content": "Hi?"}]


def page(
    rows: Sequence[Any], cursor: str | None, limit: str | None
) -> tuple[list[Any], str | None]:
    """Return one page of rows, and the cursor of the next."""
    first, size = int(cursor or 0), int(limit or 50)
    last = first + size
    return list(rows[first:last]), str(last) if last < len(rows) else None


@dataclass
class FakeLangfuse4:
    """Observations v2, newest first, and scores v3; nothing of Langfuse 3."""

    calls: list[FakeCall]

    def __call__(self, request: Request) -> Reply:
        if request.headers.get("authorization") != "Basic a2V5OmtleQ==":
            return Reply({"message": "Invalid credentials"}, 401)
        match request.path:
            case "/api/public/v2/observations":
                rows, limit = self.observations(request), 1000
            case "/api/public/v3/scores":
                rows, limit = self.scores(request), 100
            case _:
                return Reply({"message": "Not Found"}, 404)
        assert int(request.one("limit") or 50) <= limit
        shown, cursor = page(rows, request.one("cursor"), request.one("limit"))
        return Reply({"data": shown, "meta": {"cursor": cursor} if cursor else {}})

    def observations(self, request: Request) -> list[dict[str, Any]]:
        low, high = request.one("fromStartTime") or "", request.one("toStartTime") or "~"
        groups = (request.one("fields") or "core,basic").split(",")
        rows = []
        for call in sorted(self.calls, key=lambda call: call.start, reverse=True):
            trace, session = f"t-{call.id}", call.id
            if (
                call.is_over
                and low <= iso(call.start) < high
                and request.one("traceId") in (None, trace)
                and request.one("sessionId") in (None, session)
            ):
                rows += self.rows(call, groups)
        return rows

    def rows(self, call: FakeCall, groups: list[str]) -> list[dict[str, Any]]:
        core = {
            "traceId": f"t-{call.id}",
            "startTime": iso(call.start),
            "endTime": iso(call.changed),
        }
        root = {"id": f"r-{call.id}", "type": "SPAN", "parentObservationId": None, "name": "turn"}
        llm = {"id": f"g-{call.id}", "type": "GENERATION", "parentObservationId": root["id"]}
        words = [
            {"input": "Hi?", "output": call.words},
            {"input": str({"messages": MESSAGES}).replace("'", '"'), "output": call.words},
        ]
        rows = []
        for own, said in zip((llm, root), reversed(words), strict=True):
            row = {**core, **own}
            row |= {"sessionId": call.id, "environment": "default"} if "basic" in groups else {}
            row |= {"updatedAt": iso(call.changed)} if "time" in groups else {}
            row |= said if "io" in groups else {}
            rows.append(row)
        return rows

    def scores(self, request: Request) -> list[dict[str, Any]]:
        low, high = request.one("fromTimestamp") or "", request.one("toTimestamp") or "~"
        traces = request.one("traceId")
        rows = []
        for call in self.calls:
            at, trace = iso(call.changed), f"t-{call.id}"
            if call.passed is None or not low <= at < high or request.one("sessionId"):
                continue
            if traces is None or trace in traces.split(","):
                score = {"id": f"s-{call.id}", "name": "Helpful", "dataType": "BOOLEAN"}
                score |= {"value": call.passed, "updatedAt": at, "timestamp": at, "source": "EVAL"}
                subject = {"kind": "trace", "id": trace}
                rows.append(score | {"subject": subject, "comment": "So."})
        return rows


@dataclass
class FakeLangfuse3:
    """Traces and scores v2 in numbered pages; nothing of Langfuse 4."""

    calls: list[FakeCall]

    def __call__(self, request: Request) -> Reply:
        if request.headers.get("authorization") != "Basic a2V5OmtleQ==":
            return Reply({"message": "Invalid credentials"}, 401)
        if request.path == "/api/public/traces":
            return self.paged(self.traces(request), request)
        if request.path == "/api/public/v2/scores":
            return self.paged(self.scores(request), request)
        if request.path.startswith("/api/public/traces/t-"):
            call_id = request.path.rpartition("/t-")[2]
            found = [call for call in self.calls if call.id == call_id]
            return Reply(self.trace(found[0])) if found else Reply({}, 404)
        return Reply({"message": "Not Found"}, 404)

    def paged(self, rows: list[Any], request: Request) -> Reply:
        number, limit = int(request.one("page") or 1), int(request.one("limit") or 50)
        assert limit <= 100
        first = (number - 1) * limit
        pages = -(-len(rows) // limit)
        meta = {"page": number, "limit": limit, "totalItems": len(rows), "totalPages": pages}
        return Reply({"data": rows[first : first + limit], "meta": meta})

    def traces(self, request: Request) -> list[dict[str, Any]]:
        low, high = request.one("fromTimestamp") or "", request.one("toTimestamp") or "~"
        session = request.one("sessionId")
        held = [
            call
            for call in sorted(self.calls, key=lambda call: call.start)
            if call.is_over and low <= iso(call.start) < high and session in (None, call.id)
        ]
        return [
            {**self.head(call), "observations": [f"g-{call.id}"], "scores": []} for call in held
        ]

    def head(self, call: FakeCall) -> dict[str, Any]:
        return {
            "id": f"t-{call.id}",
            "sessionId": call.id,
            "timestamp": iso(call.start),
            "updatedAt": iso(call.changed),
            "name": "support",
            "environment": "default",
            "tags": [],
        }

    def trace(self, call: FakeCall) -> dict[str, Any]:
        generation = {
            "id": f"g-{call.id}",
            "traceId": f"t-{call.id}",
            "type": "GENERATION",
            "startTime": iso(call.start),
            "endTime": iso(call.changed),
            "input": MESSAGES,
            "output": {"role": "assistant", "content": call.words},
        }
        scores = [] if call.passed is None else [self.score(call)]
        words = {"input": "Hi?", "output": call.words}
        return {**self.head(call), **words, "observations": [generation], "scores": scores}

    def score(self, call: FakeCall) -> dict[str, Any]:
        return {
            "id": f"s-{call.id}",
            "traceId": f"t-{call.id}",
            "name": "Helpful",
            "dataType": "BOOLEAN",
            "value": float(bool(call.passed)),
            "stringValue": str(call.passed),
            "timestamp": iso(call.changed),
            "updatedAt": iso(call.changed),
            "source": "EVAL",
            "comment": "So.",
        }

    def scores(self, request: Request) -> list[dict[str, Any]]:
        low, high = request.one("fromTimestamp") or "", request.one("toTimestamp") or "~"
        held = [call for call in self.calls if call.passed is not None]
        return [self.score(call) for call in held if low <= iso(call.changed) < high]


@dataclass
class FakePhoenix:
    """Traces, spans, sessions and annotations of the project `default`."""

    calls: list[FakeCall]

    def __call__(self, request: Request) -> Reply:
        # Most run without sign-in.
        if request.headers.get("authorization") not in (None, "Bearer key"):
            return Reply(b"Invalid token", 401)
        traced = [call for call in self.calls if call.is_over]
        path = request.path.removeprefix("/v1/projects/default")
        if path == "/traces":
            low, high = request.one("start_time") or "", request.one("end_time") or "~"
            traced.sort(key=lambda call: call.start)
            rows = [self.trace(c) for c in traced if low <= c.start.isoformat() < high]
        elif path == "/spans":
            asked = request.query.get("trace_id", [])
            rows = [s for call in traced if f"t-{call.id}" in asked for s in self.spans(call)]
        elif path == "/sessions":
            traced.sort(key=lambda call: call.start, reverse=True)
            rows = [self.session(call) for call in traced]
        elif path == "/trace_annotations":
            asked = request.query["trace_ids"]
            rows = [
                self.annotation(call)
                for call in traced
                if f"t-{call.id}" in asked and call.passed is not None
            ]
        elif path in ("/span_annotations", "/session_annotations"):
            rows = []
        elif request.path.startswith("/v1/sessions/"):
            held = {call.id: call for call in traced}
            call = held.get(request.path.removeprefix("/v1/sessions/"))
            return Reply({"data": self.session(call)}) if call else Reply(b"not found", 404)
        else:
            return Reply(b"not found", 404)
        shown, cursor = page(rows, request.one("cursor"), request.one("limit"))
        return Reply({"data": shown, "next_cursor": cursor})

    def trace(self, call: FakeCall) -> dict[str, Any]:
        spans = [
            {"span_id": span["context"]["span_id"], "parent_id": span["parent_id"]}
            for span in self.spans(call)
        ]
        return {
            "trace_id": f"t-{call.id}",
            "start_time": call.start.isoformat(),
            "end_time": call.changed.isoformat(),
            "spans": spans,
        }

    def session(self, call: FakeCall) -> dict[str, Any]:
        trace = {"trace_id": f"t-{call.id}", "start_time": call.start.isoformat()}
        return {
            "session_id": call.id,
            "start_time": call.start.isoformat(),
            "end_time": call.changed.isoformat(),
            "traces": [trace],
        }

    def spans(self, call: FakeCall) -> list[dict[str, Any]]:
        common = {
            "start_time": call.start.isoformat(),
            "end_time": call.changed.isoformat(),
            "status_code": "OK",
            "status_message": "",
        }
        root, llm = (
            {"context": {"trace_id": f"t-{call.id}", "span_id": f"{kind}-{call.id}"}, **common}
            for kind in ("r", "g")
        )
        root |= {"name": "turn", "span_kind": "AGENT", "parent_id": None}
        root["attributes"] = {
            "session.id": call.id,
            "input.value": "Hi?",
            "output.value": call.words,
        }
        llm |= {"name": "chat", "span_kind": "LLM", "parent_id": f"r-{call.id}"}
        llm["attributes"] = {
            **{
                f"llm.input_messages.{n}.message.{key}": value
                for n, message in enumerate(MESSAGES)
                for key, value in message.items()
            },
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": call.words,
        }
        return [root, llm]

    def annotation(self, call: FakeCall) -> dict[str, Any]:
        return {
            "id": f"a-{call.id}",
            "trace_id": f"t-{call.id}",
            "name": "Helpful",
            "annotator_kind": "LLM",
            "result": {"label": "pass" if call.passed else "fail", "explanation": "So."},
            "updated_at": call.changed.isoformat(),
        }
