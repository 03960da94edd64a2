"""Groups of like rows: spectral clustering, and the number of groups by stability."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_insights.domain.breakdown import MAX_THEMES

Labels = NDArray[np.int64]
Matrix = NDArray[np.float64]

LEFTOVER = -1
#: Sub-samples that a number of groups has to hold in, and the part of the calls in each.
SUBSAMPLES, SUBSAMPLE_SHARE = 8, 0.75
#: One more group has to cost no more agreement than this.
FINER = 0.03
#: Below this second eigenvalue of the affinity there is one group.
ONE_GROUP = 0.55
#: More calls than this: so many are clustered, and the others join the nearest group.
MAX_CLUSTERED, CLUSTERED = 800, 600
#: Fewer calls than this are merged pair by pair: too few for a spectrum.
FEW = 10
#: Cosine from which two of few calls are put together.
ALIKE = 0.18
#: Groups of fewer calls, or of a smaller part of the pool, are left over.
MIN_CALLS, MIN_SHARE = 2, 0.03


@dataclass(frozen=True)
class Groups:
    """The group of each row (0, 1, ...; LEFTOVER for none), and why there are so many."""

    labels: Labels
    provenance: dict[str, Any]


def group(rows: Any, seed: int, most: int = MAX_THEMES) -> Groups:
    """Return groups of like rows, at most `most`.

    Args:
        rows: sparse matrix with rows of unit length.
        seed: of the sub-samples; the same rows and seed give the same groups.
    """
    count = rows.shape[0]
    if count < FEW:
        return Groups(_merge_few(_affinity(rows), most), {"method": "average linkage"})
    random = np.random.default_rng(seed)
    chosen = np.arange(count)
    if count > MAX_CLUSTERED:
        chosen = np.sort(random.choice(count, CLUSTERED, replace=False))
    affinity = _affinity(rows[chosen])
    labels, provenance = _spectral(affinity, random, most)
    if count > MAX_CLUSTERED:
        labels = _nearest(rows, rows[chosen], labels)
    return Groups(labels, {"method": "spectral", **provenance})


def _affinity(rows: Any) -> Matrix:
    affinity = np.clip((rows @ rows.T).toarray(), 0.0, 1.0)
    np.fill_diagonal(affinity, 0.0)
    return np.asarray(affinity, dtype=np.float64)


def _spectral(
    affinity: Matrix, random: np.random.Generator, most: int
) -> tuple[Labels, dict[str, Any]]:
    count = len(affinity)
    most = min(most, count // 2)
    values, vectors = _spectrum(affinity, most)
    whole = {k: _cut(vectors, k) for k in range(2, most + 1)}
    agreement = dict.fromkeys(whole, 0.0)
    for _ in range(SUBSAMPLES):
        part = np.sort(random.choice(count, int(count * SUBSAMPLE_SHARE), replace=False))
        _, part_vectors = _spectrum(affinity[np.ix_(part, part)], most)
        for k in whole:
            agreement[k] += _rand_index(whole[k][part], _cut(part_vectors, k)) / SUBSAMPLES
    best = max(whole, key=lambda k: agreement[k] + FINER * k)
    one = values[1] < ONE_GROUP
    labels = np.zeros(count, dtype=np.int64) if one else whole[best]
    provenance = {
        "k": 1 if one else best,
        "second_eigenvalue": round(float(values[1]), 4),
        "agreement": {str(k): round(score, 4) for k, score in agreement.items()},
    }
    return _drop_small(labels), provenance


def _spectrum(affinity: Matrix, most: int) -> tuple[Matrix, Matrix]:
    """Return the largest eigenvalues, falling, and their vectors, of the normalised affinity."""
    from scipy.linalg import eigh

    count = len(affinity)
    degree = affinity.sum(axis=1)
    # A little of the mean degree keeps rows that are like nothing from forming groups.
    scale = 1 / np.sqrt(degree + 0.1 * degree.mean() + 1e-12)
    normal = affinity * scale[:, None] * scale[None, :]
    values, vectors = eigh(normal, subset_by_index=[count - most, count - 1])
    return values[::-1], vectors[:, ::-1]


def _cut(vectors: Matrix, k: int) -> Labels:
    """Return k groups of the rows of the first k vectors.

    By column-pivoted QR (Damle, Minden, Ying 2019): no random start, and one pass.
    """
    from scipy.linalg import qr, svd

    rows = vectors[:, :k]
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    _, _, pivots = qr(rows.T, pivoting=True, mode="economic")
    left, _, right = svd(rows[pivots[:k]].T)
    return np.asarray(np.abs(rows @ (left @ right)).argmax(axis=1), dtype=np.int64)


def _rand_index(one: Labels, other: Labels) -> float:
    """Return the adjusted Rand index of two groupings."""
    table = np.zeros((one.max() + 1, other.max() + 1))
    np.add.at(table, (one, other), 1)

    def pairs(counts: Matrix) -> float:
        return float((counts * (counts - 1)).sum() / 2)

    both, rows, columns = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    chance = rows * columns / max(1.0, len(one) * (len(one) - 1) / 2)
    most = (rows + columns) / 2
    return 1.0 if most == chance else (both - chance) / (most - chance)


def _merge_few(affinity: Matrix, most: int) -> Labels:
    """Return groups of a handful of rows by average linkage."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(affinity) == 1:
        return np.zeros(1, dtype=np.int64)
    distance = 1 - affinity
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), method="average")
    labels = fcluster(tree, 1 - ALIKE, criterion="distance")
    if labels.max() > most:
        labels = fcluster(tree, most, criterion="maxclust")
    labels = np.asarray(labels, dtype=np.int64) - 1
    return labels if len(affinity) < 8 else _drop_small(labels)


def _drop_small(labels: Labels) -> Labels:
    """Return the labels with too small groups left over, the others numbered from 0."""
    least = max(MIN_CALLS, MIN_SHARE * len(labels))
    sizes = np.bincount(labels)
    kept = [index for index, size in enumerate(sizes) if size >= least]
    if not kept:
        return np.zeros_like(labels)
    numbers = np.full(len(sizes), LEFTOVER)
    numbers[kept] = np.arange(len(kept))
    return np.asarray(numbers[labels], dtype=np.int64)


def _nearest(rows: Any, chosen: Any, labels: Labels) -> Labels:
    """Return the group of each row, by the centroid that it is most like."""
    centroids = np.vstack(
        [np.asarray(chosen[labels == k].mean(axis=0)) for k in range(labels.max() + 1)]
    )
    centroids /= np.linalg.norm(centroids, axis=1, keepdims=True)
    likeness = np.asarray(rows @ centroids.T)
    return np.where(likeness.max(axis=1) > 0, likeness.argmax(axis=1), LEFTOVER).astype(np.int64)
