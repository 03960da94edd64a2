"""Makes a pool's explanations comparable: the one pipeline that both auditors use.

Each explanation is read, what judges write about any call is left out, and what remains becomes a
row of weighted words (TF-IDF), weighed against the explanations of passing calls.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from typing import Any

import numpy as np

from failure_insights.audit.explanations import boilerplate, features
from failure_insights.audit.explanations.text import Explanation, names, read
from failure_insights.domain.metrics import MetricCard


@dataclass(frozen=True)
class Comparison:
    """A pool's explanations in one order, with their words and rows.

    `marks` says, for each word of each explanation, whether it is content and not boilerplate.
    """

    explanations: Sequence[Explanation]
    passing: Sequence[Explanation]
    marks: Sequence[Sequence[bool]]
    table: features.Features

    @property
    def rows(self) -> Any:
        """Sparse matrix with a row of unit length per explanation."""
        return self.table.rows

    @cached_property
    def maybe_names(self) -> frozenset[str]:
        """Words that only ever stand with a capital, and may be a person's name."""
        return names([*self.explanations, *self.passing])

    def nearest_first(self, members: Sequence[int]) -> list[int]:
        """Return the members (indices of explanations) from the most typical of them on."""
        return self.nearest_to(members, members)

    def nearest_to(self, members: Sequence[int], others: Sequence[int]) -> list[int]:
        """Return the others from the one that is most like the members on."""
        if not members or not others:
            return []
        centre = np.asarray(self.rows[list(members)].mean(axis=0)).ravel()
        # Rounded, so that equal texts tie whatever the order of summation was.
        likeness = np.round(np.asarray(self.rows[list(others)] @ centre).ravel(), 9)
        return [others[int(i)] for i in np.lexsort((np.array(others), -likeness))]

    def mean_words(self, members: Sequence[int]) -> Mapping[str, float]:
        """Return the mean weight of each single word that the members have."""
        mean = np.asarray(self.table.words[list(members)].mean(axis=0)).ravel()
        return {str(self.table.vocabulary[i]): float(mean[i]) for i in np.flatnonzero(mean)}


def compare(
    explanations: Sequence[Explanation], passing: Sequence[Explanation], metric: MetricCard
) -> Comparison:
    """Return the explanations with what they are compared by.

    Args:
        passing: explanations of calls that passed, which show what the judge says of any call.
        metric: its name and prompt are words that judges repeat.
    """
    rubric = read("", f"{metric.name}\n{metric.description}\n{metric.prompt}")
    marks = boilerplate.content(explanations, passing, rubric)
    documents = [
        features.terms(compress(item.words, mark)) or _plain_words(item)
        for item, mark in zip(explanations, marks, strict=True)
    ]
    if not any(documents):  # nothing to compare by: all are equally unlike
        documents = [[f"c{number}"] for number in range(len(documents))]
    background = [features.terms(w for w in item.words if not w.is_private) for item in passing]
    return Comparison(explanations, passing, marks, features.featurize(documents, background))


def _plain_words(explanation: Explanation) -> list[str]:
    """Return the words of an explanation that holds nothing but stop words and boilerplate."""
    return [word.folded for word in explanation.words if not word.is_private]
