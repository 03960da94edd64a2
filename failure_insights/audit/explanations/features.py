"""What explanations are compared by: weighted words and pieces of words, as rows of unit length."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_insights.audit.explanations.text import STOP_WORDS, Word


@dataclass(frozen=True)
class Features:
    """Rows of unit length, one a call: `rows` of words and pieces, `words` of single words only."""

    rows: Any  # scipy.sparse.csr_matrix, calls x (words + pieces)
    words: Any  # scipy.sparse.csr_matrix, calls x vocabulary
    vocabulary: NDArray[np.str_]


def terms(words: Iterable[Word]) -> list[str]:
    """Return what the words are compared by, without stop words.

    Where a script has no spaces, pairs of neighbouring characters stand for words: single
    characters are shared by texts of any topic.
    """
    found: list[str] = []
    before: Word | None = None
    for word in words:
        if word.is_cjk and before is not None and before.is_cjk and before.end == word.start:
            found.append(before.folded + word.folded)
        elif not word.is_cjk and word.folded not in STOP_WORDS:
            found.append(word.folded)
        before = word
    return found


def featurize(documents: Sequence[Sequence[str]], background: Sequence[Sequence[str]]) -> Features:
    """Return the features of the documents.

    Words and pairs of words weigh as much as pieces of words (3 to 5 letters), which forgive
    misspellings and inflection.

    Args:
        documents: the terms of each call; at least one call has one.
        background: the terms of passing calls; a word that they use too weighs less.
    """
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts, others = [" ".join(d) for d in documents], [" ".join(d) for d in background]
    shared: dict[str, Any] = {"lowercase": False, "sublinear_tf": True}
    by_word = TfidfVectorizer(
        token_pattern=None, tokenizer=str.split, ngram_range=(1, 2), **shared
    ).fit(texts + others)
    by_piece = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), **shared)
    words = by_word.transform(texts)
    pieces = by_piece.fit(texts + others).transform(texts)
    names = by_word.get_feature_names_out()
    single = np.flatnonzero([" " not in name for name in names])
    return Features(
        hstack([words, pieces]).tocsr() * 0.5**0.5, words[:, single].tocsr(), names[single]
    )
