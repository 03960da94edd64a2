"""Has a critic check each theme: do its calls meet the criterion, and do their words show it?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from failure_insights.audit.agent.assign import Label
from failure_insights.audit.agent.call_note import CallNote
from failure_insights.audit.agent.cases import Case
from failure_insights.audit.agent.facts import speaker_of
from failure_insights.audit.agent.output_filter import FIX_CHARACTERS
from failure_insights.audit.agent.schemas import Critique, MemberCheck
from failure_insights.audit.agent.session import AuditSession
from failure_insights.audit.agent.themes import Theme
from failure_insights.domain.breakdown import Evidence
from failure_insights.llm import ContextTooLong, schema_sha
from failure_insights.text import quotes
from failure_insights.text.harmless import clean, cut
from failure_insights.text.masking import mask

#: Most typical members that a critic sees.
TYPICAL = 2
#: Least typical members that it sees.
UNTYPICAL = 2
#: Members from between that it sees.
BETWEEN = 1
#: Calls of other themes that it sees, those most like the theme.
NEAR_MISSES = 2
#: Part of the checked members that have to fit; below it, of all and of the typical ones, a theme
#: is no theme.
PRECISION = 0.5
#: Checked members that a decision needs.
DECIDED = 4
#: Lines beside a cited one that the critic sees.
BESIDE = 2
#: Tokens of such a line.
LINE_TOKENS = 80
#: Tokens of a line that the note quotes.
QUOTED_TOKENS = 220
#: A check holds for a theme as long as this part of its calls, then and now, is the same.
SAME_CALLS = 0.8
#: In economy only themes with more than this part of the pool are checked.
LARGE = 0.1


@dataclass(frozen=True)
class Checked:
    """A theme after its check: the calls that do not fit, quotes of those that do.

    `holds` is False if too few of the members that were looked at fit the criterion.
    """

    theme: Theme
    holds: bool = True
    misfits: frozenset[str] = frozenset()
    evidence: tuple[Evidence, ...] = ()


async def check(
    session: AuditSession, theme: Theme, members: Sequence[int], near_misses: Sequence[int]
) -> Checked:
    """Return the theme after a critic has looked at five of its calls and two that are close.

    Args:
        members: indices of the theme's cases, the most typical first.
        near_misses: of cases of other themes that are most like this one.
    """
    if session.options.economy and len(members) <= LARGE * len(session.cases):
        return Checked(theme)
    key = session.key("critic", schema_sha(Critique), theme.criterion)
    held = {session.cases[i].call_id for i in members}
    critique = await _kept(session, key, held)
    if critique is None:
        critique = await _ask(session, theme, _shown(session, members), near_misses)
        if critique is None:
            return Checked(theme)
        kept = {"of": sorted(held), "critique": critique.model_dump(mode="json")}
        await session.answers.remember("critique", {key: kept}, replace=True)
    return _judged(session, theme, members, critique)


async def _kept(session: AuditSession, key: str, held: Collection[str]) -> Critique | None:
    """Return the last check of the theme if it had nearly the same calls then.

    A call more or less a day does not change whether a criterion holds.
    """
    kept = (await session.answers.recall([key])).get(key)
    if not kept or len({*held} & {*kept["of"]}) < SAME_CALLS * len({*held} | {*kept["of"]}):
        return None
    session.recalled += 1
    return Critique.model_validate(kept["critique"])


async def _ask(
    session: AuditSession, theme: Theme, shown: Sequence[Case], near_misses: Sequence[int]
) -> Critique | None:
    """Return what a critic says, its calls under their own IDs, which outlast today's handles."""
    misses = [_described(session, session.cases[i]) for i in near_misses]
    slots = {
        "title": theme.title,
        "criterion": "\n".join(f"- {cause.criterion}" for cause in theme.causes),
        "fix": theme.suggested_fix or "(none)",
        "members": "\n\n".join(_described(session, case) for case in shown),
        "near_misses": "\n\n".join(misses) or "(none)",
    }
    try:
        critique = await session.ask("critic", Critique, slots)
    except ContextTooLong:
        return None
    if critique is None:
        return None
    ids = {case.handle: case.call_id for case in shown}
    checks: dict[str, MemberCheck] = {}
    for check in critique.members:
        call_id = ids.get(session.handles.resolve(check.handle) or "")
        if call_id is not None:
            checks.setdefault(call_id, check.model_copy(update={"handle": call_id}))
    return critique.model_copy(update={"members": list(checks.values())})


