"""Several messages of one call -> one call. Here is the whole rule; docs/importing.md tells it.

Providers send a call in several messages, send them again, and late. Each says a part of one
truth, so theirs are joined by content: whatever order they come in, the same call comes out.

- The transcript that says most is kept: of most turns, then of most characters.
- The start is the earliest that any message names, the duration the longest.
- Metadata are joined field by field.
- Of two different words for one thing (agent, reason, a field of the metadata) the longer one is
  kept, and of equally long ones the later in the alphabet: any rule would do that asks no order.

A call that its owner sends in the native format (`corrects`) is a correction where it says no less
than what is there: then every field that it has replaces the stored one. Where its transcript has
fewer turns, or only beginnings of the stored ones, it fills in what is missing. Fields that a
message lacks, and keys of the metadata, are never emptied.

Metric results are added and replaced, and never removed: a judge that looks again means it. A
result without a verdict takes none away.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from failure_insights.domain.calls import Call, JudgedResult, Turn

Known = TypeVar("Known")


def merged_call(stored: Call, incoming: Call, *, corrects: bool) -> Call:
    """Return the call that two messages of it make; both name the same project and call.

    Metric results are not looked at. `corrects`: the incoming one is its owner's word.
    """
    if not corrects:
        return replace(
            stored,
            agent=max(stored.agent, incoming.agent, key=_words),
            started_at=min(stored.started_at, incoming.started_at),
            transcript=_fuller(stored.transcript, incoming.transcript),
            duration_s=_present(max, stored.duration_s, incoming.duration_s),
            ended_reason=_present(_longer, stored.ended_reason, incoming.ended_reason),
            metadata=_joined(stored.metadata, incoming.metadata),
        )
    older, newer = stored, incoming
    if _says_less(incoming.transcript, stored.transcript):
        older, newer = incoming, stored
    return replace(
        stored,
        agent=newer.agent,
        started_at=newer.started_at,
        transcript=newer.transcript or older.transcript,
        duration_s=older.duration_s if newer.duration_s is None else newer.duration_s,
        ended_reason=newer.ended_reason or older.ended_reason,
        metadata={**older.metadata, **_without_nulls(newer.metadata)},
    )


def merged_result(stored: JudgedResult | None, incoming: JudgedResult) -> JudgedResult:
    """Return the result of a metric after one more; the stored one itself where nothing changed."""
    if stored is None:
        return incoming
    if incoming.passed is None and stored.passed is not None:
        return stored
    if incoming.passed is stored.passed:
        # The same verdict again: what it says anew counts, what it leaves out stays.
        incoming = replace(
            incoming,
            score=stored.score if incoming.score is None else incoming.score,
            explanation=incoming.explanation or stored.explanation,
        )
    same_score = incoming.score == stored.score and (
        isinstance(incoming.score, bool) is isinstance(stored.score, bool)
    )
    return stored if same_score and incoming == stored else incoming


def _fuller(one: tuple[Turn, ...], other: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Return the transcript that says more, whatever their order."""
    if one == other:
        return one
    first, second = _fullness(one), _fullness(other)
    if first == second:
        return max(one, other, key=repr)
    return one if first > second else other


def _fullness(turns: Sequence[Turn]) -> tuple[int, int, int]:
    """Return how many turns, characters and details (times and names) a transcript has."""
    details = sum(
        (turn.start_s is not None) + (turn.tool_name is not None) + (turn.speaker is not None)
        for turn in turns
    )
    return len(turns), sum(len(turn.content) for turn in turns), details


def _says_less(turns: Sequence[Turn], than: Sequence[Turn]) -> bool:
    """Return whether turns are fewer than others, or as many and only their beginnings."""
    if len(turns) != len(than):
        return len(turns) < len(than)
    return all(
        other.content.startswith(turn.content) for turn, other in zip(turns, than, strict=True)
    ) and any(
        len(turn.content) < len(other.content) for turn, other in zip(turns, than, strict=True)
    )


def _words(text: str) -> tuple[int, str]:
    return len(text), text


def _longer(one: str, other: str) -> str:
    return max(one, other, key=_words)


def _present(choose: Any, one: Known | None, other: Known | None) -> Known | None:
    if one is None or other is None:
        return other if one is None else one
    chosen: Known = choose(one, other)
    return chosen


def _without_nulls(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


def _joined(one: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return two objects joined field by field, whatever their order."""
    if one == other:
        return one
    joined = {**one, **other}
    for key in one.keys() & other.keys():
        first, second = one[key], other[key]
        if isinstance(first, dict) and isinstance(second, dict):
            joined[key] = _joined(first, second)
        else:
            joined[key] = max(first, second, key=_weight)
    return joined


def _weight(value: Any) -> tuple[int, int, str]:
    """Return by what one of two values of a field is told: an object says most, null nothing."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    rank = 0 if value is None else 2 if isinstance(value, dict) else 1
    return rank, len(text), text
