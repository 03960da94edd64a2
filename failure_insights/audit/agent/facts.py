"""States facts about a call that code can see: failed and repeated tool calls, silences, its end.

Readers see them beside the transcript, and themes count them. They are facts, no verdicts: a tool
may fail without harm. Turns have a beginning and no end, so that somebody was interrupted is told
where the next turn begins before the quickest speaker could have ended this one.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from failure_insights.domain.auditing import CallContext
from failure_insights.domain.calls import Turn
from failure_insights.text.harmless import clean

FactKind = Literal[
    "tool_failed", "tool_repeated", "write_unconfirmed", "said_again", "silence", "talk_over"
]
#: How a theme says of its calls that they have a fact.
FACT_WORDS: dict[FactKind, str] = {
    "tool_failed": "a tool answered with an error",
    "tool_repeated": "the same tool call was made again",
    "write_unconfirmed": "a change was made without the caller's yes just before",
    "said_again": "the agent said the same words again",
    "silence": "nobody spoke for a long time",
    "talk_over": "one began to speak while the other still spoke",
}
#: Facts of one kind that are listed for a call.
MOST_OF_KIND = 4
#: Seconds between the beginnings of two turns, less the time to speak the first, that count as
#: silence.
SILENCE_S = 8.0
#: Characters a second that a voice speaks, about: 160 words a minute.
SPOKEN_PER_S = 15.0
#: The same of the quickest speech: 300 words a minute.
QUICK_PER_S = 25.0
#: Seconds that a turn has to begin before the other's words can have ended, to count as talk over
#: each other. Providers round times to a second.
OVERLAP_S = 2.0
#: Part of the changes of speaker from which on such times are of writing, not of speech.
WRITTEN_SHARE = 0.5
#: Turns before a write in which the caller's yes is looked for.
BEFORE_WRITE = 4

_FAILED = re.compile(
    r"^[^\w\"{\[]{0,3}(?:error|exception|traceback|failed|failure|timeout)\b"
    r"|\"(?:error|errors|exception)\"\s*+:\s*+(?!null|\"\"|\[\]|false|\{\})"
    r"|\"(?:success|ok)\"\s*:\s*false|\"status\"\s*:\s*\"(?:error|failed|failure)"
    r"|\"(?:status|code|status_code)\"\s*:\s*\"?[45]\d\d\b|exit ?code:? [1-9]|Traceback \(most",
    re.IGNORECASE,
)
#: What a program that an agent runs answers, where it comes as a turn and not as a tool's result.
_RAN_BADLY = re.compile(r"exit ?code:? -?[1-9]|Traceback \(most", re.IGNORECASE)
#: Words from which on a turn that comes again is no phrase of politeness.
SAID_WORDS = 6
#: Tools whose names say that they change something.
_WRITES = re.compile(
    r"(?:^|_|\b)(?:book|cancel|update|create|delete|send|pay|charge|refund|transfer|modify|change"
    r"|schedule|reschedule|exchange|return|submit|set|add|remove)(?:_|\b|[A-Z])"
)
#: A yes of any language that we know one of; a "no" in the same turn is left to the reader.
_YES = re.compile(
    r"\b(?:yes|yeah|yep|sure|ok|okay|correct|right|please do|go ahead|confirm\w*|proceed|agree\w*"
    r"|sounds good|that works|ja|oui|si|sim|claro)\b|sí|はい|好的|是的|да\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact about a call; `turns` are the 0-based turns that show it."""

    kind: FactKind
    turns: tuple[int, ...]
    text: str


def facts_of(turns: Sequence[Turn]) -> list[Fact]:
    """Return the facts about a call, those of one kind together, at most MOST_OF_KIND of each."""
    found: list[Fact] = []
    for find in (_failed, _repeated, _unconfirmed, _said_again, _silences, _talk_over):
        found += list(find(turns))[:MOST_OF_KIND]
    return found


def fact_lines(facts: Sequence[Fact], turns: Sequence[Turn], context: CallContext) -> str:
    """Return the facts as a reader sees them, a line each, then the speakers and the end."""
    lines = [f"- {fact.text}" for fact in facts]
    speakers = Counter(speaker_of(turn) for turn in turns)
    counted = ", ".join(f"{speaker} {count}" for speaker, count in speakers.most_common(8))
    lines.append(f"- turns by speaker: {counted or 'none'}")
    if context.ended_reason:
        lines.append(f"- how it ended: {clean(context.ended_reason)[:80]}")
    if context.duration_s:
        lines.append(f"- it took {context.duration_s:.0f} seconds")
    return "\n".join(lines)


