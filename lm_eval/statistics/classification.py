"""Aggregations of (gold, predicted) pairs: F1, Matthews correlation, Brier score.

F1 and the Matthews correlation depend only on how often each pair occurs, so both are computed from counts. The
bootstrap calls the same functions with a matrix of resampled counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]
    Scores = NDArray[np.float64]

__all__ = [
    "COUNT_SCORES",
    "brier_score",
    "count_pairs",
    "f1_score",
    "macro_f1_score",
    "matthews_corrcoef",
    "weighted_f1_score",
]

Pair = tuple[Hashable, Hashable]
_WORST_BRIER = 2.0


def count_pairs(items: Iterable[Sequence[object]]) -> Counter[Pair]:
    """Count the distinct (gold, predicted) pairs.

    Args:
        items: The pairs. Labels may be numpy scalars, or lists of one label.

    Returns:
        Each pair and its count, in order of first appearance.
    """
    return Counter((_label(gold), _label(predicted)) for gold, predicted in items)


def _label(value: Any) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)) and len(value) == 1:
        return _label(value[0])
    return value


def _f1_of_counts(pairs: Sequence[Pair], counts: Counts) -> Scores:
    """F1 of class 1 for counts of shape (..., pairs); 0 where class 1 is neither gold nor predicted."""
    import numpy as np

    labels = {label for pair in pairs for label in pair}
    if len({isinstance(label, str) for label in labels}) > 1:
        raise ValueError(f"f1 cannot compare text with numbers, the labels are {sorted(labels, key=repr)[:5]}")
    if len(labels) > 2:
        shown = ", ".join(sorted(map(repr, labels))[:5])
        raise ValueError(f"f1 is for two classes, there are {len(labels)} labels: {shown}, …")
    if len(labels) == 2 and 1 not in labels:
        raise ValueError(f"f1 scores class 1, the labels are {sorted(labels, key=repr)}")
    is_one = np.array([[gold in (1, "1"), predicted in (1, "1")] for gold, predicted in pairs])
    gold, predicted = is_one[:, 0], is_one[:, 1]
    hits = counts @ (gold & predicted).astype(np.int64)
    either = counts @ (gold.astype(np.int64) + predicted.astype(np.int64))
    scores: Scores = np.divide(2.0 * hits, either, out=np.zeros(np.shape(either)), where=either > 0)
    return scores


def _mcc_of_counts(pairs: Sequence[Pair], counts: Counts) -> Scores:
    """Matthews correlation for counts of shape (..., pairs); 0 where gold or predictions have a single class.

    For more than two classes it is Gorodkin's R_K (doi:10.1016/j.compbiolchem.2004.09.006).
    """
    import numpy as np

    labels = list({label: None for pair in pairs for label in pair})
    gold = np.array([[label == pair[0] for label in labels] for pair in pairs], dtype=np.float64)
    predicted = np.array([[label == pair[1] for label in labels] for pair in pairs], dtype=np.float64)
    weights = np.asarray(counts, dtype=np.float64)
    n = weights.sum(axis=-1)
    hits = weights @ (gold * predicted).sum(axis=-1)
    of_gold, of_predicted = weights @ gold, weights @ predicted
    covariance = hits * n - (of_gold * of_predicted).sum(axis=-1)
    spread = (n**2 - (of_gold**2).sum(axis=-1)) * (n**2 - (of_predicted**2).sum(axis=-1))
    scores: Scores = np.divide(covariance, np.sqrt(spread), out=np.zeros(np.shape(n)), where=spread > 0)
    return scores


def _score(items: Iterable[Sequence[object]], of_counts: Callable[[Sequence[Pair], Counts], Scores]) -> float:
    import numpy as np

    counted = count_pairs(items)
    if not counted:
        raise ValueError("there is nothing to score")
    return float(of_counts(list(counted), np.array([list(counted.values())]))[0])


def f1_score(items: Iterable[Sequence[object]]) -> float:
    """Return the F1 of class 1, the harmonic mean of its precision and recall.

    Args:
        items: Pairs (gold, predicted) of two classes, one of which is 1.

    Returns:
        A number between 0 and 1; 0 when class 1 is neither gold nor predicted.

    Raises:
        ValueError: There are more than two classes, or class 1 is not among them.
    """
    return _score(items, _f1_of_counts)


def matthews_corrcoef(items: Iterable[Sequence[object]]) -> float:
    """Return the Matthews correlation of gold and predicted classes.

    Args:
        items: Pairs (gold, predicted) of any number of classes.

    Returns:
        A number between -1 and 1; 0 when gold or predictions have a single class.
    """
    return _score(items, _mcc_of_counts)


COUNT_SCORES: dict[Callable[..., float], Callable[[Sequence[Pair], Counts], Scores]] = {
    f1_score: _f1_of_counts,
    matthews_corrcoef: _mcc_of_counts,
}
"""Each aggregation and the same aggregation over (distinct pairs, counts of shape (resamples, pairs))."""


def weighted_f1_score(items: Sequence[tuple[Hashable, Hashable]]) -> float:
    """Average the F1 scores of all classes, weighted by how often each class is gold.

    Args:
        items: Pairs (gold, predicted).

    Returns:
        A number between 0 and 1.
    """
    golds = Counter(gold for gold, _ in items)
    predicted = Counter(guess for _, guess in items)
    hits = Counter(gold for gold, guess in items if gold == guess)
    total = sum(2 * hits[label] / (count + predicted[label]) * count for label, count in golds.items())
    return total / len(items)


def macro_f1_score(items: Iterable[tuple[Hashable, Hashable]]) -> float:
    """Average the F1 scores of all classes that are gold or predicted.

    Args:
        items: Pairs (gold, predicted), at least one.

    Returns:
        A number between 0 and 1, the unweighted mean.
    """
    pairs = list(items)
    golds = Counter(gold for gold, _ in pairs)
    predicted = Counter(guess for _, guess in pairs)
    hits = Counter(gold for gold, guess in pairs if gold == guess)
    labels = golds | predicted
    return sum(2 * hits[label] / (golds[label] + predicted[label]) for label in labels) / len(labels)


def brier_score(items: Iterable[tuple[object, Sequence[float]]]) -> float:
    """Return the mean squared distance of predicted probabilities from the gold choice.

    Documents may have different numbers of choices. With several gold choices the nearest one counts. A gold choice
    that is not among the choices scores 2, the worst value.

    Args:
        items: Pairs (index of the gold choice or a list of indices, probabilities of the choices).

    Returns:
        A number between 0 (best) and 2.
    """
    scores = [_brier(_label(gold), [float(p) for p in probabilities]) for gold, probabilities in items]
    return sum(scores) / len(scores)


def _brier(gold: int | list[int] | tuple[int, ...], probabilities: list[float]) -> float:
    if isinstance(gold, (list, tuple)):
        return min((_brier(index, probabilities) for index in gold), default=_WORST_BRIER)
    if not 0 <= gold < len(probabilities):
        return _WORST_BRIER
    return sum(((p - (index == gold)) ** 2 for index, p in enumerate(probabilities)), start=0.0)
