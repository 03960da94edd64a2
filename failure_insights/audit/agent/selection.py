"""Turns labels into the groups that are shown: at most six themes, each with quotes."""

from collections.abc import Mapping, Sequence

from failure_insights.audit.agent.assign import Label
from failure_insights.audit.agent.call_note import CallNote
from failure_insights.audit.agent.critic import Checked
from failure_insights.audit.agent.session import AuditSession
from failure_insights.audit.agent.themes import FEW_CALLS, Theme
from failure_insights.audit.explanations.text import best_sentence
from failure_insights.domain.breakdown import MAX_THEMES, Cause, Evidence, FailureMode

#: Quotes of one theme, each of another call.
QUOTES = 3


def members_of(
    session: AuditSession, themes: Sequence[Theme], labels: Mapping[str, Label]
) -> list[list[int]]:
    """Return each theme's cases, the most typical first; none of a theme that is not shown.

    A theme of a single call is no theme, unless the pool is small. Of more than six the largest
    are kept; the calls of the others belong to none.
    """
    found: list[list[int]] = [[] for _ in themes]
    for handle, label in labels.items():
        if label.theme is not None:
            found[label.theme].append(session.index[handle])
    least = 1 if len(session.cases) < FEW_CALLS else 2
    ranked = sorted(range(len(themes)), key=lambda i: (-len(found[i]), themes[i].key))
    kept = {i for i in ranked[:MAX_THEMES] if len(found[i]) >= least}
    return [
        session.vectors.nearest_first(sorted(members)) if i in kept else []
        for i, members in enumerate(found)
    ]


def mode_of(session: AuditSession, checked: Checked, members: Sequence[int]) -> FailureMode | None:
    """Return the theme as it is shown, or None where no verified quote speaks for it."""
    evidence = evidence_of(session, checked, members)
    if not evidence:
        return None
    theme = checked.theme
    return FailureMode(
        title=theme.title,
        description=theme.description or theme.criterion,
        call_ids=tuple(session.cases[i].call_id for i in sorted(members)),
        evidence=evidence,
        criterion=theme.criterion,
        origin=theme.origin,
        suggested_fix=theme.suggested_fix,
        terms=session.vectors.terms(list(members), theme.criterion),
        theme_id=theme.prior_id,
        causes=(
            Cause(
                title=theme.title,
                call_ids=tuple(session.cases[i].call_id for i in sorted(members)),
                criterion=theme.criterion,
                terms=session.vectors.terms(list(members), theme.criterion),
            ),
        ),
    )


def evidence_of(
    session: AuditSession, checked: Checked, members: Sequence[int]
) -> tuple[Evidence, ...]:
    """Return up to three quotes of different calls: what critics quoted, then what notes did.

    The judge's own words stand in only where no call of the theme has a transcript to quote.
    """
    inside = {session.cases[i].call_id for i in members}
    notes = [session.notes[h] for i in members if (h := session.cases[i].handle) in session.notes]
    quoted = [item for item in checked.evidence if item.call_id in inside]
    for note in sorted(notes, key=lambda note: _rank(note, checked)):
        quoted += [Evidence(note.case.call_id, s.turn, s.text) for s in note.spans[:1]]
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
    return tuple(list(first.values())[:QUOTES])


def _rank(note: CallNote, checked: Checked) -> tuple[bool, bool]:
    return note.case.handle in checked.misfits, note.flagged