def speaker_of(turn: Turn) -> str:
    """Return who speaks in a line: the role, and the speaker's or the tool's name where known."""
    names = [clean(name)[:40] for name in (turn.speaker, turn.tool_name) if name]
    return " ".join([turn.role, *(name.replace("|", "/") for name in names)])


def _failed(turns: Sequence[Turn]) -> Iterator[Fact]:
    for number, turn in enumerate(turns):
        if turn.role == "tool_result" and _FAILED.search(turn.content[:2_000]):
            tool = clean(turn.tool_name or _tool_before(turns, number) or "a tool")[:40]
            yield Fact("tool_failed", (number,), f"{tool} answered with an error (line {number})")
        elif turn.role == "agent" and _RAN_BADLY.match(turn.content.lstrip()):
            program = clean(turn.speaker or "a program")[:40]
            yield Fact(
                "tool_failed", (number,), f"{program} answered with an error (line {number})"
            )


def _repeated(turns: Sequence[Turn]) -> Iterator[Fact]:
    calls: dict[tuple[str, str], list[int]] = {}
    for number, turn in enumerate(turns):
        if turn.role == "tool_call":
            key = (turn.tool_name or "", " ".join(turn.content.split()))
            calls.setdefault(key, []).append(number)
    for (name, _), lines in calls.items():
        if len(lines) > 1:
            tool = clean(name)[:40] or "a tool"
            where = ", ".join(map(str, lines[:6]))
            text = f"{tool} was called {len(lines)} times with the same arguments (lines {where})"
            yield Fact("tool_repeated", tuple(lines), text)


def _said_again(turns: Sequence[Turn]) -> Iterator[Fact]:
    lines: dict[tuple[str, ...], list[int]] = {}
    for number, turn in enumerate(turns):
        if turn.role == "agent" and len(said := turn.content.casefold().split()) >= SAID_WORDS:
            lines.setdefault((turn.speaker or "", *said), []).append(number)
    for numbers in lines.values():
        if len(numbers) > 1:
            where = ", ".join(map(str, numbers[:6]))
            text = f"the agent said the same {len(numbers)} times (lines {where})"
            yield Fact("said_again", tuple(numbers), text)


def _unconfirmed(turns: Sequence[Turn]) -> Iterator[Fact]:
    for number, turn in enumerate(turns):
        if turn.role != "tool_call" or not _WRITES.search(turn.tool_name or ""):
            continue
        said = [t for t in turns[max(0, number - BEFORE_WRITE) : number] if t.role == "user"]
        if not any(_YES.search(t.content) for t in said):
            tool = clean(turn.tool_name or "")[:40]
            text = f"{tool} was called with no plain yes of the caller in the lines before "
            yield Fact("write_unconfirmed", (number,), f"{text}(line {number})")


def _silences(turns: Sequence[Turn]) -> Iterator[Fact]:
    for number, (turn, following) in enumerate(pairwise(turns)):
        if turn.start_s is None or following.start_s is None:
            continue
        is_spoken = turn.role in ("agent", "user")
        spoken = len(turn.content) / SPOKEN_PER_S if is_spoken else 0.0
        if (gap := following.start_s - turn.start_s - spoken) >= SILENCE_S:
            text = f"about {gap:.0f} seconds of silence after line {number}"
            yield Fact("silence", (number,), text)


def _talk_over(turns: Sequence[Turn]) -> list[Fact]:
    spoken = [(n, t) for n, t in enumerate(turns) if t.role in ("agent", "user")]
    changes = 0
    found: list[Fact] = []
    for (number, turn), (later, following) in pairwise(spoken):
        if turn.role == following.role or turn.start_s is None or following.start_s is None:
            continue
        changes += 1
        still = len(turn.content) / QUICK_PER_S - (following.start_s - turn.start_s)
        if still >= OVERLAP_S:
            who = "the caller" if following.role == "user" else "the agent"
            text = f"{who} began line {later} while line {number} was still spoken"
            found.append(Fact("talk_over", (number, later), text))
    return found if len(found) <= WRITTEN_SHARE * changes else []


def _tool_before(turns: Sequence[Turn], number: int) -> str | None:
    calls = (turn.tool_name for turn in reversed(turns[:number]) if turn.role == "tool_call")
    return next(calls, None)
