"""The name of a group: a phrase of the judges' own words that fits its calls and no others."""

# ruff: noqa: RUF001 - judges use quotation marks of every kind
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log

from failure_insights.audit.explanations.text import (
    GENERIC_WORDS,
    STOP_WORDS,
    Explanation,
    Word,
)

#: Words of a title; characters of a script without spaces count for less.
LEAST_WORDS, MOST_WORDS = 3, 9
CJK_WEIGHT = 0.45
#: Calls nearest to the middle of the group whose clauses may become its title.
CANDIDATE_CALLS = 40
#: A phrase fits a call that has this part of its words. A title fits this part of the group.
FITS, FITS_GROUP = 0.6, 0.34
#: What a word costs a phrase that no call of the group has; words of a few calls cost in between.
RARE_WORD = 0.2
#: Two titles say the same if they share this part of their words.
TOO_ALIKE = 0.8
#: A word that is always written with a capital may be a person's name, unless so many calls
#: (and this part of the group) have it.
NAME_CALLS, NAME_SHARE = 3, 0.1
#: The same in a language that writes every noun with a capital.
NOUN_CALLS = 2
NO_COMMON_WORDS = "Explanations have few words in common"

_AUXILIARIES = frozenset(
    "can could did do does had has have is may might must should was were will would".split()  # noqa: SIM905
)
#: A clause begins at a break or after one of these, and what the agent did is the title, not who
#: did it: the subject is left out.
_CONNECTIVES = frozenset(
    "although and because but since so specifically that then which while who".split()  # noqa: SIM905
)
_SUBJECTS = frozenset(
    """
    a agent ai also an assistant bot directly he however instead it main merely model representative
    she simply system the they this voice we
    """.split()  # noqa: SIM905
)
_NEVER_FIRST = (_CONNECTIVES | _SUBJECTS | STOP_WORDS) - _AUXILIARIES - {"agent", "assistant"}
_NEVER_SHORT = _AUXILIARIES | {"not", "no", "never", "without"}
_PARTICLES = frozenset({"away", "down", "off", "out", "over", "up", "it", "them"})
_NEVER_LAST = (
    STOP_WORDS
    | {"not", "no", "never", "without", "every"}
    | {"able", "failed", "fails", "tried", "tries", "unable"}
) - _PARTICLES
#: Before one of these a phrase may end: what follows adds a detail.
_JOINTS = frozenset(
    """
    about after although as at because before but by during for from if in on since so that through
    to until via when where which while who with without yet
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Vocabulary:
    """How a group's words differ from those of the other calls.

    `weights` is how telling each word is, `shares` the part of the group that has it, `calls` the
    words of each call, `unsafe` the words that may be a name.
    """

    weights: Mapping[str, float]
    shares: Mapping[str, float]
    calls: Sequence[frozenset[str]]
    unsafe: frozenset[str]

    def top(self, count: int) -> list[str]:
        """Return the most telling words that two calls have, without those that may be a name."""
        two = min(2, len(self.calls)) / len(self.calls)
        safe = [
            word
            for word, weight in self.weights.items()
            if weight > 0 and len(word) > 1 and self.shares[word] >= two and word not in self.unsafe
        ]
        return sorted(safe, key=lambda word: (-self.weights[word], word))[:count]


def vocabulary(
    members: Sequence[Explanation],
    marks: Sequence[Sequence[bool]],
    others: Sequence[frozenset[str]],
    maybe_names: frozenset[str],
    least: float,
) -> Vocabulary:
    """Return the words of a group against those of the other calls.

    Args:
        members: explanations of the group.
        marks: for each word of each member, whether it is content.
        others: content words of each call outside the group, and of passing calls.
        maybe_names: words that are always written with a capital.
        least: calls of the group that have to share such a word before it is taken for none.
    """
    calls = [content_words(member, mark) for member, mark in zip(members, marks, strict=True)]
    inside = Counter(word for words in calls for word in words)
    outside = Counter(word for words in others for word in words)
    shares = {word: count / len(calls) for word, count in inside.items()}
    weights = {}
    for word, here in shares.items():
        there = (outside[word] + 0.5) / (len(others) + 1)
        telling = max(0.0, log((here + 0.01) / (there + 0.01)))
        weights[word] = 0.0 if word in GENERIC_WORDS else here * telling
    unsafe = frozenset(word for word in maybe_names if inside[word] < least)
    return Vocabulary(weights, shares, calls, unsafe)


def content_words(explanation: Explanation, marks: Sequence[bool]) -> frozenset[str]:
    return frozenset(
        word.folded
        for word, is_content in zip(explanation.words, marks, strict=True)
        if is_content and word.folded not in STOP_WORDS
    )


def capitalises_nouns(explanations: Sequence[Explanation]) -> bool:
    """Return whether every sixth word inside a clause has a capital, as in German."""
    inside = [w.surface[0].isupper() for e in explanations for w in e.words if not w.after_break]
    return sum(inside) > len(inside) / 6


def title_of(members: Sequence[Explanation], vocabulary: Vocabulary, taken: Sequence[str]) -> str:
    """Return the phrase that fits the group best, or words of it where none does.

    Args:
        members: explanations of the group, the most typical first.
        taken: titles of the other groups, which it differs from.
    """
    scored: dict[str, float] = {}
    for member in members[:CANDIDATE_CALLS]:
        for phrase in _phrases(member, vocabulary.unsafe):
            title = _written(phrase.words, member.text)
            if title not in scored:
                scored[title] = _score(phrase, vocabulary)
    for title in sorted(scored, key=lambda t: (-scored[t], t)):
        if scored[title] > 0 and all(not _alike(title, other) for other in taken):
            return title
    return _words_as_title(vocabulary, taken)


def _words_as_title(vocabulary: Vocabulary, taken: Sequence[str]) -> str:
    for count in (3, 4, 5, 6):
        *first, last = vocabulary.top(count) or [""]
        title = f"Explanations that mention {', '.join(first)}{' and ' if first else ''}{last}"
        if last and title not in taken:
            return title
    endings = ("", " either", " again", " at all", " still", " as well")
    return next(t for end in endings if (t := NO_COMMON_WORDS + end) not in taken)


def typical_sentence(members: Sequence[Explanation], vocabulary: Vocabulary, title: str) -> str:
    """Return a sentence of a typical call, with an ellipsis for each number and name.

    The sentence that the title comes from, or one like it, goes before others.
    """
    named = set(title.casefold().split()) - STOP_WORDS
    best, most = "", 0.0
    for member in members[:CANDIDATE_CALLS]:
        for words in _sentences(member):
            content = {w.folded for w in words} - STOP_WORDS
            worth = sum(vocabulary.weights.get(word, 0.0) for word in content) / len(words) ** 0.5
            worth *= 1 + len(named & content) / max(1, len(named))
            hidden = [w for w in words if w.is_private or w.folded in vocabulary.unsafe]
            worth *= 0.8 ** len(hidden)
            if worth > most and len(words) >= LEAST_WORDS:
                best, most = _redacted(words, hidden, member.text), worth
    return best


def _redacted(words: Sequence[Word], hidden: Sequence[Word], text: str) -> str:
    parts, at = [], words[0].start
    for word in hidden:
        parts += [text[at : word.start], "…"]
        at = word.end
    sentence = "".join([*parts, text[at : words[-1].end]])
    sentence = re.sub(r"…(?:\W*…)+", "…", re.sub(r"[\"“”«»]", "", sentence))
    return _capital(sentence, words[0]) + ("" if sentence.endswith("…") else ".")


def _sentences(member: Explanation) -> Iterator[list[Word]]:
    sentence: list[Word] = []
    for word in member.words:
        if word.starts_sentence and sentence:
            yield sentence
            sentence = []
        sentence.append(word)
    if sentence:
        yield sentence


@dataclass(frozen=True)
class _Phrase:
    words: Sequence[Word]
    opens_clause: bool
    closes_clause: bool


def _phrases(member: Explanation, unsafe: frozenset[str]) -> Iterator[_Phrase]:
    """Yield the runs of words that could stand alone: each begins and ends where a phrase may."""
    words = member.words
    for start, first in enumerate(words):
        before = words[start - 1].folded if start else ""
        opens = _opens_clause(words, start)
        if first.folded in _NEVER_FIRST or (not opens and before in _NEVER_LAST):
            continue
        run: list[Word] = []
        length = 0.0
        for end in range(start, len(words)):
            last = words[end]
            if last.folded in unsafe or (end > start and last.after_break):
                break
            if last.is_private:
                if last.is_identifier and run:
                    continue  # "flight HAT229 is full" is as good without the number
                break
            run.append(last)
            length += CJK_WEIGHT if last.is_cjk else 1
            if length > MOST_WORDS:
                break
            following = words[end + 1] if end + 1 < len(words) else None
            closes = following is None or following.after_break or following.is_private
            is_whole = opens and closes and first.folded not in _NEVER_SHORT
            if (
                length >= (LEAST_WORDS if is_whole else LEAST_WORDS + 1)
                and last.folded not in _NEVER_LAST
                and (following is None or closes or last.is_cjk or following.folded in _JOINTS)
            ):
                yield _Phrase(tuple(run), opens, closes)


def _opens_clause(words: Sequence[Word], start: int) -> bool:
    """Return whether nothing but a subject stands between a clause's beginning and the word."""
    while not words[start].after_break and words[start - 1].folded in _SUBJECTS:
        start -= 1
    return words[start].after_break or words[start - 1].folded in _CONNECTIVES


def _score(phrase: _Phrase, vocabulary: Vocabulary) -> float:
    """Return how well a phrase names the group; 0 or less if it does not.

    It has to be telling, to fit many calls, and to claim nothing that only few calls have.
    """
    content = {w.folded for w in phrase.words} - STOP_WORDS
    telling = sum(vocabulary.weights.get(word, 0.0) for word in content)
    fitting = sum(len(content & words) >= FITS * len(content) for words in vocabulary.calls)
    fitting_share = fitting / len(vocabulary.calls)
    if fitting_share < FITS_GROUP:
        return 0.0
    shares = {word: vocabulary.shares.get(word, 0.0) for word in content}
    if any("_" in word and share < FITS for word, share in shares.items()):
        return 0.0  # a tool's name is a claim about all of the calls
    rare = sum(max(0.0, 1 - share / FITS_GROUP) for share in shares.values())
    score = telling * (0.3 + fitting_share) - RARE_WORD * rare - 0.02 * len(phrase.words)
    score *= 1.0 if phrase.opens_clause else 0.6
    return score * (1.25 if phrase.closes_clause else 1.0)


def _written(words: Sequence[Word], text: str) -> str:
    """Return the words as they stand in the text, with a capital first and identifiers left out."""
    parts: list[str] = []
    for word, following in zip(words, [*words[1:], None], strict=True):
        gap = text[word.end : following.start] if following else ""
        # A gap that holds letters is that of an identifier which was left out.
        plain = gap if not any(c.isalnum() or c in "<>*`#@|~" for c in gap) else " "
        parts.append(word.surface + (plain if len(plain) <= 2 else " "))
    return _capital("".join(parts).rstrip(" \"'“”‘’([{"), words[0])


def _capital(text: str, first: Word) -> str:
    """Return the text with a capital first, unless its first word is code: `send_sms`."""
    is_code = "_" in first.surface or any(c.isupper() for c in first.surface[1:])
    return text if is_code else text[:1].upper() + text[1:]


def _alike(one: str, other: str) -> bool:
    a, b = ({w for w in title.casefold().split() if w not in STOP_WORDS} for title in (one, other))
    return len(a & b) >= TOO_ALIKE * max(1, min(len(a), len(b)))
