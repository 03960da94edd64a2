"""Runs the audit's stages: read calls, find themes and causes, label every call, check, select."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from failure_insights.audit.agent import sample, sampling
from failure_insights.audit.agent.assign import Label
from failure_insights.audit.agent.cases import Case
from failure_insights.audit.agent.classify import label_all
from failure_insights.audit.agent.critic import Checked, check, near_misses_of
from failure_insights.audit.agent.doubts import Doubts, confirmed_doubts
from failure_insights.audit.agent.second_reading import look_again
from failure_insights.audit.agent.selection import Groups, members_of, select, theme_members
from failure_insights.audit.agent.session import AuditSession
from failure_insights.audit.agent.themes import Taxonomy
from failure_insights.audit.agent.tool_loop import find_more, find_themes
from failure_insights.domain.auditing import Earlier
from failure_insights.errors import FailureInsightsError

#: Part of a pool from which on calls with a clear cause but no theme are put to the agent again.
MANY_LEFT = 0.15
#: Calls that a pool needs for that.
ENOUGH = 20


class NothingFound(FailureInsightsError):
    """The LLM found no theme that stands; the message says how far it came."""


@dataclass(frozen=True)
class Findings:
    """What an audit found. `labels` are those of all calls that are not doubted."""

    groups: Groups
    doubts: Doubts
    labels: Mapping[str, Label] = field(default_factory=dict)


async def find(session: AuditSession, earlier: Earlier, max_calls: int | None) -> Findings:
    """Return the findings.

    Raises:
        NothingFound: no theme has a call and a quote, and no call is doubted.
        EndpointRefused: the endpoint will answer nothing more.
    """
    seed = sampling.seed_of(session.pool.project, session.pool.metric)
    notes = await sample.read_sample(session, seed, earlier, max_calls)
    session.depth += 1
    taxonomy, doubts = await asyncio.gather(
        find_themes(session, notes), confirmed_doubts(session, notes)
    )
    cases = [case for case in session.cases if case.handle not in doubts]
    if cases and not taxonomy:
        read = f"{len(notes)} of {len(session.cases)} calls were read"
        raise NothingFound(f"{read}, and no theme found")
    whole, labels = await _labelled(session, taxonomy, cases, seed)
    groups, labels = await _verified(session, whole, labels)
    if not groups.modes and not groups.other_causes and not doubts:
        raise NothingFound("themes were found, but no quote in a transcript speaks for them")
    return Findings(groups, doubts, labels)


async def _labelled(
    session: AuditSession, taxonomy: Taxonomy, cases: Sequence[Case], seed: str
) -> tuple[Taxonomy, Mapping[str, Label]]:
    """Return every call's label; where many calls have none, with more themes and causes.

    A call that was read and that the agent put under a cause stays there, unless a reader of its
    transcript objects later: asking again from the same note would tell nothing new.
    """
    if not cases:
        return taxonomy, {}
    seeded = _seeded(session, taxonomy, 0)
    seeded = {case.handle: seeded[case.handle] for case in cases if case.handle in seeded}
    rest = [case for case in cases if case.handle not in seeded]
    labels = seeded | await label_all(session, taxonomy.causes, rest, seed, seeded)
    left = [c for c in cases if labels[c.handle].cause is None and not labels[c.handle].unclear]
    is_much = len(cases) >= ENOUGH and len(left) > MANY_LEFT * len(cases)
    if not is_much or not session.has_time_for(3):  # to find, to label, and to check as always
        return taxonomy, labels
    more = await find_more(session, taxonomy, left)
    if not more:
        return taxonomy, labels
    # Labels are indices of the causes, and causes of no theme come last: all move.
    whole = taxonomy + more
    moved = {cause.key: index for index, cause in enumerate(whole.causes)}
    labels = {handle: _moved(label, taxonomy, moved) for handle, label in labels.items()}
    again = _seeded(session, more, 0)
    rest = [case for case in left if case.handle not in again]
    found = again | await label_all(session, more.causes, rest, seed, again)
    new = {
        handle: _moved(label, more, moved)
        for handle, label in found.items()
        if label.cause is not None and labels.get(handle, label).cause is None
    }
    return whole, {**labels, **{h: label for h, label in new.items() if h in labels}}


def _seeded(session: AuditSession, taxonomy: Taxonomy, first: int) -> dict[str, Label]:
    """Return the labels that the agent gave by naming calls that were read; it has their notes."""
    also: dict[str, int] = {}
    for index, cause in enumerate(taxonomy.causes, start=first):
        for handle in cause.also:
            also.setdefault(handle, index)
    return {
        handle: Label(index, True, "agent", also=also.get(handle))
        for index, cause in enumerate(taxonomy.causes, start=first)
        for handle in cause.seeds
        if cause.trusted and handle in session.notes
    }


def _moved(label: Label, old: Taxonomy, places: Mapping[str, int]) -> Label:
    def place(index: int | None) -> int | None:
        return None if index is None else places[old.causes[index].key]

    return replace(label, cause=place(label.cause), also=place(label.also))


async def _verified(
    session: AuditSession, taxonomy: Taxonomy, labels: Mapping[str, Label]
) -> tuple[Groups, Mapping[str, Label]]:
    """Return the groups, and the labels after the critics and the second readers."""
    members = members_of(session, taxonomy, labels)
    by_theme = theme_members(session, taxonomy, members)
    again: Mapping[str, Label] = {}
    checks = asyncio.gather(
        *(_checked(session, taxonomy, i, labels, by_theme[i]) for i in range(len(by_theme)))
    )
    if session.has_time_for(2):
        checked, again = await asyncio.gather(
            checks, look_again(session, taxonomy.causes, labels, members)
        )
    else:
        checked = await checks
    labels = {**labels, **again}
    objected = {
        handle: replace(label, cause=None, unclear=True)
        for handle, label in labels.items()
        if label.cause is not None and _is_misfit(taxonomy, checked, handle, label.cause)
    }
    return select(session, taxonomy, {**labels, **objected}, checked), labels


def _is_misfit(
    taxonomy: Taxonomy, checked: Sequence[Checked | None], handle: str, cause: int
) -> bool:
    theme = taxonomy.theme_of.get(cause)
    check_of = None if theme is None else checked[theme]
    return check_of is not None and handle in check_of.misfits


async def _checked(
    session: AuditSession,
    taxonomy: Taxonomy,
    index: int,
    labels: Mapping[str, Label],
    members: Sequence[int],
) -> Checked | None:
    """Return the theme after its check; None for one that has no calls to show."""
    if not members:
        return None
    causes = {cause for cause, theme in taxonomy.theme_of.items() if theme == index}
    near_misses = near_misses_of(session, causes, labels, members)
    return await check(session, taxonomy.themes[index], members, near_misses)
