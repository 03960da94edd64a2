"""Quotes: shown only as the transcript's own words, looked up where the LLM says that they stand.

An LLM gives a line and a quote. Here the quote is found again, whatever happened to its case,
dashes, spaces or accents on the way, and what is kept is the span of the transcript itself.
"""

# ruff: noqa: RUF001 - quotation marks and dashes of every script are what this file is about
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from failure_insights.domain.calls import Turn

#: Longer quotes are cut at a word; shorter ones stand in any call by chance.
MAX_QUOTE, MIN_WORDS, MIN_CHARACTERS = 300, 3, 12
#: The same for scripts that write without spaces.
MIN_CJK = 4
#: Lines beside the cited one that are searched first: LLMs miscount by one or two.
BESIDE = 2
#: Likeness (0 to 100) from which a quote of FUZZY_WORDS or more is a slip of the pen, such as a
#: left-out "um". Negations and numbers have to be the same even then.
FUZZY, FUZZY_WORDS = 92, 4

_CLUSTER = re.compile(r"[\u1100-\u11ff]+|.[\u0300-\u036f\u0591-\u05c7\u064b-\u065f]*", re.DOTALL)
_DROPPED = re.compile(
    r"[\u0000-\u0008\u000e-\u001f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)
_SAME = str.maketrans("‘’‚‛“”„‟«»′″´`‐‑‒–—―−‹›", "''''\"\"\"\"\"\"'\"''-------<>")
_NEGATION = re.compile(
    r"\b(?:no|not|never|none|nothing|without|cannot|can't|\w+n't|nein|nicht|kein\w*|nie|ne|pas|jamais"
    r"|nunca|jamás|non|não|niet|geen)\b"
)
_NUMBER = re.compile(r"\d+")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True)
class Span:
    """Where a quote stands: the turn's index, and the turn's own characters."""

    turn: int
    text: str


def find(quote: str, line: int | None, turns: Sequence[Turn]) -> Span | None:
    """Return where the quote stands in the transcript, or None if it stands nowhere.

    Args:
        line: the turn that the quote was cited from; it may be off, or foreign to the call.
        turns: the transcript.
    """
    for part in _parts(quote):
        wanted = _folded(part).text.strip(" \"'")
        if not _says_enough(wanted):
            continue
        near, far = _order(line, len(turns))
        for index in (*near, *far):
            if (span := _exact(wanted, turns[index].content)) is not None:
                return Span(index, span)
        for index in near:
            if (span := _nearly(wanted, turns[index].content)) is not None:
                return Span(index, span)
    return None


def _parts(quote: str) -> Iterator[str]:
    """Yield the quote; where an ellipsis leaves something out, its parts, longest first."""
    parts = re.split(r"\.{3,}|…|\[\.\.\.\]", quote)
    yield from sorted(parts, key=len, reverse=True)


def _says_enough(wanted: str) -> bool:
    if len(_CJK.findall(wanted)) >= MIN_CJK:
        return True
    words = len(re.findall(r"\w+", wanted))
    return words >= MIN_WORDS or (words == MIN_WORDS - 1 and len(wanted) >= MIN_CHARACTERS)


def _order(line: int | None, count: int) -> tuple[list[int], list[int]]:
    """Return the turns near the cited one, nearest first, and the others."""
    if line is None or not -BESIDE <= line < count + BESIDE:
        return [], list(range(count))
    by_distance = sorted(range(count), key=lambda index: (abs(index - line), index))
    near = [index for index in by_distance if abs(index - line) <= BESIDE]
    return near, by_distance[len(near) :]


@dataclass(frozen=True)
class _Folded:
    """A text as it is compared, and for each of its characters where the original's begins."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]


@lru_cache(maxsize=4096)
def _folded(text: str) -> _Folded:
    folded: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for match in _CLUSTER.finditer(text):
        for character in _fold(match[0]):
            if character == " " and (not folded or folded[-1] == " "):
                continue
            folded.append(character)
            starts.append(match.start())
            ends.append(match.end())
    return _Folded("".join(folded), starts, ends)


@lru_cache(maxsize=8192)
def _fold(cluster: str) -> str:
    if cluster.isspace():
        return " "
    plain = unicodedata.normalize("NFKC", _DROPPED.sub("", cluster)).translate(_SAME)
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", plain.casefold()))


def _exact(wanted: str, content: str) -> str | None:
    folded = _folded(content)
    start = folded.text.find(wanted)
    return None if start < 0 else _lift(folded, start, start + len(wanted), content)


def _nearly(wanted: str, content: str) -> str | None:
    from rapidfuzz.fuzz import partial_ratio_alignment

    if len(re.findall(r"\w+", wanted)) < FUZZY_WORDS:
        return None
    folded = _folded(content)
    match = partial_ratio_alignment(wanted, folded.text, score_cutoff=FUZZY)
    if match is None or match.dest_end - match.dest_start < len(wanted) * 0.8:
        return None
    start, end = _whole_words(folded.text, match.dest_start, match.dest_end)
    found = folded.text[start:end]
    for tokens in (_NUMBER, _NEGATION):
        if Counter(tokens.findall(found)) != Counter(tokens.findall(wanted)):
            return None
    return _lift(folded, start, end, content)


def _lift(folded: _Folded, start: int, end: int, content: str) -> str:
    """Return the original's own span, of whole words and not longer than a quote may be."""
    start, end = _whole_words(folded.text, start, end)
    span = content[folded.starts[start] : folded.ends[end - 1]].strip()
    if len(span) <= MAX_QUOTE:
        return span
    return span[: MAX_QUOTE + 1].rsplit(None, 1)[0][:MAX_QUOTE]


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """Widen to whole words, so that "1 pm" out of "11 pm" shows what was said."""
    while start > 0 and _inside_word(text[start - 1], text[start]):
        start -= 1
    while end < len(text) and _inside_word(text[end - 1], text[end]):
        end += 1
    return start, end


def _inside_word(one: str, other: str) -> bool:
    joined = (one.isalnum() or one in "'_") and (other.isalnum() or other in "'_")
    return joined and not _CJK.match(one) and not _CJK.match(other)
