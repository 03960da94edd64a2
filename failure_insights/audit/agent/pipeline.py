"""Runs the audit's stages: read calls, find themes, label every call, check, select."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from failure_insights.audit.agent import sample, sampling
from failure_insights.audit.agent.assign import Label
from failure_insights.audit.agent.cases import Case
from failure_insights.audit.agent.classify import label_all
from failure_insights.audit.agent.critic import Checked, check, near_misses_of
from failure_insights.audit.agent.judge_errors import suspected_judge_errors
from failure_insights.audit.agent.second_reading import look_again
from failure_insights.audit.agent.selection import members_of, mode_of
from failure_insights.audit.agent.session import AuditSession
from failure_insights.audit.agent.themes import Theme
from failure_insights.audit.agent.tool_loop import find_more, find_themes
from failure_insights.domain.auditing import Earlier
from failure_insights.domain.breakdown import FailureMode, SuspectedJudgeError
from failure_insights.errors import FailureInsightsError

#: Part of a pool from which on calls with a clear cause but no theme are put to the agent again.
MANY_LEFT = 0.15
#: Calls that a pool needs for that.
ENOUGH = 20


class NothingFound(FailureInsightsError):
    """The LLM found no theme that stands; the message says how far it came."""


@dataclass(frozen=True)
class Findings:
    """What an audit found. `labels` are those of all calls that are no suspected judge errors."""

    modes: tuple[FailureMode, ...]
    suspected: Mapping[str, SuspectedJudgeError]
    labels: Mapping[str, Label]


async def find(session: AuditSession, earlier: Earlier, max_calls: int | None) -> Findings:
    """Return the findings.

    Raises:
        NothingFound: no theme has a call and a quote, and no call is suspected to be a pass.
        EndpointRefused: the endpoint will answer nothing more.
    """
    seed = sampling.seed_of(session.pool.project, session.pool.metric)
    notes = await sample.read_sample(session, seed, earlier, max_calls)
    session.depth += 1
    themes, suspected = await asyncio.gather(
        find_themes(session, notes), suspected_judge_errors(session, notes)
    )
    cases = [case for case in session.cases if case.handle not in suspected]
    if cases and not themes:
        raise NothingFound(
            f"{len(notes)} of {len(session.cases)} calls were read, and no theme found"
        )
    all_themes, given = await _labelled(session, themes, cases, seed)
    modes, labels = await _verified(session, all_themes, given)
    if not modes and not suspected:
        raise NothingFound("themes were found, but no quote in a transcript speaks for them")
    return Findings(tuple(sorted(modes, key=lambda m: (-m.count, m.title))), suspected, labels)


async def _labelled(
    session: AuditSession, themes: Sequence[Theme], cases: Sequence[Case], seed: str
) -> tuple[Sequence[Theme], Mapping[str, Label]]:
    """Return the themes and every call's label; where many calls have none, with more themes."""
    if not cases:
        return themes, {}
    labels = await label_all(session, themes, cases, seed)
    left = [c for c in cases if labels[c.handle].theme is None and not labels[c.handle].unclear]
    is_much = len(cases) >= ENOUGH and len(left) > MANY_LEFT * len(cases)
    if not is_much or not session.has_time_for(3):  # to find, to label, and to check as always
        return themes, labels
    more = await find_more(session, themes, left)
    if not more:
        return themes, labels
    found = await label_all(session, more, left, seed)
    moved = {
        handle: replace(label, theme=label.theme + len(themes))
        for handle, label in found.items()
        if label.theme is not None
    }
    return [*themes, *more], {**labels, **moved}


async def _verified(
    session: AuditSession, themes: Sequence[Theme], labels: Mapping[str, Label]
) -> tuple[list[FailureMode], Mapping[str, Label]]:
    """Return the themes that stand, and the labels after the critics and the second look."""
    members = members_of(session, themes, labels)
    again: Mapping[str, Label] = {}
    checks = asyncio.gather(
        *(_checked(session, theme, index, labels, members) for index, theme in enumerate(themes))
    )
    if session.has_time_for(2):
        checked, again = await asyncio.gather(checks, look_again(session, themes, labels, members))
    else:
        checked = await checks
    labels = {**labels, **again}
    kept = {
        handle: label
        for handle, label in labels.items()
        if label.theme is not None and not _is_out(checked[label.theme], handle)
    }
    members = members_of(session, themes, kept)
    modes = [
        mode
        for found, indices in zip(checked, members, strict=True)
        if found and indices and (mode := mode_of(session, found, indices))
    ]
    return modes, labels


def _is_out(checked: Checked | None, handle: str) -> bool:
    return checked is None or not checked.holds or handle in checked.misfits


async def _checked(
    session: AuditSession,
    theme: Theme,
    index: int,
    labels: Mapping[str, Label],
    members: Sequence[list[int]],
) -> Checked | None:
    """Return the theme after its check; None for one that has no calls to show."""
    if not members[index]:
        return None
    near_misses = near_misses_of(session, index, labels, members[index])
    return await check(session, theme, members[index], near_misses)
