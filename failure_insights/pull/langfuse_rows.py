"""Langfuse 4: rows of observations and scores, in pages by cursor.

`GET /api/public/v2/observations` and `/api/public/v3/scores` (langfuse 5). There are no traces:
the rows of a session, or of a trace without one, are a conversation.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from failure_insights.pull.api import Api, Gone, Params, objects
from failure_insights.pull.langfuse_keys import Seen, is_of_a_judge, key_of, session_of
from failure_insights.pull.provider import Item, Payload
from failure_insights.pull.times import written
from failure_insights.sources.fields import mapping, name

#: Rows of an answer without their words, and with them: these can be megabytes.
ROWS = 1000
WHOLE_ROWS = 100
#: The most scores of one answer.
SCORES = 100
#: Traces of one question for scores.
TRACES = 50

_OBSERVATIONS = "/api/public/v2/observations"
_SCORES = "/api/public/v3/scores"


class Rows:
    """Langfuse's observations, of one environment or of all."""

    def __init__(self, api: Api, only: str | None) -> None:
        self.api = api
        self.only = only
        #: The session of each trace that was seen; None: it has none.
        self._sessions: dict[str, str | None] = {}

    def items(self, start: datetime, end: datetime) -> list[Item]:
        """Return what was traced or scored in a stretch of time.

        Raises:
            Gone: this server has no rows.
        """
        seen, changes = Seen(), dict[str, str]()
        for row in self._listed(start, end):
            trace_id = name(row.get("traceId"))
            if trace_id is None or is_of_a_judge(row):
                continue
            # The session can stand in one row of a trace only.
            session = name(row.get("sessionId")) or self._sessions.get(trace_id)
            self._sessions[trace_id] = session
            changed = row.get("updatedAt") or row.get("endTime") or row.get("startTime")
            changes[trace_id] = max(changes.get(trace_id, ""), str(changed))
        for trace_id, changed in changes.items():
            seen.observe(key_of(self._sessions[trace_id], trace_id), changed)
        for score in self._scored(start, end):
            if key := self._key_of_score(score):
                seen.score(key, score.get("updatedAt"))
        return seen.items()

    def payload(self, item: Item) -> Payload:
        """Return a conversation with its scores.

        Raises:
            Gone: it is not there any more.
        """
        session = session_of(item.id)
        field, given = ("traceId", item.id) if session is None else ("sessionId", session)
        fields = "core,basic,time,io,metadata,trace_context"
        query: Params = [("fields", fields), (field, given), ("limit", WHOLE_ROWS)]
        rows = list(self._pages(_OBSERVATIONS, query))
        if not rows:
            raise Gone(f"Langfuse has no observations of {given}")
        traces = sorted({str(row.get("traceId")) for row in rows})
        scores = [
            score
            for first in range(0, len(traces), TRACES)
            for score in self._scores_of("traceId", ",".join(traces[first : first + TRACES]))
        ]
        if session is not None:
            scores += self._scores_of("sessionId", session)
        return {"id": given, "observations": rows, "scores": scores}

    def _listed(self, start: datetime, end: datetime) -> Iterator[Payload]:
        return self._pages(
            _OBSERVATIONS,
            [
                ("fields", "core,basic,time"),
                ("fromStartTime", written(start)),
                ("toStartTime", written(end)),
                ("environment", self.only),
                ("limit", ROWS),
            ],
        )

    def _scored(self, start: datetime, end: datetime) -> Iterator[Payload]:
        return self._pages(
            _SCORES,
            [
                ("fields", "subject"),
                ("fromTimestamp", written(start)),
                ("toTimestamp", written(end)),
                ("environment", self.only),
                ("limit", SCORES),
            ],
        )

    def _scores_of(self, field: str, ids: str) -> Iterator[Payload]:
        query: Params = [("fields", "details,subject"), (field, ids), ("limit", SCORES)]
        return self._pages(_SCORES, query)

    def _key_of_score(self, score: Payload) -> str | None:
        """Return the conversation that a score is of; None: an experiment, or a judge's trace."""
        subject = mapping(score.get("subject"))
        match subject.get("kind"):
            case "session":
                session = name(subject.get("id"))
                return key_of(session, "") if session else None
            case "trace":
                trace_id = name(subject.get("id"))
            case "observation":
                trace_id = name(subject.get("traceId"))
            case _:
                return None
        if trace_id is None:
            return None
        if trace_id not in self._sessions:
            query: Params = [("traceId", trace_id), ("limit", ROWS)]
            rows = [row for row in self._pages(_OBSERVATIONS, query) if not is_of_a_judge(row)]
            if not rows:
                return None
            sessions = (name(row.get("sessionId")) for row in rows)
            self._sessions[trace_id] = next(filter(None, sessions), None)
        return key_of(self._sessions[trace_id], trace_id)

    def _pages(self, path: str, query: Params) -> Iterator[Payload]:
        cursor = None
        while True:
            answer = self.api.get(path, [*query, ("cursor", cursor)])
            rows = objects(answer, "data")
            yield from rows
            meta = answer.get("meta") if isinstance(answer, Mapping) else None
            cursor = mapping(meta).get("cursor")
            if not cursor or not rows:
                return
