"""Reads calls whose explanation left their theme in doubt, and labels them again.

So are calls of themes of which no call was read yet, for a theme is only shown with a quote. Calls
whose note is in doubt get a second reader, who sees the themes and not the note: with a reader that
is wrong on 20 % of its notes, that halves the error of counts.
"""

import asyncio
from collections.abc import Mapping, Sequence

import numpy as np

from failure_insights.audit.agent.assign import Label, assign
from failure_insights.audit.agent.cases import Case
from failure_insights.audit.agent.notes import take_notes
from failure_insights.audit.agent.session import AuditSession
from failure_insights.audit.agent.themes import FoundCause

#: Calls of a theme that are read where none was.
QUOTABLE = 2
#: Second readers, as a part of the calls that were read.
REREAD = 0.25
#: How many times as much an explanation is like those of another cause as like its own's, and how
#: much it has to be (mean cosine; inside a cause it is about 0.1), before its note is in doubt.
CONTRADICTS = 1.5
LEAST_LIKENESS = 0.05


async def look_again(
    session: AuditSession,
    causes: Sequence[FoundCause],
    labels: Mapping[str, Label],
    members: Sequence[list[int]],
) -> dict[str, Label]:
    """Return new labels of the calls that were read now, by the first reader or by a second.

    What stays unclear to them is left as it was.
    """
    again, now = await asyncio.gather(
        assign(session, causes, _ill_noted(session, labels), by_transcript=True),
        _read_more(session, causes, labels, members),
    )
    return {handle: label for handle, label in (again | now).items() if not label.unclear}


async def _read_more(
    session: AuditSession,
    causes: Sequence[FoundCause],
    labels: Mapping[str, Label],
    members: Sequence[list[int]],
) -> dict[str, Label]:
    unread = [
        case for case in session.cases if case.handle in labels and case.handle not in session.notes
    ]
    wanted = [*_unquotable(session, members), *_doubtful(labels, unread)]
    chosen = list({case.handle: case for case in wanted}.values())[: session.reads_left]
    notes = await take_notes(session, chosen)
    return await assign(session, causes, [note.case for note in notes])


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
    return sorted(doubtful, key=lambda case: labels[case.handle].cause is not None)


def _ill_noted(session: AuditSession, labels: Mapping[str, Label]) -> list[Case]:
    """Return calls whose note is in doubt, the most doubtful first.

    It is where its label is not sure, it cites no words of the call, or the judge's explanation is
    like those of another cause.
    """
    notes = {
        handle: note
        for handle, note in session.notes.items()
        if handle in labels and labels[handle].by != "nearest" and not note.reading.is_empty
    }
    contradicted = _contradicted(session, {h: labels[h] for h in notes})
    doubts = {
        handle: (not labels[handle].sure) + (not note.spans) + (handle in contradicted)
        for handle, note in notes.items()
    }
    ranked = sorted(doubts, key=lambda handle: (-doubts[handle], handle))
    most = round(REREAD * len(session.notes))
    chosen = [handle for handle in ranked if doubts[handle]][:most]
    return [session.cases[session.index[handle]] for handle in chosen]


def _contradicted(session: AuditSession, labels: Mapping[str, Label]) -> set[str]:
    """Return the calls whose explanation is far more like those of another cause than its own's."""
    handles = [handle for handle, label in labels.items() if label.cause is not None]
    causes = sorted({label.cause for label in labels.values() if label.cause is not None})
    if len(causes) < 2:
        return set()
    rows = session.vectors.rows[[session.index[handle] for handle in handles]]
    own = np.array([causes.index(c) for h in handles if (c := labels[h].cause) is not None])
    sums = np.vstack([np.asarray(rows[own == i].sum(axis=0)) for i in range(len(causes))])
    sizes = np.bincount(own, minlength=len(causes)).astype(float)
    likeness = np.asarray(rows @ sums.T)
    # Without itself, for a call is like itself; every row has unit length.
    everyone = np.arange(len(handles))
    likeness[everyone, own] -= np.asarray(rows.multiply(rows).sum(axis=1)).ravel()
    counts = np.tile(sizes, (len(handles), 1))
    counts[everyone, own] -= 1
    mean = likeness / np.maximum(counts, 1)
    of_own = mean[everyone, own]
    mean[everyone, own] = 0.0
    is_other = mean.max(axis=1) > np.maximum(CONTRADICTS * of_own, LEAST_LIKENESS)
    return {handle for handle, other in zip(handles, is_other, strict=True) if other}
