"""Which calls an audit reads, and how many: as many as its tokens pay for."""

import hashlib
from collections.abc import Sequence

from failure_insights.audit import prompts
from failure_insights.audit.agent import sampling
from failure_insights.audit.agent.cases import Case, read, tokens
from failure_insights.audit.agent.notes import CallNote, take_notes
from failure_insights.audit.agent.session import Run
from failure_insights.domain.auditing import Earlier

#: Calls whose length is measured to tell how many can be read, and the step that the mean is
#: rounded up to: a call more or less in the pool shall not change the size of the sample.
PROBED, STEP = 12, 250
#: Part of the readable calls that waits for calls which the sample leaves in doubt.
KEPT_BACK = 0.15


async def read_sample(
    run: Run, seed: str, earlier: Earlier, max_calls: int | None
) -> list[CallNote]:
    """Choose the sample, have it read, and return the notes."""
    run.readable = await _readable(run, seed, max_calls or run.options.max_calls)
    size = run.readable
    if size < len(run.cases):
        size = max(1, round(size * (1 - KEPT_BACK)))
    chosen = sampling.choose(run.cases, run.vectors.rows, size, seed, earlier)
    run.sample = [run.cases[index] for index in chosen]
    return await take_notes(run, run.sample)


async def _readable(run: Run, seed: str, max_calls: int) -> int:
    """Return how many calls may be read: all of a pool of short calls, fewer of long ones."""
    most = min(max_calls, len(run.cases))
    probed = _drawn(run.cases, seed)[:PROBED]
    transcripts = await run.transcripts([case.call_id for case in probed])
    system, data = prompts.load("note").fill(
        metric=run.metric, language="", explanation="", transcript=""
    )
    prompt = tokens(system) + tokens(data)
    costs = [
        prompt + tokens(case.explanation) + tokens(window.text)
        for case in probed
        if (turns := transcripts.get(case.call_id)) is not None
        and (window := read(turns, case.explanation, run.options.window_tokens))
    ]
    mean = sum(costs) / len(costs) if costs else prompt
    return max(1, min(most, run.options.reading_tokens // int(-(-mean // STEP) * STEP)))


def _drawn(cases: Sequence[Case], seed: str) -> list[Case]:
    """Return the cases in an order by lot, the same every time."""

    def lot(case: Case) -> str:
        return hashlib.sha256(f"{seed}{case.call_id}".encode("utf-8", "replace")).hexdigest()

    return sorted(cases, key=lot)
