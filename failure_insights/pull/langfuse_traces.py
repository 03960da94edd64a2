"""Langfuse 3 and 2: traces and scores, in numbered pages.

`GET /api/public/traces` and `/api/public/v2/scores` (langfuse 3), or `/api/public/scores` where
the server is older. The traces of a session, or a trace without one, are a conversation.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from failure_insights.pull.api import Api, Gone, Params, objects, segment
from failure_insights.pull.langfuse_keys import Seen, is_of_a_judge, key_of, session_of
from failure_insights.pull.provider import Item, Payload
from failure_insights.pull.times import written
from failure_insights.sources.fields import mapping, name

PAGE = 100

_TRACES = "/api/public/traces"
_SCORES = ("/api/public/v2/scores", "/api/public/scores")


class Traces:
    """Langfuse's traces, of one environment or of all."""

    def __init__(self, api: Api, only: str | None) -> None:
        self.api = api
        self.only = only
        #: The session of each trace that was seen; None: it has none.
        self._sessions: dict[str, str | None] = {}
        self._scores_at = [*_SCORES]

    def items(self, start: datetime, end: datetime) -> list[Item]:
        """Return what was traced or scored in a stretch of time."""
        seen, stretch = Seen(), [("fromTimestamp", written(start)), ("toTimestamp", written(end))]
        # IDs of observations and scores, without words; Langfuse 2 gives all the same.
        listing = [*stretch, ("orderBy", "timestamp.asc"), ("fields", "core,observations,scores")]
        for trace in self._pages(_TRACES, listing):
            trace_id = name(trace.get("id"))
            if trace_id is None or is_of_a_judge(trace):
                continue
            session = self._sessions[trace_id] = name(trace.get("sessionId"))
            observations = trace.get("observations")
            count = len(observations) if isinstance(observations, list) else 0
            changed = trace.get("updatedAt") or trace.get("timestamp")
            seen.observe(key_of(session, trace_id), f"{changed} {count:06}")
        for score in self._scores(stretch):
            if key := self._key_of_score(score):
                seen.score(key, score.get("updatedAt"))
        return seen.items()

    def payload(self, item: Item) -> Payload:
        """Return a conversation with its scores.

        Raises:
            Gone: it is not there any more.
        """
        session = session_of(item.id)
        if session is None:
            return self._trace(item.id)
        listed = self._pages(_TRACES, [("sessionId", session), ("orderBy", "timestamp.asc")])
        ids = [found for trace in listed if (found := name(trace.get("id")))]
        if not ids:
            raise Gone(f"Langfuse has no traces of session {session}")
        scores = [s for s in self._scores([("sessionId", session)]) if not s.get("traceId")]
        return {"id": session, "traces": [self._trace(each) for each in ids], "scores": scores}

    def _trace(self, trace_id: str) -> Payload:
        return mapping(self.api.get(f"{_TRACES}/{segment(trace_id)}"))

    def _key_of_score(self, score: Payload) -> str | None:
        """Return the conversation that a score is of; None: a judge's own trace, or none."""
        trace_id, session = name(score.get("traceId")), name(score.get("sessionId"))
        if trace_id is None:
            return key_of(session, "") if session else None
        if trace_id not in self._sessions:
            try:
                trace = self._trace(trace_id)
            except Gone:
                return None
            if is_of_a_judge(trace):
                return None
            self._sessions[trace_id] = name(trace.get("sessionId"))
        return key_of(self._sessions[trace_id], trace_id)

    def _scores(self, query: Params) -> Iterator[Payload]:
        while self._scores_at:
            try:
                yield from self._pages(self._scores_at[0], query)
                return
            except Gone:
                self._scores_at.pop(0)

    def _pages(self, path: str, query: Params) -> Iterator[Payload]:
        number = 1
        while True:
            page = [("environment", self.only), ("page", number), ("limit", PAGE)]
            answer = self.api.get(path, [*query, *page])
            rows = objects(answer, "data")
            yield from rows
            meta = mapping(answer.get("meta")) if isinstance(answer, Mapping) else {}
            total = meta.get("totalPages")
            if not rows or not isinstance(total, int) or number >= total:
                return
            number += 1
