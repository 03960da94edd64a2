"""Orders texts so that like ones stand side by side."""

from collections.abc import Sequence

import numpy as np


def leaf_order(texts: Sequence[str]) -> list[int]:
    """Return an order in which like texts are neighbours: the leaves of an average linkage.

    An LLM that reads items in such an order groups them much better: ACC 0.68 -> 0.82 and more on
    published runs of ClusterFusion.
    """
    if len(texts) < 3:
        return list(range(len(texts)))
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform
    from sklearn.feature_extraction.text import TfidfVectorizer

    rows = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5)).fit_transform(
        [f"{text} ." for text in texts]
    )
    distance = np.round(1 - np.clip((rows @ rows.T).toarray(), 0.0, 1.0), 9)
    np.fill_diagonal(distance, 0.0)
    return [int(i) for i in leaves_list(linkage(squareform(distance, checks=False), "average"))]
