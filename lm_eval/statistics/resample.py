"""Resamples of documents with replacement; as counts or ranks where that is equivalent and faster."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TYPE_CHECKING

from lm_eval.statistics.classification import COUNT_SCORES, Pair, count_pairs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Scores = NDArray[np.float64]

__all__ = ["count_left_out", "count_resamples", "median_resamples", "places"]

_SEED = 1234
_BLOCK = 1000
_CELLS_AT_ONCE = 1 << 22


def places(n: int, iters: int) -> Iterator[list[int]]:
    """Draw resamples as indices.

    The random generators are seeded as in the reference harness, so that both give the same estimates.

    Args:
        n: Number of documents, which is also the size of each resample.
        iters: Number of resamples.

    Yields:
        The indices of each resample.
    """
    for block, start in enumerate(range(0, iters, _BLOCK)):
        generator = random.Random(block)
        for _ in range(min(_BLOCK, iters - start)):
            yield generator.choices(range(n), k=n)


def median_resamples(xs: Sequence[float], iters: int) -> Scores:
    """Return the upper median of each of many resamples.

    Args:
        xs: The values of the documents.
        iters: Number of resamples.
    """
    import numpy as np

    # The k-th smallest of n draws from n equally likely values is the value at the rank of the k-th smallest of n
    # uniform numbers, which has the distribution Beta(k, n - k + 1).
    n = len(xs)
    k = n // 2 + 1
    ranks = (np.random.default_rng(_SEED).beta(k, n - k + 1, size=iters) * n).astype(np.int64)
    medians: Scores = np.sort(np.asarray(xs, dtype=np.float64))[np.minimum(ranks, n - 1)]
    return medians


def count_resamples(
    f: Callable[..., float], xs: Sequence[Sequence[object]], iters: int, clusters: Sequence[Hashable] | None = None
) -> Scores:
    """Return the score of each of many resamples, for an aggregation of pair counts.

    Args:
        f: F1 or the Matthews correlation.
        xs: The (gold, predicted) pairs of the documents.
        iters: Number of resamples.
        clusters: The cluster of each document; None draws documents one by one, otherwise clusters are drawn.
    """
    import numpy as np

    pairs, counts, repeated = _counted(xs, clusters)
    rng, total = np.random.default_rng(_SEED), int(repeated.sum())
    block = max(1, _CELLS_AT_ONCE // max(counts.shape))
    scores = []
    for start in range(0, iters, block):
        drawn = rng.multinomial(total, repeated / total, size=min(block, iters - start))
        drawn = drawn if clusters is None else drawn @ counts
        scores.append(np.asarray(COUNT_SCORES[f](pairs, drawn), dtype=np.float64))
    return np.concatenate(scores)


def count_left_out(
    f: Callable[..., float], xs: Sequence[Sequence[object]], clusters: Sequence[Hashable] | None = None
) -> Scores:
    """Return the scores without one document, or without one cluster, for each of them.

    Args:
        f: F1 or the Matthews correlation.
        xs: The (gold, predicted) pairs of the documents.
        clusters: The cluster of each document; None leaves out documents, otherwise clusters.

    Returns:
        One score per document or cluster, in no particular order.
    """
    import numpy as np

    pairs, counts, repeated = _counted(xs, clusters)
    scores = np.asarray(COUNT_SCORES[f](pairs, repeated @ counts - counts), dtype=np.float64)
    return np.repeat(scores, repeated)


def _counted(
    xs: Sequence[Sequence[object]], clusters: Sequence[Hashable] | None
) -> tuple[list[Pair], NDArray[np.int64], NDArray[np.int64]]:
    """Count pairs within the units that are drawn, which are documents or clusters.

    Returns:
        The distinct pairs; for each kind of unit the count of each pair; the number of units of each kind.
    """
    import numpy as np

    counted = count_pairs(xs)
    pairs = list(counted)
    if clusters is None:
        return pairs, np.eye(len(pairs), dtype=np.int64), np.array(list(counted.values()), dtype=np.int64)
    members: dict[Hashable, list[Sequence[object]]] = {}
    for x, cluster in zip(xs, clusters, strict=True):
        members.setdefault(cluster, []).append(x)
    rows = [count_pairs(inside) for inside in members.values()]
    counts = np.array([[row[pair] for pair in pairs] for row in rows], dtype=np.int64)
    return pairs, counts, np.ones(len(rows), dtype=np.int64)