def near_misses_of(
    session: AuditSession,
    causes: Collection[int],
    labels: Mapping[str, Label],
    members: Sequence[int],
) -> list[int]:
    """Return the cases outside the theme that are most like it."""
    others = [
        session.index[handle] for handle, label in labels.items() if label.cause not in causes
    ]
    return session.vectors.comparison.nearest_to(members, others)[:NEAR_MISSES]


def _shown(session: AuditSession, members: Sequence[int]) -> list[Case]:
    """Return the members to look at; those that were read before others, for they can be quoted."""
    read = [i for i in members if session.cases[i].handle in session.notes]
    if len(read) < TYPICAL + UNTYPICAL + BETWEEN:
        read += [i for i in members if i not in set(read)]
    middle = read[len(read) // 2 :][:BETWEEN]
    chosen = dict.fromkeys([*read[:TYPICAL], *read[-UNTYPICAL:], *middle])
    return [session.cases[i] for i in chosen]


def _described(session: AuditSession, case: Case) -> str:
    note = session.notes.get(case.handle)
    if note is None or note.flagged or session.is_flagged(case):
        is_withheld = session.is_flagged(case)
        words = "(withheld)" if is_withheld else session.vectors.said[session.index[case.handle]]
        return f"{case.handle}: {words or '(no explanation)'}"
    second = f" | beside it: {note.second_cause}" if note.second_cause else ""
    return f"{case.handle}: {note.cause}{second}\n{_lines(note)}"


def _lines(note: CallNote) -> str:
    """Return the lines around the note's quotes, each turn with its number and who speaks.

    A line that the note quotes is shown around the quote; others are cut short.
    """
    turns = note.reading.turns
    quoted: dict[int, str] = {}
    for span in note.spans:
        quoted.setdefault(span.turn, span.text)
    cited = {*quoted} or {note.note.first_error_line or 0}
    lines = []
    for number, turn in enumerate(turns):
        if not any(abs(number - line) <= BESIDE for line in cited):
            continue
        content = mask(clean(turn.content))
        if number in quoted:
            content = _around(content, mask(clean(quoted[number])))
        else:
            content = cut(content, LINE_TOKENS)
        lines.append(f"{note.reading.mark}|{number:03}|{speaker_of(turn)}| {content}")
    if quoted:
        lines.append(f"(the reader quotes lines {', '.join(map(str, sorted(quoted)))})")
    return "\n".join(lines)


def _around(content: str, quote: str) -> str:
    """Return the part of a line that a quote stands in the middle of."""
    most = QUOTED_TOKENS * 4
    if len(content) <= most or (at := content.find(quote)) < 0:
        return cut(content, QUOTED_TOKENS)
    start = max(0, at - max(0, most - len(quote)) // 2)
    part = content[start : start + most]
    head = part.partition(" ")[2] if start else part
    return f"{'[...] ' if start else ''}{head}{' [...]' if start + most < len(content) else ''}"


def _judged(
    session: AuditSession, theme: Theme, members: Sequence[int], critique: Critique
) -> Checked:
    checks = {
        handle: check
        for check in critique.members
        if (handle := session.handles.resolve(check.handle)) is not None
    }
    evidence = []
    for handle, check in checks.items():
        note = session.notes.get(handle)
        if check.verdict != "fits" or note is None or note.flagged:
            continue
        if span := quotes.find(check.quote, check.line, note.reading.turns):
            whole = quotes.whole_sentence(span, note.reading.turns)
            call_id = session.cases[session.index[handle]].call_id
            evidence.append(Evidence(call_id, whole.turn, whole.text))
    misfits = frozenset(h for h, check in checks.items() if check.verdict == "does_not_fit")
    by_typicalness = [session.cases[i].handle for i in members]
    decided = [h for h in by_typicalness if h in checks and checks[h].verdict != "cannot_tell"]
    title = "" if theme.prior_id else session.output.title(critique.better_title)
    fix = session.output.sentences(critique.suggested_fix, FIX_CHARACTERS)
    return Checked(
        replace(theme, title=title or theme.title, suggested_fix=fix or theme.suggested_fix),
        _holds([handle not in misfits for handle in decided]),
        misfits,
        tuple(evidence),
    )


def _holds(fits: Sequence[bool]) -> bool:
    """Return whether a theme stands, from whether its checked members fit, the typical ones first.

    The others do not decide alone: the least typical members are those that were sorted wrongly,
    and a large theme must not go for them.
    """
    typical = fits[: TYPICAL + BETWEEN]
    return (
        len(fits) < DECIDED
        or sum(fits) >= PRECISION * len(fits)
        or sum(typical) >= PRECISION * len(typical)
    )
