"""Groups of like rows, by average linkage: two groups merge while their calls are alike enough.

Chosen over spectral clustering with the number of groups by sub-sample stability, which on the
planted pools found the number within one in 48 % of them, against 93 %; see docs/tuning.md.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_insights.domain.breakdown import MAX_THEMES

Labels = NDArray[np.int64]

LEFTOVER = -1
#: Mean cosine from which two groups are one. Between causes it is about 0.03, inside one 0.1 on.
ALIKE = 0.07
#: The same in explanations made of templates, which share words whatever went wrong: those where
#: half of the calls have a twin, a call of the same words but for numbers and names.
ALIKE_IN_TEMPLATES, TWIN = 0.5, 0.95
#: A call outside the groups joins one that it is at least this part as like as members are.
JOINS = 0.5
#: More calls than this: so many are clustered, and the others join the nearest group.
MAX_CLUSTERED, CLUSTERED = 800, 600
#: Smaller groups, in calls or as a part of the pool, are no theme; pools below FEW have few calls
#: to spare, and there one call may be.
MIN_CALLS, MIN_SHARE, FEW = 2, 0.03, 8


def group(rows: Any, seed: int, most: int = MAX_THEMES) -> tuple[Labels, float]:
    """Return the group of each row, and the cosine from which groups were one.

    Groups are 0 for the largest, 1, ... below `most`; LEFTOVER stands for none.

    Args:
        rows: sparse matrix with rows of unit length and no negative entry.
        seed: of the sample that is clustered where there are too many rows.
    """
    count = rows.shape[0]
    chosen = np.arange(count)
    if count > MAX_CLUSTERED:
        chosen = np.sort(np.random.default_rng(seed).choice(count, CLUSTERED, replace=False))
    linked, alike = _linked(rows[chosen])
    found = _largest(linked, most)
    if not found:
        return np.zeros(count, dtype=np.int64), alike
    centres = np.vstack([np.asarray(rows[chosen[members]].mean(axis=0)) for members in found])
    # A row's product with a mean of rows is its mean cosine with them: average linkage again.
    likeness = np.asarray(rows @ centres.T)
    nearest = likeness.argmax(axis=1)
    labels = np.where(likeness.max(axis=1) >= JOINS * alike, nearest, LEFTOVER)
    for label, members in enumerate(found):
        labels[chosen[members]] = label
    return labels.astype(np.int64), alike


def _linked(rows: Any) -> tuple[Labels, float]:
    """Return the cluster of each row, numbered from 1, and the cosine they were merged down to."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if rows.shape[0] == 1:
        return np.ones(1, dtype=np.int64), ALIKE
    # Rounded, so that equal texts are equally far whatever the order of summation was.
    likeness = np.round(np.clip((rows @ rows.T).toarray(), 0.0, 1.0), 9)
    np.fill_diagonal(likeness, 0.0)
    alike = ALIKE_IN_TEMPLATES if np.median(likeness.max(axis=1)) >= TWIN else ALIKE
    distance = 1 - likeness
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), method="average")
    return np.asarray(fcluster(tree, 1 - alike, criterion="distance"), dtype=np.int64), alike


def _largest(labels: Labels, most: int) -> list[NDArray[np.intp]]:
    """Return the members of the largest clusters that are large enough, largest first."""
    count = len(labels)
    least = 1 if count < FEW else max(MIN_CALLS, MIN_SHARE * count)
    clusters = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    clusters.sort(key=lambda members: (-len(members), int(members[0])))
    return [members for members in clusters if len(members) >= least][:most]
