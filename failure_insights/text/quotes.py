"""Finds a quote in a transcript again, and returns the transcript's own words for it.

An LLM gives a line and a quote, a judge a quote alone. Case, dashes, spaces, accents and
punctuation may differ from the transcript; what is shown is always the span of the transcript.
"""

# ruff: noqa: RUF001 - quotation marks and dashes of every script are what this file is about
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from failure_insights.domain.calls import Turn
from failure_insights.text.harmless import CJK, INVISIBLE_OR_JOINER
from failure_insights.text.masking import mask

#: Characters of a quote as it is shown; longer ones are cut at a word.
MAX_QUOTE = 300
#: Words that a quote needs: fewer stand in any call by chance.
MIN_WORDS = 3
#: Characters from which on one word less is enough.
MIN_CHARACTERS = 12
#: Characters that a quote needs in a script that is written without spaces.
MIN_CJK = 4
#: Lines beside the cited one that are searched first: LLMs miscount by one or two.
BESIDE = 2
#: Likeness (0 to 100) from which a quote is the transcript's with a slip of the pen, such as a
#: left-out "um". Negations and numbers have to be the same even then.
FUZZY = 92
#: Words that a quote needs to be found by likeness.
FUZZY_WORDS = 4
#: Words that a quote needs to be found by its words alone, with other punctuation between them.
SAME_WORDS = 4
#: Words above which a quote is not looked for in that way: it would be a copy of a whole turn.
MAX_WORDS = 150
#: Characters of punctuation and space that may stand between two words of such a quote.
MAX_GAP = 4

_CLUSTER = re.compile(r"[\u1100-\u11ff]+|.[\u0300-\u036f\u0591-\u05c7\u064b-\u065f]*", re.DOTALL)
_SAME = str.maketrans("‘’‚‛“”„‟«»′″´`‐‑‒–—―−‹›", "''''\"\"\"\"\"\"'\"''-------<>")
_LINE_EDGE = re.compile(r"\n")
#: Where a sentence ends; in JSON, where a value or an object does.
_SENTENCE_EDGE = re.compile(r"[.!?…][\"'”’)\]]*(?=\s)|[。！？\n]|(?<=[}\]\",]),(?=\s*[\"{])")
_NEGATION = re.compile(
    r"\b(?:no|not|never|none|nothing|without|cannot|can't|\w+n't|nein|nicht|kein\w*|nie|ne|pas|jamais"
    r"|nunca|jamás|non|não|niet|geen)\b"
)
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Span:
    """Where a quote stands: the turn's index, and the turn's own characters."""

    turn: int
    text: str


def find(quote: str, line: int | None, turns: Sequence[Turn]) -> Span | None:
    """Return where the quote stands in the transcript, or None if it stands nowhere.

    Args:
        line: the turn that the quote was cited from; it may be off, or foreign to the call. None:
            no turn was cited.
        turns: the transcript.
    """
    for part in _parts(quote):
        searched = _folded(part).text.strip(" \"'")
        if not _is_long_enough(searched):
            continue
        near, far = _order(line, len(turns))
        for search, indices in (
            (_exact, (*near, *far)),
            (_by_words, (*near, *far)),
            (_nearly, near),
        ):
            for index in indices:
                if (span := _in_turn(search, searched, turns[index].content)) is not None:
                    return Span(index, span)
    return None


def _in_turn(
    search: Callable[[str, "_Folded"], tuple[int, int] | None], searched: str, content: str
) -> str | None:
    """Return the turn's own words for what is searched: as they are, or as an LLM saw them."""
    for text in dict.fromkeys((content, mask(content))):
        folded = _folded(text)
        if place := search(searched, folded):
            return _lift(folded, *place, content)
    return None


