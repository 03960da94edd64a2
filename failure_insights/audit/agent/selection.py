"""Turns labels into the groups that are shown: at most six themes with quotes, and other causes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from failure_insights.audit.agent.assign import Label
from failure_insights.audit.agent.call_note import CallNote
from failure_insights.audit.agent.critic import Checked
from failure_insights.audit.agent.evidence import evidence_of
from failure_insights.audit.agent.facts import FACT_WORDS
from failure_insights.audit.agent.output_filter import DESCRIPTION_CHARACTERS
from failure_insights.audit.agent.session import AuditSession
from failure_insights.audit.agent.themes import FEW_CALLS, FoundCause, Taxonomy
from failure_insights.domain.breakdown import MAX_THEMES, Cause, Evidence, FailureMode

#: Part of a theme's calls that have to share a fact before it is told, and how many times the part
#: of the other calls that have it.
FACT_SHARE = 0.5
FACT_LIFT = 1.5


@dataclass(frozen=True)
class Groups:
    """Every call of an audit in one group, but for those that are doubted."""

    modes: tuple[FailureMode, ...]
    other_causes: tuple[Cause, ...]
    unassigned: tuple[str, ...]
    not_read: tuple[str, ...]


def members_of(
    session: AuditSession, taxonomy: Taxonomy, labels: Mapping[str, Label]
) -> list[list[int]]:
    """Return the cases of each cause, the most typical first.

    A label of a call that nobody read counts only if it is sure, and if no calls of the same
    explanation turned out to have different causes when they were read.
    """
    members: list[list[int]] = [[] for _ in taxonomy.causes]
    said = session.vectors.said
    silent = _explanations_that_tell_nothing(session, labels)
    for handle, label in labels.items():
        index = session.index[handle]
        is_told = label.sure and label.by != "nearest" and said[index] not in silent
        if label.cause is not None and (handle in session.notes or is_told):
            members[label.cause].append(index)
    return [session.vectors.nearest_first(sorted(own)) for own in members]


def _explanations_that_tell_nothing(
    session: AuditSession, labels: Mapping[str, Label]
) -> frozenset[str]:
    """Return the explanations that calls of different causes share, of the calls that were read."""
    causes: dict[str, set[int]] = {}
    for handle, label in labels.items():
        if label.cause is not None and handle in session.notes:
            causes.setdefault(session.vectors.said[session.index[handle]], set()).add(label.cause)
    return frozenset(said for said, own in causes.items() if len(own) > 1)


def theme_members(
    session: AuditSession, taxonomy: Taxonomy, members: Sequence[Sequence[int]]
) -> list[list[int]]:
    """Return the cases of each theme, the most typical first; none of a theme that is not shown.

    A theme of a single call is no theme, unless the pool is small. Of more than six the largest
    are shown; the causes of the others stand beside the themes.
    """
    own: list[list[int]] = [[] for _ in taxonomy.themes]
    for cause, theme in taxonomy.theme_of.items():
        own[theme] += members[cause]
    least = 1 if len(session.cases) < FEW_CALLS else 2
    ranked = sorted(range(len(own)), key=lambda i: (-len(own[i]), taxonomy.themes[i].title))
    shown = {i for i in ranked[:MAX_THEMES] if len(own[i]) >= least}
    return [
        session.vectors.nearest_first(sorted(calls)) if i in shown else []
        for i, calls in enumerate(own)
    ]


def select(
    session: AuditSession,
    taxonomy: Taxonomy,
    labels: Mapping[str, Label],
    checked: Sequence[Checked | None],
) -> Groups:
    """Return the groups. `checked` are the taxonomy's themes after their critics."""
    members = members_of(session, taxonomy, labels)
    by_theme = theme_members(session, taxonomy, members)
    modes: list[FailureMode] = []
    shown_causes: set[int] = set()
    for index, (check, calls) in enumerate(zip(checked, by_theme, strict=True)):
        own = [c for c, theme in taxonomy.theme_of.items() if theme == index and members[c]]
        # A theme that second readers made large enough was not checked.
        check = check or Checked(taxonomy.themes[index])
        if not calls or not check.holds:
            continue
        own_members = [members[c] for c in own]
        if not (evidence := evidence_of(session, check, calls, own_members)):
            continue
        causes = tuple(_cause(session, taxonomy.causes[c], members[c]) for c in own)
        also = _also(session, labels, set(own), taxonomy, calls)
        modes.append(_mode(session, check, calls, evidence, causes, also))
        shown_causes.update(own)
    others = [
        _cause(session, taxonomy.causes[c], members[c])
        for c in range(len(members))
        if members[c] and c not in shown_causes and not _is_rejected(taxonomy, checked, c)
    ]
    placed = {call for mode in modes for call in mode.call_ids}
    placed |= {call for cause in others for call in cause.call_ids}
    left = [session.cases[session.index[h]] for h in labels]
    left = [case for case in left if case.call_id not in placed]
    read = [session.notes[case.handle] for case in left if case.handle in session.notes]
    singles = list(_of_their_own(session, read, [*modes, *others]))
    placed |= {call for cause in singles for call in cause.call_ids}
    return Groups(
        tuple(sorted(modes, key=lambda m: (-m.count, m.title))),
        tuple(sorted([*others, *singles], key=lambda c: (-c.count, c.title))),
        tuple(n.case.call_id for n in read if n.case.call_id not in placed),
        tuple(case.call_id for case in left if case.handle not in session.notes),
    )


