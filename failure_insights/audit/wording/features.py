"""What explanations are compared by: weighted words and pieces of words, as rows of unit length."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_insights.audit.wording.text import STOP_WORDS


@dataclass(frozen=True)
class Features:
    """Rows of unit length, one a call: `rows` of words and pieces, `words` of single words only."""

    rows: Any  # scipy.sparse.csr_matrix, calls x (words + pieces)
    words: Any  # scipy.sparse.csr_matrix, calls x vocabulary
    vocabulary: NDArray[np.str_]


def featurize(
    documents: Sequence[Sequence[str]], background: Sequence[Sequence[str]], english: bool
) -> Features:
    """Return the features of the documents.

    Args:
        documents: the words of each call, at least one call with a word.
        background: the words of passing calls; a word that they use too weighs less.
        english: whether English stop words are dropped.
    """
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer

    stop = sorted(STOP_WORDS) if english else None
    texts, others = [" ".join(words) for words in documents], [" ".join(w) for w in background]
    shared: dict[str, Any] = {"lowercase": False, "sublinear_tf": True, "dtype": np.float64}
    by_word = TfidfVectorizer(
        token_pattern=None, tokenizer=str.split, ngram_range=(1, 2), stop_words=stop, **shared
    )
    content = [
        " ".join(w for w in text.split() if not stop or w not in STOP_WORDS)
        for text in (*texts, *others)
    ]
    by_piece = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), **shared)
    count = len(texts)
    words = by_word.fit(texts + others).transform(texts)
    pieces = by_piece.fit(content).transform(content[:count])
    rows = hstack([words, pieces]).tocsr() * 0.5**0.5
    names = by_word.get_feature_names_out()
    single = np.flatnonzero([" " not in name for name in names])
    return Features(rows, words[:, single].tocsr(), names[single])
