"""Phoenix: traces by the time of their start, each with its session's other traces and with
annotations.

`GET /v1/projects/NAME/traces` lists traces with the IDs of their spans (Phoenix of March 2026 or
newer); `/spans?trace_id=` gives them whole, and `/span_annotations`, `/trace_annotations` and
`/session_annotations` give people's and judges' words, by IDs.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import orjson

from failure_insights.pull.api import Api, Gone, SourceFailed, objects, segment
from failure_insights.pull.provider import Item, Payload
from failure_insights.sources.phoenix import session_of

#: Traces of one listing, and sessions.
PAGE = 100
#: Spans of one answer; the most that Phoenix gives.
SPANS = 1000
#: IDs of one question: their address must stay short enough for any server.
IDS = 50

Query = Sequence[tuple[str, str | int]]

_SESSION = "session:"
_DEFAULT_PROJECT = "default"


class Phoenix:
    """Asks Phoenix for the traces of one of its projects."""

    #: Judges and people annotate hours after a call.
    overlap = timedelta(hours=24)
    stretch = timedelta(hours=6)

    def __init__(self, api: Api, only: str | None = None, page: int = PAGE) -> None:
        self.api = api
        self.app = only or _DEFAULT_PROJECT
        self.page = page
        self.path = f"/v1/projects/{segment(self.app)}"
        #: Sessions that this pull has brought already, with all of their traces.
        self._brought: set[str] = set()
        self._has_sessions = False

    def pages(self, start: datetime, end: datetime) -> Iterator[Sequence[Item]]:
        query: Query = [
            ("start_time", start.isoformat()),
            ("end_time", end.isoformat()),
            ("sort", "start_time"),
            ("order", "asc"),
            ("include_spans", "true"),
            ("limit", self.page),
        ]
        try:
            for traces in self._pages(f"{self.path}/traces", query):
                yield self._trace_items(traces)
        except Gone:
            raise SourceFailed(
                f"Phoenix has no project {self.app!r}, or is older than March 2026 and cannot "
                "list traces"
            ) from None
        # Stretches follow one another, so that the first one's sessions are all sessions.
        if not self._has_sessions:
            self._has_sessions = True
            yield from self._session_pages(start)

    def payload(self, item: Item) -> Payload | None:
        if item.id.startswith(_SESSION):
            return self._session(item.id.removeprefix(_SESSION))
        spans = self._spans([item.id])
        session = next(filter(None, map(session_of, spans)), None)
        return self._session(session) if session else self._call(item.id, [item.id], spans)

    def _trace_items(self, traces: Sequence[Payload]) -> list[Item]:
        spans = {str(t.get("trace_id")): objects(t, "spans") for t in traces}
        trace_of = {str(s.get("span_id")): trace for trace, held in spans.items() for s in held}
        stamps: dict[str, list[str]] = {}
        for annotation in self._annotations("span", trace_of):
            stamps.setdefault(trace_of.get(str(annotation.get("span_id")), ""), []).append(
                _stamp(annotation)
            )
        for annotation in self._annotations("trace", spans):
            stamps.setdefault(str(annotation.get("trace_id")), []).append(_stamp(annotation))
        ends = {str(trace.get("trace_id")): trace.get("end_time") for trace in traces}
        return [
            Item(trace, _digest([ends[trace], len(held), *sorted(stamps.get(trace, ()))]))
            for trace, held in spans.items()
        ]

    def _session_pages(self, start: datetime) -> Iterator[Sequence[Item]]:
        """Yield the sessions that are annotated: an annotation alone changes no trace."""
        query: Query = [("order", "desc"), ("limit", self.page)]
        try:
            for sessions in self._pages(f"{self.path}/sessions", query):
                ids = [str(session.get("session_id")) for session in sessions]
                stamps: dict[str, list[str]] = {}
                for annotation in self._annotations("session", ids):
                    stamps.setdefault(str(annotation.get("session_id")), []).append(
                        _stamp(annotation)
                    )
                yield [
                    Item(f"{_SESSION}{session_id}", _digest(sorted(held)))
                    for session_id, held in stamps.items()
                ]
                if all(str(session.get("end_time")) < start.isoformat() for session in sessions):
                    return
        except Gone:
            return  # a Phoenix without sessions

    def _session(self, session_id: str) -> Payload | None:
        """Return a session with all of its traces; None where this pull has brought it."""
        if session_id in self._brought:
            return None
        answer = self.api.get(f"/v1/sessions/{segment(session_id)}")
        data = answer.get("data") if isinstance(answer, Mapping) else None
        ids = [str(trace.get("trace_id")) for trace in objects(data, "traces")]
        self._brought.add(session_id)
        return {
            **self._call(session_id, ids, self._spans(ids)),
            "session_annotations": self._annotations("session", [session_id]),
        }

    def _call(self, call_id: str, trace_ids: Sequence[str], spans: list[Payload]) -> Payload:
        span_ids = [str(_context(span).get("span_id")) for span in spans]
        return {
            "id": call_id,
            "app": self.app,
            "spans": spans,
            "span_annotations": self._annotations("span", span_ids),
            "trace_annotations": self._annotations("trace", trace_ids),
        }

    def _spans(self, trace_ids: Sequence[str]) -> list[Payload]:
        spans: list[Payload] = []
        for part in _parts(trace_ids):
            query: Query = [*(("trace_id", each) for each in part), ("limit", SPANS)]
            for page in self._pages(f"{self.path}/spans", query):
                spans += page
        return spans

    def _annotations(self, kind: str, ids: Iterable[str]) -> list[Payload]:
        annotations: list[Payload] = []
        for part in _parts(list(ids)):
            query: Query = [*((f"{kind}_ids", each) for each in part), ("limit", SPANS)]
            try:
                for page in self._pages(f"{self.path}/{kind}_annotations", query):
                    annotations += page
            except Gone:
                break  # none of these has an annotation, or this Phoenix has no such thing
        return annotations

    def _pages(self, path: str, query: Query) -> Iterator[Sequence[Payload]]:
        cursor = None
        while True:
            answer = self.api.get(path, [*query, ("cursor", cursor)])
            rows = objects(answer, "data")
            if rows:
                yield rows
            cursor = answer.get("next_cursor") if isinstance(answer, Mapping) else None
            if not cursor or not rows:
                return


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(ids), IDS):
        yield ids[first : first + IDS]


def _context(span: Payload) -> Payload:
    context = span.get("context")
    return context if isinstance(context, Mapping) else {}


def _stamp(annotation: Payload) -> str:
    return f"{annotation.get('id')} {annotation.get('updated_at')}"


def _digest(tells: Sequence[object]) -> str:
    return hashlib.blake2b(orjson.dumps(tells), digest_size=12).hexdigest()