def _is_rejected(taxonomy: Taxonomy, checked: Sequence[Checked | None], cause: int) -> bool:
    """Return whether a critic found that the calls of the cause's theme do not fit."""
    theme = taxonomy.theme_of.get(cause)
    check = None if theme is None else checked[theme]
    return check is not None and not check.holds


def _cause(session: AuditSession, cause: FoundCause, members: Sequence[int]) -> Cause:
    return Cause(
        title=cause.title,
        call_ids=tuple(session.cases[i].call_id for i in sorted(members)),
        criterion=cause.criterion,
        terms=session.vectors.terms(list(members), cause.criterion),
        cause_id=cause.prior_id,
    )


def _of_their_own(
    session: AuditSession, notes: Sequence[CallNote], taken: Sequence[FailureMode | Cause]
) -> Iterable[Cause]:
    """Yield the causes of calls that were read, are clear, and have none of the causes found."""
    calls: dict[str, list[CallNote]] = {}
    for note in notes:
        title = session.output.title(note.note.cause_title)
        is_clear = note.note.origin != "unclear" and note.spans and not note.flagged
        if title and is_clear and note.note.verdict_check == "reason_shown":
            calls.setdefault(title, []).append(note)
    known = {group.title.casefold() for group in taken}
    for title, own in calls.items():
        if title.casefold() not in known:
            criterion = session.output.sentences(own[0].cause, DESCRIPTION_CHARACTERS)
            members = [session.index[note.case.handle] for note in own]
            yield _cause(session, FoundCause(title, criterion), members)


def _also(
    session: AuditSession,
    labels: Mapping[str, Label],
    causes: set[int],
    taxonomy: Taxonomy,
    members: Sequence[int],
) -> tuple[str, ...]:
    """Return the calls that count elsewhere, and where one of the causes is at work too."""
    handles = {handle for handle, label in labels.items() if label.also in causes}
    handles |= {handle for c in causes for handle in taxonomy.causes[c].also if handle in labels}
    own = {session.cases[i].handle for i in members}
    return tuple(sorted(session.cases[session.index[h]].call_id for h in handles - own))


def _mode(
    session: AuditSession,
    checked: Checked,
    members: Sequence[int],
    evidence: tuple[Evidence, ...],
    causes: tuple[Cause, ...],
    also: tuple[str, ...],
) -> FailureMode:
    theme = checked.theme
    described = theme.description or theme.criterion
    return FailureMode(
        title=theme.title,
        description=" ".join([described, *_fact_sentences(session, members)]),
        call_ids=tuple(session.cases[i].call_id for i in sorted(members)),
        evidence=evidence,
        criterion=theme.criterion,
        origin=theme.origin,
        suggested_fix=theme.suggested_fix,
        terms=session.vectors.terms(list(members), theme.criterion),
        theme_id=theme.prior_id,
        causes=causes,
        also_call_ids=also,
        severity=theme.severity,
        severity_reason=theme.severity_reason,
    )


def _fact_sentences(session: AuditSession, members: Sequence[int]) -> Iterable[str]:
    """Yield what code counted in the calls of a theme that were read, where it sets them apart."""
    inside = {session.cases[i].handle for i in members} & session.notes.keys()
    others = session.notes.keys() - inside
    if len(inside) < 2:
        return
    having = Counter(
        k for h in inside for k in {fact.kind for fact in session.notes[h].reading.facts}
    )
    outside = Counter(
        k for h in others for k in {fact.kind for fact in session.notes[h].reading.facts}
    )
    for kind, count in having.most_common():
        share, elsewhere = count / len(inside), outside[kind] / max(1, len(others))
        if share >= FACT_SHARE and share >= FACT_LIFT * elsewhere:
            yield f"In {count} of {len(inside)} calls that were read, {FACT_WORDS[kind]}."
