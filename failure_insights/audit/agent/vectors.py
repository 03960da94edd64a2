"""Compares calls by their explanations, and gives the words that a theme is recognised by.

The words are those of the wording auditor, so that a theme is recognised on other days whichever
auditor found it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from failure_insights.audit.agent.cases import Case
from failure_insights.audit.explanations import features
from failure_insights.audit.explanations.comparison import Comparison, compare
from failure_insights.audit.explanations.text import Explanation, read
from failure_insights.domain.metrics import MetricCard
from failure_insights.domain.pools import FailingCall
from failure_insights.text.harmless import clean, cut, tokens
from failure_insights.text.masking import mask

#: Weighted words that a theme keeps, to be recognised by.
TERMS = 30
#: A sentence of which less than this is content repeats the judge's template.
CONTENT = 1 / 3
#: Tokens of an explanation as other stages show it.
SAID_TOKENS = 90


@dataclass(frozen=True)
class Vectors:
    """The explanations of a pool as rows of unit length, in the order of its cases.

    `said` is each explanation, a long one without the sentences that the judge writes about any.
    """

    comparison: Comparison
    said: Sequence[str]

    @property
    def rows(self) -> Any:
        return self.comparison.rows

    def nearest_first(self, members: Sequence[int]) -> list[int]:
        """Return the members from the most typical of them on."""
        return self.comparison.nearest_first(members)

    def terms(self, members: Sequence[int], criterion: str) -> dict[str, float]:
        """Return what a theme is recognised by: half its calls' words, half its criterion's."""
        stated = Counter(features.terms(w for w in read("", criterion).words if not w.is_private))
        own, weights = _unit(stated), _unit(self.comparison.mean_words(members))
        for word, weight in own.items():
            weights[word] = weights.get(word, 0.0) + weight
        ranked = sorted(weights, key=lambda word: (-weights[word], word))
        unsafe = self.comparison.maybe_names - own.keys()
        safe = [word for word in ranked if word not in unsafe]
        return {word: round(weights[word], 6) for word in safe[:TERMS]}


def vectorize(cases: Sequence[Case], passing: Sequence[FailingCall], metric: MetricCard) -> Vectors:
    """Return the vectors of the cases; passing calls show what the judge says of any call."""
    failing = [read(case.call_id, case.call.explanation) for case in cases]
    passed = [read(call.call_id, call.explanation) for call in passing]
    comparison = compare(failing, passed, metric)
    said = [_said(item, mark) for item, mark in zip(failing, comparison.marks, strict=True)]
    return Vectors(comparison, said)


def _said(item: Explanation, mark: Sequence[bool]) -> str:
    """Return what the judge says of this call; a short explanation whole, lest a cause that many
    calls share is taken for a phrase of the judge."""
    whole = mask(clean(item.original))
    if tokens(whole) <= SAID_TOKENS or not item.words:
        return cut(whole, SAID_TOKENS)
    starts = [i for i, word in enumerate(item.words) if word.starts_sentence or i == 0]
    kept = []
    for start, end in zip(starts, [*starts[1:], len(item.words)], strict=True):
        if sum(mark[start:end]) >= CONTENT * (end - start):
            stop = item.words[end].start if end < len(item.words) else len(item.text)
            kept.append(item.text[item.words[start].start : stop].strip())
    return cut(mask(clean(" ".join(kept) or item.text)), SAID_TOKENS)


def _unit(weights: Mapping[str, float]) -> dict[str, float]:
    norm = sum(weight * weight for weight in weights.values()) ** 0.5
    return {word: weight / norm for word, weight in weights.items()}
