"""Finds suspected judge errors by a second vote of a reader who does not see the judge's reason.

A call is suspected only if the note says that the metric was met, a blinded second vote says so
too, and one of them has a quote that stands in the call.
"""

from collections.abc import Sequence

from failure_insights.audit.agent.call_note import CallNote
from failure_insights.audit.agent.output_filter import SENTENCE_CHARACTERS
from failure_insights.audit.agent.schemas import Vote
from failure_insights.audit.agent.session import AuditSession
from failure_insights.domain.breakdown import SuspectedJudgeError
from failure_insights.llm import ContextTooLong
from failure_insights.text import quotes

#: Without a sentence of the voter's own that may be shown.
REASON = "Two readings of the transcript find that the metric was met."


async def suspected_judge_errors(
    session: AuditSession, notes: Sequence[CallNote]
) -> dict[str, SuspectedJudgeError]:
    """Return, by handle, the calls of the notes that look like passes.

    A call that addresses its readers is never suspected: nobody talks a failure away.
    """
    candidates = [note for note in notes if note.looks_like_a_pass and not note.flagged]
    found = await session.each(_vote(session, note) for note in candidates)
    return dict(found)


async def _vote(session: AuditSession, note: CallNote) -> tuple[str, SuspectedJudgeError] | None:
    try:
        vote = await session.ask(
            "second_vote", Vote, {"transcript": note.reading.text or "(empty)"}
        )
    except ContextTooLong:
        return None
    if vote is None or vote.verdict != "pass":
        return None
    span = quotes.find(vote.quote, vote.line, note.reading.turns) or note.spans[0]
    reason = session.output.sentences(vote.reasoning, SENTENCE_CHARACTERS) or REASON
    return note.case.handle, SuspectedJudgeError(note.case.call_id, span.turn, span.text, reason)
