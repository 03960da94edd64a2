"""Chooses the quotes that speak for a theme: whole sentences of different calls and causes."""

from collections import Counter
from collections.abc import Sequence

from failure_insights.audit.agent.call_note import CallNote
from failure_insights.audit.agent.critic import Checked
from failure_insights.audit.agent.session import AuditSession
from failure_insights.audit.explanations.text import best_sentence
from failure_insights.audit.wording.evidence import new_words_first
from failure_insights.domain.breakdown import Evidence
from failure_insights.text import quotes
from failure_insights.text.quotes import Span

#: Quotes of one theme, each of another call.
QUOTES = 3


def evidence_of(
    session: AuditSession,
    checked: Checked,
    members: Sequence[int],
    by_cause: Sequence[Sequence[int]],
) -> tuple[Evidence, ...]:
    """Return up to three quotes of different calls: what critics quoted, then what notes did.

    Quotes of different causes go first; of those that a critic confirmed, such of other words. The
    judge's own words stand in only where no call of the theme has a transcript to quote.
    """
    inside = {session.cases[i].call_id for i in members}
    notes = [session.notes[h] for i in members if (h := session.cases[i].handle) in session.notes]
    quoted = [item for item in checked.evidence if item.call_id in inside]
    for note in sorted(notes, key=lambda note: _rank(note, checked)):
        if span := _best_span(note):
            whole = quotes.whole_sentence(span, note.reading.turns)
            quoted.append(Evidence(note.case.call_id, whole.turn, whole.text))
    if not quoted and not any(session.has_transcript(session.cases[i].call_id) for i in members):
        quoted = [
            Evidence(session.cases[i].call_id, None, sentence)
            for i in members
            if not session.is_flagged(session.cases[i])
            and (sentence := best_sentence(session.cases[i].call.explanation, {}))
        ]
    first: dict[str, Evidence] = {}
    for item in quoted:
        first.setdefault(item.call_id, item)
    cause_of = {session.cases[i].call_id: c for c, own in enumerate(by_cause) for i in own}
    confirmed = [item for item in first.values() if item in checked.evidence]
    ordered = [*new_words_first(confirmed), *(i for i in first.values() if i not in confirmed)]
    shown: Counter[int] = Counter()
    ranks: dict[str, int] = {}
    for item in ordered:
        cause = cause_of.get(item.call_id, -1)
        ranks[item.call_id] = shown[cause]
        shown[cause] += 1
    ranked = sorted(ordered, key=lambda item: ranks[item.call_id])
    return tuple(ranked[:QUOTES])


def _best_span(note: CallNote) -> Span | None:
    """Return the note's first quote; rather one at the line where the call first went wrong."""
    wrong = note.note.first_error_line
    near = [span for span in note.spans if wrong is not None and abs(span.turn - wrong) <= 1]
    return next(iter([*near, *note.spans]), None)


def _rank(note: CallNote, checked: Checked) -> tuple[bool, bool]:
    return note.case.handle in checked.misfits, note.flagged
