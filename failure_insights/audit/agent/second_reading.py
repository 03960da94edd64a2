"""Reads calls whose explanation left their theme in doubt, and labels them again.

So are calls of themes of which no call was read yet, for a theme is only shown with a quote. Calls
whose note is in doubt get a second reader, who sees the themes and not the note: with a reader that
is wrong on 20 % of its notes, that halves the error of counts.
"""

import asyncio
from collections.abc import Mapping, Sequence

from failure_insights.audit.agent.assign import Label, assign
from failure_insights.audit.agent.cases import Case
from failure_insights.audit.agent.notes import take_notes
from failure_insights.audit.agent.session import AuditSession
from failure_insights.audit.agent.themes import Theme

#: Calls of a theme that are read where none was.
QUOTABLE = 2
#: Second readers, as a part of the calls that were read.
REREAD = 0.25


async def look_again(
    session: AuditSession,
    themes: Sequence[Theme],
    labels: Mapping[str, Label],
    members: Sequence[list[int]],
) -> dict[str, Label]:
    """Return new labels of the calls that were read now, by the first reader or by a second.

    What stays unclear to them is left as it was.
    """
    again, now = await asyncio.gather(
        assign(session, themes, _ill_noted(session, labels), by_transcript=True),
        _read_more(session, themes, labels, members),
    )
    return {handle: label for handle, label in (again | now).items() if not label.unclear}


async def _read_more(
    session: AuditSession,
    themes: Sequence[Theme],
    labels: Mapping[str, Label],
    members: Sequence[list[int]],
) -> dict[str, Label]:
    unread = [
        case for case in session.cases if case.handle in labels and case.handle not in session.notes
    ]
    wanted = [*_unquotable(session, members), *_doubtful(labels, unread)]
    chosen = list({case.handle: case for case in wanted}.values())[: session.reads_left]
    notes = await take_notes(session, chosen)
    return await assign(session, themes, [note.case for note in notes])


def _unquotable(session: AuditSession, members: Sequence[list[int]]) -> list[Case]:
    found = []
    for indices in members:
        cases = [session.cases[i] for i in indices]
        if cases and not any(c.handle in session.notes for c in cases):
            found += [case for case in cases if not session.is_flagged(case)][:QUOTABLE]
    return found


def _doubtful(labels: Mapping[str, Label], unread: Sequence[Case]) -> list[Case]:
    """Return the unread calls in doubt, those without a theme first."""
    doubtful = [case for case in unread if not labels[case.handle].sure]
    return sorted(doubtful, key=lambda case: labels[case.handle].theme is not None)


def _ill_noted(session: AuditSession, labels: Mapping[str, Label]) -> list[Case]:
    """Return calls whose note contradicts the judge, or cites no words of the call."""
    doubts = {
        handle: (not labels[handle].sure) + (not note.spans)
        for handle, note in session.notes.items()
        if handle in labels and labels[handle].by == "llm" and not note.reading.is_empty
    }
    ranked = sorted(doubts, key=lambda handle: (-doubts[handle], handle))
    chosen = [handle for handle in ranked if doubts[handle]][: round(REREAD * len(session.notes))]
    return [session.cases[session.index[handle]] for handle in chosen]
