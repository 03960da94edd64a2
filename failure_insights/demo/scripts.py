"""How the demo's texts are read: a script becomes the turns of one call.

One line of a script is one turn:

    agent: text          the agent speaks            user: text      the caller speaks
    agent.label: text    ... and `$label` holds what was said, for judges to quote
    call TOOL {...}      a tool call                 result {...}    what that tool returned
    @name                a fragment, one of its variants
    ...                  silence

In every text `{one|other}` is one of the wordings and `$slot` or `${slot}` a value of the call.
Variants of a script stand between lines of `---`.
"""

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Turn = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Played:
    """What was said in one call, how long it took, and the mean wait for the agent's answers."""

    turns: list[Turn]
    duration_s: float
    latency_s: float


_CHOICE = re.compile(r"\{([^{}]*\|[^{}]*)\}")
_SLOT = re.compile(r"\$(?:([a-z]\w*)|\{([a-z]\w*)\})")
_SPOKEN = re.compile(r"(agent|user)(?:\.(\w+))?: (.*)")
_SENTENCE = re.compile(r"(?:^|(?<=[.?!] ))[a-z]")
_TOOL = re.compile(r"(?:call (\w+)|result(?:\.\w+)?) (\{.*\})")

WORDS_PER_SECOND = 2.6
HESITATIONS = ("Um... ", "Uh, so... ", "Hm. ", "Er... ")
HESITATING = 0.08


def variants(text: str) -> list[str]:
    """Return the variants that stand between lines of `---`; one of them may be empty."""
    return [part.strip() for part in re.split(r"^---$", text, flags=re.MULTILINE)]


def lines(text: str) -> list[str]:
    """Return the lines of a text that are not empty."""
    return [line for line in text.splitlines() if line.strip()]


def fill(text: str, slots: Mapping[str, str], rng: random.Random) -> str:
    """Return the text with its wordings chosen and its slots filled.

    Raises:
        KeyError: the text names a slot that this call does not have.
    """
    chosen = _CHOICE.sub(lambda match: rng.choice(match[1].split("|")), text)
    return _SLOT.sub(lambda match: slots[match[1] or match[2]], chosen)


def play(
    script: str,
    fragments: Mapping[str, list[str]],
    slots: dict[str, str],
    rng: random.Random,
    pause_s: float,
) -> Played:
    """Return one call; what labelled turns say is added to `slots`.

    Args:
        slots: values of this call; labels are added.
        pause_s: how long a silence (`...`) lasts, in seconds.
    """
    turns: list[Turn] = []
    waits: list[float] = []
    clock, tool = 0.3, ""
    for before, line in pairwise(["", *_unfold(script, fragments, rng)]):
        paused = before == "..."
        if line == "...":
            clock += pause_s + 4 * rng.random()
        elif match := _TOOL.fullmatch(line):
            role, tool = ("tool_call", match[1]) if match[1] else ("tool_result", tool)
            content = fill(match[2], slots, rng)
            turns.append(_turn(role, content, clock, tool_name=tool))
            clock += 0.2 + 0.9 * rng.random()
        elif match := _SPOKEN.fullmatch(line):
            role, label, text = match[1], match[2], _sentences(fill(match[3], slots, rng))
            if role == "user" and len(turns) > 1 and rng.random() < HESITATING:
                text = rng.choice(HESITATIONS) + text
            if label:
                slots[label] = text
            if not paused and turns and turns[-1]["role"] == role:
                turns[-1]["content"] += " " + text
            else:
                wait = rng.lognormvariate(0.35, 0.45) if role == "agent" else 0.3 + rng.random()
                waits += [wait] if role == "agent" else []
                clock += wait
                turns.append(_turn(role, text, clock))
            clock += len(text.split()) / WORDS_PER_SECOND
        else:
            raise ValueError(f"line of a script that is no turn: {line!r}")
    return Played(turns, round(clock, 1), round(sum(waits) / len(waits), 2))


def _sentences(text: str) -> str:
    return _SENTENCE.sub(lambda match: match[0].upper(), text)


def _turn(role: str, content: str, clock: float, **more: str) -> Turn:
    return {"role": role, "content": content, "start_s": round(clock, 1), **more}


def _unfold(script: str, fragments: Mapping[str, list[str]], rng: random.Random) -> Iterator[str]:
    """Yield the lines of a script, a variant of the fragment in the place of `@fragment`."""
    for line in lines(script):
        if line.startswith("@"):
            yield from _unfold(rng.choice(fragments[line[1:]]), fragments, rng)
        else:
            yield line
