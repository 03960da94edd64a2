"""Has calls whose first reader doubts the verdict read by a second one.

A call leaves the themes, as a suspected judge error or as a finding about the metric, only if both
readers say the same and one of them has a quote that stands in the call. The second reader sees
the metric and what the judge said it expected, but not the first reader's note.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from failure_insights.audit.agent.call_note import CallNote
from failure_insights.audit.agent.output_filter import SENTENCE_CHARACTERS
from failure_insights.audit.agent.schemas import Vote
from failure_insights.audit.agent.session import AuditSession
from failure_insights.domain.breakdown import MetricFinding, SuspectedJudgeError
from failure_insights.llm import ContextTooLong
from failure_insights.text import quotes

#: Where the second reader wrote no sentence of its own that may be shown.
REASONS = {
    "metric_met": "Two readings of the transcript find that the metric was met.",
    "reason_not_in_call": "Two readings of the transcript do not find what the judge describes.",
    "nothing_called_for_it": "Two readings find nothing in the call that called for it.",
}


@dataclass(frozen=True)
class Doubts:
    """Calls that leave the themes, by handle."""

    judge_errors: Mapping[str, SuspectedJudgeError] = field(default_factory=dict)
    metric_findings: Mapping[str, MetricFinding] = field(default_factory=dict)

    def __contains__(self, handle: str) -> bool:
        return handle in self.judge_errors or handle in self.metric_findings

    def __len__(self) -> int:
        return len(self.judge_errors) + len(self.metric_findings)


async def confirmed_doubts(session: AuditSession, notes: Sequence[CallNote]) -> Doubts:
    """Return the doubts of the notes that a second reader shares.

    A call that addresses its readers is never doubted: nobody talks a failure away.
    """
    found = await session.each(_vote(session, note) for note in notes if note.doubt)
    return Doubts(
        {handle: item for handle, item in found if isinstance(item, SuspectedJudgeError)},
        {handle: item for handle, item in found if isinstance(item, MetricFinding)},
    )


async def _vote(
    session: AuditSession, note: CallNote
) -> tuple[str, SuspectedJudgeError | MetricFinding] | None:
    slots = {
        "about": session.about or "(not given)",
        "explanation": note.case.explanation or "(none)",
        "transcript": note.reading.text or "(empty)",
    }
    try:
        vote = await session.ask("second_vote", Vote, slots)
    except ContextTooLong:
        return None
    if vote is None or note.doubt is None or not _shares(vote, note):
        return None
    turns = note.reading.turns
    span = quotes.find(vote.quote, vote.line, turns) or note.spans[0]
    span = quotes.whole_sentence(span, turns)
    written = session.output.sentences(vote.reasoning, SENTENCE_CHARACTERS)
    reason = written or REASONS[note.doubt]
    where = (note.case.call_id, span.turn, span.text, reason)
    if note.doubt == "metric_met":
        return note.case.handle, SuspectedJudgeError(*where)
    return note.case.handle, MetricFinding(note.doubt, *where)


def _shares(vote: Vote, note: CallNote) -> bool:
    match note.doubt:
        case "metric_met":
            return vote.verdict == "pass"
        case "reason_not_in_call":
            return vote.reason_in_call == "no"
        case _:
            return vote.called_for == "no"
