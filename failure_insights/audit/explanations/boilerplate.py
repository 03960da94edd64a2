"""Judge boilerplate: the words that a judge writes about every call, whatever went wrong.

Left in, it decides the groups: the same texts in five judge-like templates cluster at an NMI of
0.05, and at 0.77 once words under frequent 4-grams are dropped. But a cause has phrases of its own
that are as frequent, so not every frequent phrase is boilerplate; `_incoherent` tells which is.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from failure_insights.audit.explanations.text import STOP_WORDS, Explanation

#: Words of a run that count as one phrase of the judge.
GRAM = 4
#: A phrase is frequent from this part of the pool on, and from this many calls on.
FREQUENT_SHARE, FREQUENT_CALLS = 0.08, 4
#: Calls of a cause's own phrase are more alike than random calls, by so many standard errors and
#: so many more for the whole pool: the larger its part of the pool, the likelier is a template.
COHERENT, COHERENT_PER_SHARE = -0.5, 6.0
#: Where stripping leaves most calls with fewer words than this, the phrases were the content.
MIN_WORDS_LEFT = 3


def content(
    failing: Sequence[Explanation], passing: Sequence[Explanation], rubric: Explanation
) -> list[list[bool]]:
    """Return, for each word of each failing explanation, whether it says what went wrong.

    Args:
        passing: explanations of calls that passed; what they say too is no reason to fail.
        rubric: the metric's name and prompt, which judges like to repeat.
    """
    words = [_words(explanation) for explanation in failing]
    grams = [set(_grams(document)) for document in words]
    calls_with = Counter(gram for document in grams for gram in document)
    enough = max(FREQUENT_CALLS, FREQUENT_SHARE * len(words))
    frequent = {gram for gram, calls in calls_with.items() if calls >= enough}
    known = _known_phrases(passing, rubric) & calls_with.keys()
    judges = known | _incoherent(words, grams, frequent, known)
    kept = [_uncovered(document, judges) for document in words]
    thin = [sum(mark) < MIN_WORDS_LEFT for mark in kept]
    # Explanations made of templates alone: the templates are what tells them apart.
    spare_all = sum(thin) > len(words) / 2
    return [
        _spread(explanation, [True] * len(mark) if spare_all or is_thin else mark)
        for explanation, mark, is_thin in zip(failing, kept, thin, strict=True)
    ]


def _words(explanation: Explanation) -> list[str]:
    return [word.folded for word in explanation.words if not word.is_private]


def _spread(explanation: Explanation, marks: Sequence[bool]) -> list[bool]:
    """Return the marks with False put in for the private words that were left out."""
    rest = iter(marks)
    return [not word.is_private and next(rest) for word in explanation.words]


def _grams(words: Sequence[str]) -> Iterable[tuple[str, ...]]:
    return (tuple(words[i : i + GRAM]) for i in range(len(words) - GRAM + 1))


def _known_phrases(passing: Sequence[Explanation], rubric: Explanation) -> set[tuple[str, ...]]:
    """Return phrases of the rubric, and those that passing explanations use again and again."""
    calls_with = Counter(gram for document in passing for gram in set(_grams(_words(document))))
    enough = max(FREQUENT_CALLS, FREQUENT_SHARE * len(passing))
    return {gram for gram, calls in calls_with.items() if calls >= enough} | set(
        _grams(_words(rubric))
    )


def _incoherent(
    words: Sequence[list[str]],
    grams: Sequence[set[tuple[str, ...]]],
    frequent: set[tuple[str, ...]],
    known: set[tuple[str, ...]],
) -> set[tuple[str, ...]]:
    """Return the frequent phrases whose calls have no more in common than any calls have.

    A judge's template stands beside every cause; a cause's own phrase stands beside words of
    that cause. So the calls of a phrase are compared by their words under no frequent phrase,
    and count as alike if they are more so than random calls.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    rests = [
        " ".join(compress(document, _uncovered(document, frequent | known))) for document in words
    ]
    vectorizer = TfidfVectorizer(
        token_pattern=None,
        tokenizer=str.split,
        lowercase=False,
        stop_words=sorted(STOP_WORDS),
        sublinear_tf=True,
        min_df=2,
    )
    try:
        rows = vectorizer.fit_transform(rests)
    except ValueError:  # no word is left anywhere
        return frequent
    filled = np.flatnonzero(np.asarray(rows.sum(axis=1)).ravel() > 0)
    rows = rows[filled]
    likeness = (rows @ rows.T).toarray()
    np.fill_diagonal(likeness, 0.0)
    calls: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, index in enumerate(filled):
        for gram in grams[int(index)] & frequent:
            calls[gram].append(place)
    verdicts: dict[tuple[int, ...], bool] = {}
    for gram in frequent:
        key = tuple(calls[gram])
        if key not in verdicts:
            enough = COHERENT + COHERENT_PER_SHARE * len(key) / len(likeness)
            verdicts[key] = _surprise(likeness, list(key)) >= enough
    return {gram for gram in frequent if not verdicts[tuple(calls[gram])]}


def _surprise(likeness: NDArray[np.float64], calls: Sequence[int]) -> float:
    """Return by how many standard errors the calls are more alike than random calls are.

    Each call is compared by its mean likeness to the others of the phrase, less that to all.
    """
    count, everyone = len(calls), len(likeness)
    if count < 2 or everyone < 3:
        return 0.0
    inside = likeness[np.ix_(calls, calls)].sum(axis=1) / (count - 1)
    outside = likeness[calls].sum(axis=1) / (everyone - 1)
    gain = inside - outside
    return float(gain.mean() / (gain.std() / count**0.5 + 1e-3))


def _uncovered(words: Sequence[str], phrases: set[tuple[str, ...]]) -> list[bool]:
    """Return, for each word, whether it stands in none of the phrases."""
    uncovered = [True] * len(words)
    for start, gram in enumerate(_grams(words)):
        if gram in phrases:
            uncovered[start : start + GRAM] = [False] * GRAM
    return uncovered
