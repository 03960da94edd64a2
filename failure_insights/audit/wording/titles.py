"""The name of a group: a phrase of the judges' own words that fits its calls and no others."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log

from failure_insights.audit.wording.text import STOP_WORDS, Explanation, Word

#: Words of a title; characters of a script without spaces count for less.
LEAST_WORDS, MOST_WORDS = 3, 9
CJK_WEIGHT = 0.45
#: Calls nearest to the middle of the group whose clauses may become its title.
CANDIDATE_CALLS = 40
#: A title says nothing new if it shares this part of its words with another.
TOO_ALIKE = 0.6
#: A word that is always written with a capital may be a person's name, unless so many calls
#: (and this part of the group) have it.
NAME_CALLS, NAME_SHARE = 3, 0.1

NO_COMMON_WORDS = "Explanations have few words in common"

#: A clause may begin after one of these: what the agent did is the title, not who did it.
_SUBJECTS = frozenset(
    """
    a agent ai also an and assistant bot but he it model representative response she so system that
    the then they this voice we which who because
    """.split()  # noqa: SIM905
)
_DANGLING = STOP_WORDS | {"not", "no", "never", "without", "every"}


@dataclass(frozen=True)
class Vocabulary:
    """How a group's words differ from those of the other calls."""

    weights: Mapping[str, float]
    calls: Sequence[frozenset[str]]
    unsafe: frozenset[str]


def vocabulary(
    members: Sequence[Explanation],
    marks: Sequence[Sequence[bool]],
    others: Sequence[frozenset[str]],
    names: Mapping[str, int],
) -> Vocabulary:
    """Return the weights of the group's words against the other calls.

    Args:
        members: explanations of the group.
        marks: for each word of each member, whether it is content.
        others: content words of each call outside the group, and of passing calls.
        names: words that are always written with a capital, and the calls that hold them.
    """
    calls = [content_words(member, mark) for member, mark in zip(members, marks, strict=True)]
    inside = Counter(word for words in calls for word in words)
    outside = Counter(word for words in others for word in words)
    weights = {}
    for word, count in inside.items():
        here = count / len(calls)
        there = (outside[word] + 0.5) / (len(others) + 1)
        weights[word] = here * max(0.0, log((here + 0.01) / (there + 0.01)))
    least = max(NAME_CALLS, NAME_SHARE * len(calls))
    unsafe = frozenset(word for word in names if inside[word] < least)
    return Vocabulary(weights, calls, unsafe)


def content_words(explanation: Explanation, marks: Sequence[bool]) -> frozenset[str]:
    return frozenset(
        word.folded
        for word, is_content in zip(explanation.words, marks, strict=True)
        if is_content and word.folded not in STOP_WORDS
    )


def capitalised(explanations: Sequence[Explanation]) -> dict[str, int]:
    """Return the words that only ever stand with a capital, with the number of calls of each."""
    small = {w.folded for e in explanations for w in e.words if w.surface[0].islower()}
    return Counter(
        folded
        for e in explanations
        for folded in {w.folded for w in e.words if w.surface[0].isupper()} - small - STOP_WORDS
    )


def title_of(
    members: Sequence[Explanation], vocabulary: Vocabulary, taken: Sequence[str]
) -> str | None:
    """Return the best phrase as a title, or None where no phrase is fit to be one.

    Args:
        members: explanations of the group, the most typical first.
        taken: titles of the other groups, which it must differ from.
    """
    scored: dict[str, float] = {}
    for member in members[:CANDIDATE_CALLS]:
        for phrase in _phrases(member, vocabulary.unsafe):
            title = _written(member, phrase)
            if title not in scored:
                scored[title] = _score(phrase, vocabulary)
    for title in sorted(scored, key=lambda t: (-scored[t], t)):
        if scored[title] > 0 and all(not _alike(title, other) for other in taken):
            return title
    return None


def fallback(vocabulary: Vocabulary, terms: Mapping[str, float], taken: Sequence[str]) -> str:
    """Return a title made of the group's most telling words, for want of a phrase."""
    safe = [word for word in terms if word not in vocabulary.unsafe and word not in STOP_WORDS]
    for count in (3, 4, 5, 6):
        title = f"Explanations about {', '.join(safe[:count])}"
        if safe and title not in taken:
            return title
    number = sum(title.startswith(NO_COMMON_WORDS) for title in taken)
    return NO_COMMON_WORDS + [", apart", ", otherwise", ", elsewhere", ", again", ", still"][
        number - 1
    ] * bool(number)


def typical_sentence(members: Sequence[Explanation], vocabulary: Vocabulary) -> str:
    """Return a sentence of one of the most typical calls that holds no number and no name."""
    best, most = "", 0.0
    for member in members[:CANDIDATE_CALLS]:
        for words in _sentences(member):
            content = {w.folded for w in words} - STOP_WORDS
            worth = sum(vocabulary.weights.get(word, 0.0) for word in content) / len(words) ** 0.5
            unfit = any(w.is_private or w.folded in vocabulary.unsafe for w in words)
            worth *= 0.3 if unfit else 1.0
            if worth > most and len(words) >= LEAST_WORDS:
                best, most = member.text[words[0].start : words[-1].end], worth
    return best and best[0].upper() + best[1:] + "."


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
    whole_clause: bool
    opens_clause: bool


def _phrases(member: Explanation, unsafe: frozenset[str]) -> Iterator[_Phrase]:
    """Yield the runs of words that could stand alone: each begins and ends where a phrase may."""
    words = member.words
    for start, word in enumerate(words):
        opens = word.after_break or words[start - 1].folded in _SUBJECTS
        if word.folded in _SUBJECTS or (word.folded in STOP_WORDS and not opens):
            continue
        length = 0.0
        for end in range(start, len(words)):
            last = words[end]
            if last.is_private or last.folded in unsafe or (end > start and last.after_break):
                break
            length += CJK_WEIGHT if last.is_cjk else 1
            if length > MOST_WORDS:
                break
            if length >= LEAST_WORDS and last.folded not in _DANGLING:
                closes = end + 1 == len(words) or words[end + 1].after_break
                yield _Phrase(words[start : end + 1], opens and closes, opens)


def _score(phrase: _Phrase, vocabulary: Vocabulary) -> float:
    content = {w.folded for w in phrase.words} - STOP_WORDS
    telling = sum(vocabulary.weights.get(word, 0.0) for word in content)
    enough = 0.6 * len(content)
    fitting = sum(len(content & words) >= enough for words in vocabulary.calls)
    score = telling * (0.3 + fitting / len(vocabulary.calls)) - 0.02 * len(phrase.words)
    return score * (1.5 if phrase.whole_clause else 1.25 if phrase.opens_clause else 1.0)


def _written(member: Explanation, phrase: _Phrase) -> str:
    title = member.text[phrase.words[0].start : phrase.words[-1].end]
    return title[0].upper() + title[1:]


def _alike(one: str, other: str) -> bool:
    a, b = ({w for w in title.casefold().split() if w not in STOP_WORDS} for title in (one, other))
    return len(a & b) >= TOO_ALIKE * max(1, min(len(a), len(b)))