def whole_sentence(span: Span, turns: Sequence[Turn]) -> Span:
    """Return the span widened to the sentences, or the tool's line, that it stands in.

    It stays as it is where the whole would be longer than MAX_QUOTE characters.
    """
    content = turns[span.turn].content
    start = content.find(span.text)
    if start < 0:
        return span
    end = start + len(span.text)
    if len(content.strip()) <= MAX_QUOTE:
        return Span(span.turn, content.strip())
    for edges in (_LINE_EDGE, _SENTENCE_EDGE):
        before = [match.end() for match in edges.finditer(content, 0, start)]
        after = edges.search(content, max(start, end - 1))
        wide = content[before[-1] if before else 0 : after.end() if after else len(content)]
        if len(wide.strip()) <= MAX_QUOTE:
            return Span(span.turn, wide.strip())
    return span


def cut_quote(text: str) -> str:
    """Return the text, or its beginning up to MAX_QUOTE characters and a whole word."""
    if len(text) <= MAX_QUOTE:
        return text
    return text[: MAX_QUOTE + 1].rsplit(None, 1)[0][:MAX_QUOTE]


def _parts(quote: str) -> Iterator[str]:
    """Yield the quote; where an ellipsis leaves something out, its parts, longest first."""
    parts = re.split(r"\.{3,}|…|\[\.\.\.\]", quote)
    yield from sorted(parts, key=len, reverse=True)


def _is_long_enough(text: str) -> bool:
    if len(CJK.findall(text)) >= MIN_CJK:
        return True
    words = len(re.findall(r"\w+", text))
    return words >= MIN_WORDS or (words == MIN_WORDS - 1 and len(text) >= MIN_CHARACTERS)


def _order(line: int | None, count: int) -> tuple[list[int], list[int]]:
    """Return the turns near the cited one, nearest first, and the others."""
    if line is None or not -BESIDE <= line < count + BESIDE:
        return [], list(range(count))
    by_distance = sorted(range(count), key=lambda index: (abs(index - line), index))
    near = [index for index in by_distance if abs(index - line) <= BESIDE]
    return near, by_distance[len(near) :]


@dataclass(frozen=True)
class _Folded:
    """A text as it is compared, and for each of its characters where the original's stands."""

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
    plain = unicodedata.normalize("NFKC", INVISIBLE_OR_JOINER.sub("", cluster)).translate(_SAME)
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", plain.casefold()))


def _exact(searched: str, folded: _Folded) -> tuple[int, int] | None:
    start = folded.text.find(searched)
    return None if start < 0 else (start, start + len(searched))


def _by_words(searched: str, folded: _Folded) -> tuple[int, int] | None:
    """Return where the same words stand in the same order, whatever stands between them."""
    words = re.findall(r"\w+", searched)
    if not SAME_WORDS <= len(words) <= MAX_WORDS:
        return None
    gap = rf"\W{{1,{MAX_GAP}}}"
    match = re.search(rf"\b{gap.join(map(re.escape, words))}\b", folded.text)
    return match and match.span()


def _nearly(searched: str, folded: _Folded) -> tuple[int, int] | None:
    from rapidfuzz.fuzz import partial_ratio_alignment

    if len(re.findall(r"\w+", searched)) < FUZZY_WORDS:
        return None
    match = partial_ratio_alignment(searched, folded.text, score_cutoff=FUZZY)
    if match is None or match.dest_end - match.dest_start < len(searched) * 0.8:
        return None
    start, end = _whole_words(folded.text, match.dest_start, match.dest_end)
    for tokens in (_NUMBER, _NEGATION):
        if Counter(tokens.findall(folded.text[start:end])) != Counter(tokens.findall(searched)):
            return None
    return start, end


def _lift(folded: _Folded, start: int, end: int, content: str) -> str:
    """Return the original's own span, of whole words and not longer than a quote may be."""
    start, end = _whole_words(folded.text, start, end)
    return cut_quote(content[folded.starts[start] : folded.ends[end - 1]].strip())


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """Widen to whole words, so that "1 pm" out of "11 pm" shows what was said."""
    while start > 0 and _inside_word(text[start - 1], text[start]):
        start -= 1
    while end < len(text) and _inside_word(text[end - 1], text[end]):
        end += 1
    return start, end


def _inside_word(one: str, other: str) -> bool:
    joined = (one.isalnum() or one in "'_") and (other.isalnum() or other in "'_")
    return joined and not CJK.match(one) and not CJK.match(other)
