"""Hard pools: what a real pool of 116 calls has, and the planted kinds do not have together.

Twelve causes, more than there are themes, some of which differ by one precondition; explanations
that name a symptom which four causes share; two independent faults in a fifth of the calls; causes
in the middle of a long tool result, in calls of 60 turns that are too long to be shown whole;
expectations that nothing in the call asks for, and reasons that do not occur in it.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from failure_insights.domain.breakdown import Breakdown
from failure_insights.domain.metrics import MetricCard
from failure_insights.domain.pools import FailingCall, Pool, Window
from failure_insights_tests.quality.domains import HARD, Cause, Domain, Line, domain, judges
from failure_insights_tests.quality.planted import (
    END,
    PlantedPool,
    frame_slots_of,
    shares_of,
    slots_of,
    transcript_of,
)

#: Tokens of each call.
TOKENS = 2_500
#: Parts of the calls.
TWO_FAULTS, HIDDEN, FALSE_REASON = 0.2, 0.05, 0.05
#: Entries before and after the one that shows the cause, in a long tool result.
ENTRIES = 28
#: Turns of real talk that stay together, and characters of one of them.
TALK_TURNS = 6
TALK_CHARACTERS = 1_500


@dataclass(frozen=True)
class _Planted:
    """What goes into one call: its causes, and what its judge says."""

    truth: str
    causes: Sequence[Cause]
    reason: str


def plant_hard(
    seed: int, size: int = 60, talk: Sequence[Sequence[Line]] = (), num_tokens: int = TOKENS
) -> PlantedPool:
    """Return a hard pool; the same arguments give the same pool.

    Args:
        talk: pieces of real calls that make the calls long, see `talk_of_file`.
    """
    line = domain(HARD)
    rng = random.Random(f"hard/{size}/{seed}/{num_tokens}")
    frames = rng.sample(judges(held_out=False), 2)
    calls, transcripts, truth, turn_of = [], {}, {}, {}
    for number, cause in enumerate(shares_of(line.causes, size, rng, "lexical")):
        call_id = f"hard-{rng.randrange(16**6):06x}-{number}"
        planted = _planted(line, cause, rng)
        slots = slots_of(rng) | {"many": _entries(rng), "more": _entries(rng)}
        turns, turn = transcript_of(line, planted.causes, slots, num_tokens, rng, talk)
        transcripts[call_id], truth[call_id] = turns, planted.truth
        if planted.causes:
            turn_of[call_id] = turn
        said = rng.choice(frames).frame.format(
            reason=planted.reason.format(**slots), **frame_slots_of(rng)
        )
        started = END - timedelta(minutes=rng.randrange(1, 24 * 60))
        calls.append(FailingCall(call_id, rng.choice(line.agents), started, said, False))
    pool = Pool(
        HARD,
        MetricCard(line.metric, prompt=line.rubric),
        Window(END, 1),
        tuple(sorted(calls, key=lambda call: (call.started_at, call.call_id))),
    )
    keys = tuple(cause.key for cause in line.causes)
    return PlantedPool(pool, transcripts, truth, turn_of, frozenset(), (), "hard", causes=keys)


def _planted(line: Domain, cause: Cause, rng: random.Random) -> _Planted:
    lot = rng.random()
    if lot < HIDDEN:
        return _Planted("nothing_called_for_it", (), rng.choice(line.hidden))
    if lot < HIDDEN + FALSE_REASON:
        return _Planted("reason_not_in_call", (), rng.choice(line.false_reasons))
    causes = [cause]
    if rng.random() < TWO_FAULTS:
        causes.append(rng.choice([other for other in line.causes if other is not cause]))
    symptom = line.symptoms[line.causes.index(cause) // 4]
    return _Planted(cause.key, causes, symptom)


def _entries(rng: random.Random) -> str:
    """Return entries of a tool result that show nothing."""
    entries = (
        {"id": rng.randrange(10**5), "price": rng.randrange(90, 900), "seats": rng.randrange(9)}
        for _ in range(ENTRIES)
    )
    return ", ".join(map(json.dumps, entries))


def talk_of_file(path: Path) -> list[list[Line]]:
    """Return pieces of the calls of a file in the native format, to make planted calls long of."""
    pieces: list[list[Line]] = []
    for text in path.read_text("utf-8").splitlines():
        lines = [
            (turn["role"], turn["content"][:TALK_CHARACTERS].replace("{", "{{").replace("}", "}}"))
            for turn in json.loads(text)["transcript"]
        ]
        pieces += [lines[i : i + TALK_TURNS] for i in range(0, len(lines), TALK_TURNS)]
    return pieces


def findings_right(breakdown: Breakdown, planted: PlantedPool) -> tuple[int, int, int]:
    """Return how many metric findings are right, were made, and were planted."""
    kinds = {finding.call_id: finding.kind for finding in breakdown.metric_findings}
    expected = {c: t for c, t in planted.truth.items() if t not in planted.causes}
    right = sum(expected.get(call_id) == kind for call_id, kind in kinds.items())
    return right, len(kinds), len(expected)
