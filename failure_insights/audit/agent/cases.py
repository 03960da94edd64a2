"""Makes calls ready to be read: harmless text, local handles, numbered lines, windows.

Whatever a stranger wrote reaches an LLM only through here. A transcript becomes one line per turn,
`k7qx2m|012|agent| text`: the mark says "this is evidence", and mark and number together are the
address that a quote cites. (Datamarking: Hines et al. 2024, "Spotlighting". A help, no boundary.)
"""

import hashlib
import re
from base64 import b32encode
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from failure_insights.domain.calls import Turn
from failure_insights.domain.pools import FailingCall, Pool
from failure_insights.text.harmless import clean, cut, tokens
from failure_insights.text.injection import reads_like_instructions

#: Tokens of an explanation that are read.
EXPLANATION_TOKENS = 400
#: Tokens of one line of a transcript that are read.
LINE_TOKENS = 300
#: Turns at the beginning of a long call that are always read.
FIRST_TURNS = 6
#: Turns at its end that are always read.
LAST_TURNS = 8


@dataclass(frozen=True)
class Case:
    """A failing call under its local handle; `explanation` is harmless and cut to what is read.

    `flagged` is whether the explanation reads like instructions to its reader.
    """

    handle: str
    call: FailingCall
    explanation: str
    flagged: bool

    @property
    def call_id(self) -> str:
        return self.call.call_id


@dataclass(frozen=True)
class Reading:
    """A transcript as an LLM reads it; `mark` begins each of its lines."""

    turns: Sequence[Turn]
    text: str
    mark: str
    flagged: bool

    @property
    def is_empty(self) -> bool:
        return not any(turn.content.strip() for turn in self.turns)


def prepare(pool: Pool) -> list[Case]:
    """Return the pool's calls as c001, c002, ... in the order of their IDs."""
    digits = max(3, len(str(len(pool.calls))))
    return [
        Case(
            f"c{number:0{digits}}",
            call,
            cut(clean(call.explanation), EXPLANATION_TOKENS),
            reads_like_instructions(call.explanation),
        )
        for number, call in enumerate(sorted(pool.calls, key=lambda c: c.call_id), start=1)
    ]


def read(turns: Sequence[Turn], explanation: str, max_tokens: int) -> Reading:
    """Return the transcript in numbered lines, a window of it where it is too long.

    Args:
        explanation: the judge's words, which lines of the window are chosen by.
        max_tokens: of all lines together.
    """
    contents = [clean(turn.content) for turn in turns]
    whole = "\n".join(f"{turn.role}:{turn.content}" for turn in turns)
    digest = hashlib.sha256(whole.encode("utf-8", "replace")).digest()
    mark = b32encode(digest)[:6].decode().lower()
    lines = []
    for number, (turn, content) in enumerate(zip(turns, contents, strict=True)):
        speaker = f"{turn.role} {clean(turn.tool_name)[:40]}" if turn.tool_name else turn.role
        lines.append(f"{mark}|{number:03}|{speaker}| {cut(content, LINE_TOKENS)}")
    kept = _window(contents, lines, clean(explanation), max_tokens)
    said = (text for turn in turns for text in (turn.content, turn.tool_name) if text)
    flagged = any(map(reads_like_instructions, said))
    return Reading(turns, _with_gaps(lines, kept), mark, flagged)


def _window(
    contents: Sequence[str], lines: Sequence[str], explanation: str, max_tokens: int
) -> set[int]:
    """Return the lines to keep: the ends, then those most like the explanation, with neighbours."""
    costs = [tokens(line) for line in lines]
    if sum(costs) <= max_tokens:
        return set(range(len(lines)))
    ends = [*range(min(FIRST_TURNS, len(lines))), *range(len(lines))[-LAST_TURNS:]]
    worth = _likeness(contents, explanation)
    ranked = sorted(range(len(lines)), key=lambda i: (-worth[i], i))
    near = (j for i in ranked for j in (i, i - 1, i + 1, i - 2, i + 2) if 0 <= j < len(lines))
    kept: set[int] = set()
    spent = 0
    # The best lines go first: the ends of a call of very long lines must not crowd them out.
    for index in [*ranked[:3], *ends, *near]:
        if index not in kept and spent + costs[index] <= max_tokens:
            kept.add(index)
            spent += costs[index]
    return kept


def _likeness(contents: Sequence[str], explanation: str) -> list[float]:
    """Return how much each turn has of the explanation's words; rare words count for more."""
    wanted = set(_words(explanation))
    found = [wanted & set(_words(content)) for content in contents]
    turns_with = Counter(word for words in found for word in words)
    failed = [0.5 * bool(re.search(r"error|fail|exception|timeout", c, re.I)) for c in contents]
    return [
        sum(log(1 + len(contents) / turns_with[word]) for word in words) + bonus
        for words, bonus in zip(found, failed, strict=True)
    ]


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"\w+", text[:20_000].casefold()) if len(word) > 3]


def _with_gaps(lines: Sequence[str], kept: set[int]) -> str:
    shown: list[str] = []
    last = -1
    for index in sorted(kept):
        if index > last + 1:
            shown.append(f"[... lines {last + 1}-{index - 1} omitted ...]")
        shown.append(lines[index])
        last = index
    if last + 1 < len(lines):
        shown.append(f"[... lines {last + 1}-{len(lines) - 1} omitted ...]")
    return "\n".join(shown)
