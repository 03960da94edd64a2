"""Makes calls ready to be read: harmless text, local handles, numbered lines, windows.

Whatever a stranger wrote reaches an LLM only through here. A transcript becomes one line per turn,
`k7qx2m|012|agent| text`: the mark says "this is evidence", and mark and number together are the
address that a quote cites. A line break inside
a turn begins with the mark too. (Datamarking: Hines et al. 2024, "Spotlighting"; a help, and no
boundary.)
"""

import hashlib
import re
from base64 import b32encode
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import log

from failure_insights.audit.agent.facts import Fact, facts_of, speaker_of
from failure_insights.domain.calls import Turn
from failure_insights.domain.pools import FailingCall, Pool
from failure_insights.text.harmless import INVISIBLE, clean, cut, defuse, tokens
from failure_insights.text.injection import reads_like_instructions
from failure_insights.text.masking import mask

#: Tokens of an explanation that are read.
EXPLANATION_TOKENS = 400
#: Tokens of one line of a transcript that is too long to be read whole.
LINE_TOKENS = 160
#: The same of a line that matters, and from which worth on (see `_worth`) it does.
WORTHY_LINE_TOKENS = 700
WORTH_MORE = 3.0
#: A sentence, a value of JSON or a line, with the white space behind it.
_PIECE = re.compile(r".+?(?:(?<=[,;.!?}\]])[^\S\n]+|\n+|\Z)", re.DOTALL)
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
    facts: tuple[Fact, ...] = ()

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
            cut(mask(clean(call.explanation)), EXPLANATION_TOKENS),
            reads_like_instructions(call.explanation),
        )
        for number, call in enumerate(sorted(pool.calls, key=lambda c: c.call_id), start=1)
    ]


def read(turns: Sequence[Turn], explanation: str, max_tokens: int) -> Reading:
    """Return the transcript in numbered lines: whole where it fits, else the lines that matter.

    Args:
        explanation: the judge's words, which lines of the window are chosen by.
        max_tokens: of all lines together.
    """
    whole = "\n".join(f"{turn.role}:{turn.content}" for turn in turns)
    digest = hashlib.sha256(whole.encode("utf-8", "replace")).digest()
    mark = b32encode(digest)[:6].decode().lower()
    facts = tuple(facts_of(turns))
    lines = _Lines(turns, mark, clean(explanation), facts)
    said = (t for turn in turns for t in (turn.content, turn.tool_name, turn.speaker) if t)
    flagged = any(map(reads_like_instructions, said))
    return Reading(turns, lines.shown(max_tokens), mark, flagged, facts)


class _Lines:
    """The lines of one transcript, and which of them are worth their tokens."""

    def __init__(
        self, turns: Sequence[Turn], mark: str, explanation: str, facts: Sequence[Fact]
    ) -> None:
        self.turns = turns
        self.mark = mark
        self.contents = [_legible(turn.content) for turn in turns]
        self.worth = _worth(turns, self.contents, explanation, facts)
        self.words = set(_words(explanation))

    def shown(self, max_tokens: int) -> str:
        """Return the lines, within so many tokens."""
        whole = [self._line(i, self.contents[i]) for i in range(len(self.turns))]
        if sum(map(tokens, whole)) <= max_tokens:
            return "\n".join(whole)
        lines = [self._line(i, self._cut(i)) for i in range(len(self.turns))]
        return _with_gaps(lines, self._kept([tokens(line) for line in lines], max_tokens))

    def _line(self, number: int, content: str) -> str:
        head = f"{self.mark}|{number:03}|{speaker_of(self.turns[number])}| "
        return head + content.replace("\n", f"\n{self.mark}|...| ")

    def _cut(self, number: int) -> str:
        """Return the turn, a long one around what the judge and later turns speak of."""
        content = self.contents[number]
        most = LINE_TOKENS if self.worth[number] < WORTH_MORE else WORTHY_LINE_TOKENS
        if tokens(content) <= most:
            return content
        later = " ".join(self.contents[number + 1 : number + 4])[:4_000]
        return cut_around(content, most, self.words | set(_words(later)))

    def _kept(self, costs: Sequence[int], max_tokens: int) -> set[int]:
        """Return the lines to keep: the best, the ends, then the next best with neighbours."""
        count = len(costs)
        ends = [*range(min(FIRST_TURNS, count)), *range(count)[-LAST_TURNS:]]
        ranked = sorted(range(count), key=lambda i: (-self.worth[i], i))
        near = (j for i in ranked for j in (i, i - 1, i + 1, i - 2, i + 2) if 0 <= j < count)
        kept: set[int] = set()
        spent = 0
        # The best lines go first: the ends of a call of very long lines must not crowd them out.
        for index in [*ranked[:6], *ends, *near]:
            if index not in kept and spent + costs[index] <= max_tokens:
                kept.add(index)
                spent += costs[index]
        return kept


def cut_around(text: str, most: int, words: Collection[str]) -> str:
    """Return the text in so many tokens: its beginning, its end, and what has most of the words.

    A turn's end is where it says what it came to: "FINAL ANSWER: 200".
    """
    pieces = _PIECE.findall(text)
    if len(pieces) < 4 or not words:
        return cut(text, most)
    costs = [tokens(piece) for piece in pieces]
    rare = Counter(word for piece in pieces for word in set(_words(piece)) if word in words)
    worth = [sum(1 / rare[w] for w in set(_words(piece)) if w in rare) for piece in pieces]
    kept: set[int] = set()
    spent = 0
    for index in [0, len(pieces) - 1, *sorted(range(len(pieces)), key=lambda i: (-worth[i], i))]:
        for near in (index, index - 1, index + 1):
            if 0 <= near < len(pieces) and near not in kept and spent + costs[near] + 4 <= most:
                kept.add(near)
                spent += costs[near] + 4
    if not kept:
        return cut(text, most)
    parts: list[str] = []
    last = -1
    for index in sorted(kept):
        parts += ["[...] "] if index > last + 1 else []
        parts.append(pieces[index])
        last = index
    return cut("".join([*parts, *([" [...]"] if last + 1 < len(pieces) else [])]), most)


def _legible(content: str) -> str:
    """Return a turn with its lines, so that code and tables can be read; JSON on one line."""
    text = mask(defuse(INVISIBLE.sub("", content.encode("utf-8", "replace").decode())))
    if text.lstrip()[:1] in ("{", "["):
        return " ".join(text.split())
    lines = [re.sub(r"(?<=\S)[^\S\n]{2,}", "  ", line).rstrip() for line in text.splitlines()]
    return "\n".join(line for line in lines if line.strip())


def _worth(
    turns: Sequence[Turn], contents: Sequence[str], explanation: str, facts: Sequence[Fact]
) -> list[float]:
    """Return how much each turn matters: the judge's words, tool errors, and what was changed."""
    spoken_of = set(_words(explanation))
    matches = [spoken_of & set(_words(content)) for content in contents]
    turns_with = Counter(word for words in matches for word in words)
    worth = [sum(log(1 + len(contents) / turns_with[word]) for word in words) for words in matches]
    for fact in facts:
        for number in fact.turns:
            worth[number] += 3.0
            if number + 1 < len(worth):
                worth[number + 1] += 1.5
    for number, turn in enumerate(turns):
        worth[number] += 1.0 if turn.role == "tool_call" else 0.0
    return worth


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
