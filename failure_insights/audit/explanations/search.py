"""Searches explanations by words."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from math import log

#: Parameters of BM25 as its authors give them: saturation of repeated words (k1), and the part of
#: a text's length that counts (b).
SATURATION = 1.2
LENGTH_SHARE = 0.75


class SearchIndex:
    """Texts that can be searched by words (BM25; Robertson and Zaragoza 2009)."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._counts = [Counter(_tokens(text)) for text in texts]
        self._calls_with = Counter(word for counts in self._counts for word in counts)
        total = sum(counts.total() for counts in self._counts)
        self._mean_length = max(1.0, total / max(1, len(self._counts)))

    def search(self, query: str, limit: int) -> list[int]:
        """Return the indices of the best texts that share a word with the query, best first."""
        words = [word for word in dict.fromkeys(_tokens(query)) if word in self._calls_with]
        scored = [(self._score(words, counts), i) for i, counts in enumerate(self._counts)]
        return [i for score, i in sorted(scored, key=lambda x: (-x[0], x[1]))[:limit] if score > 0]

    def _score(self, words: Sequence[str], counts: Counter[str]) -> float:
        length = 1 - LENGTH_SHARE + LENGTH_SHARE * counts.total() / self._mean_length
        score = 0.0
        for word in words:
            if counts[word]:
                rare = (len(self._counts) + 1) / (self._calls_with[word] + 0.5)
                score += (
                    log(1 + rare)
                    * counts[word]
                    * (SATURATION + 1)
                    / (counts[word] + SATURATION * length)
                )
        return score


def _tokens(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())
