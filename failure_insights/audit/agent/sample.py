"""Chooses which calls an audit reads: as many as its tokens pay for."""

import hashlib
from collections.abc import Sequence

from failure_insights.audit import prompts
from failure_insights.audit.agent import sampling
from failure_insights.audit.agent.call_note import CallNote
from failure_insights.audit.agent.cases import Case, read
from failure_insights.audit.agent.notes import take_notes
from failure_insights.audit.agent.session import AuditSession
from failure_insights.domain.auditing import Earlier
from failure_insights.text.harmless import tokens

#: Calls whose length is measured to tell how many can be read.
PROBED = 12
#: Tokens that their mean is rounded up to a multiple of: a call more or less in the pool shall
#: not change the size of the sample.
STEP = 250
#: Part of the readable calls that waits for calls which the sample leaves in doubt.
KEPT_BACK = 0.15


async def read_sample(
    session: AuditSession, seed: str, earlier: Earlier, max_calls: int | None
) -> list[CallNote]:
    """Choose the sample, have it read, and return the notes."""
    session.readable = await _readable(session, seed, max_calls or session.options.max_calls)
    size = session.readable
    if size < len(session.cases):
        size = max(1, round(size * (1 - KEPT_BACK)))
    chosen = sampling.choose(session.cases, session.vectors.rows, size, seed, earlier)
    session.sample = [session.cases[index] for index in chosen]
    return await take_notes(session, session.sample)


async def _readable(session: AuditSession, seed: str, max_calls: int) -> int:
    """Return how many calls may be read: all of a pool of short calls, fewer of long ones."""
    most = min(max_calls, len(session.cases))
    probed = _drawn(session.cases, seed)[:PROBED]
    transcripts = await session.transcripts([case.call_id for case in probed])
    system, data = prompts.load("note").fill(
        metric=session.metric,
        language="",
        about=session.about,
        explanation="",
        facts="",
        transcript="",
    )
    prompt = tokens(system) + tokens(data)
    costs = [
        prompt + tokens(case.explanation) + tokens(window.text)
        for case in probed
        if (turns := transcripts.get(case.call_id)) is not None
        and (window := read(turns, case.explanation, session.options.call_tokens))
    ]
    mean = sum(costs) / len(costs) if costs else prompt
    return max(1, min(most, session.options.reading_tokens // int(-(-mean // STEP) * STEP)))


def _drawn(cases: Sequence[Case], seed: str) -> list[Case]:
    """Return the cases in an order by lot, the same every time."""

    def lot(case: Case) -> str:
        return hashlib.sha256(f"{seed}{case.call_id}".encode("utf-8", "replace")).hexdigest()

    return sorted(cases, key=lot)
