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
    most = min(max_calls or session.options.max_calls, len(session.cases))
    chosen, session.readable = await _readable(session, seed, most)
    session.window = min(chosen, await _understood(session))
    size = session.readable
    if size < len(session.cases):
        size = max(1, round(size * (1 - KEPT_BACK)))
    picked = sampling.choose(session.cases, session.vectors.rows, size, seed, earlier)
    session.sample = [session.cases[index] for index in picked]
    window = session.window
    notes = await take_notes(session, session.sample)
    if session.window < window:
        known = {_window_key(session): {"tokens": session.window}}
        await session.answers.remember("window", known, replace=True)
    return notes


async def _readable(session: AuditSession, seed: str, most: int) -> tuple[int, int]:
    """Return tokens that are shown of a call, and how many calls may be read.

    All of a pool of short calls are read, whole; of a pool of long ones fewer, in windows.

    Args:
        most: calls that may be read, however short they are.
    """
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
    lengths = [
        (tokens(case.explanation), tokens(reading.text))
        for case in probed
        if (turns := transcripts.get(case.call_id)) is not None
        and (reading := read(turns, case.explanation, session.options.windows[0]))
    ]
    window, readable = session.options.windows[0], most
    for window in session.options.windows:
        costs = [prompt + said + min(length, window) for said, length in lengths] or [prompt]
        mean = int(-(-sum(costs) / len(costs) // STEP) * STEP)
        readable = max(1, min(most, session.options.reading_tokens // mean))
        if readable == most:
            break
    return window, readable


async def _understood(session: AuditSession) -> int:
    """Return the window that an earlier audit came down to as the model's context is small."""
    key = _window_key(session)
    kept = (await session.answers.recall([key])).get(key)
    return int(kept["tokens"]) if kept else session.options.windows[0]


def _window_key(session: AuditSession) -> str:
    return session.key("note", "window")


def _drawn(cases: Sequence[Case], seed: str) -> list[Case]:
    """Return the cases in an order by lot, the same every time."""

    def lot(case: Case) -> str:
        return hashlib.sha256(f"{seed}{case.call_id}".encode("utf-8", "replace")).hexdigest()

    return sorted(cases, key=lot)
