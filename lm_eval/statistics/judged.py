"""Means of scores that a judge gave: what the judge's own noise adds to their error, and what is not judged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lm_eval.statistics.intervals import LEVEL, Interval, interval_of

__all__ = ["JudgedMean", "judged_mean", "mean_bounds"]


@dataclass(frozen=True, slots=True)
class JudgedMean:
    """The mean of judged scores over documents, and the parts of its error.

    Attributes:
        mean: Mean over documents of the mean of each document's verdicts.
        n: Number of documents with at least one verdict.
        stderr: Standard error of the mean, for other documents and other verdicts; None for one document.
        stderr_documents: The part of ``stderr`` that remains with infinitely many verdicts per document; None when no
            document has two verdicts.
        stderr_judge: The part of ``stderr`` that comes from the judge: it shrinks with more verdicts per document.
            The squares of both parts add up to the square of ``stderr``. None like ``stderr_documents``.
        interval: The interval of the mean; None when the values do not determine one.
    """

    mean: float
    n: int
    stderr: float | None
    stderr_documents: float | None
    stderr_judge: float | None
    interval: Interval | None


def judged_mean(verdicts: Sequence[Sequence[float | None]], level: float = LEVEL) -> JudgedMean | None:
    """Return the mean over documents that a judge scored several times, with its standard error.

    Verdicts on one document depend on each other, so the documents are the sample, not the verdicts. The standard error
    is that of the documents' means; it contains the judge's noise. The variance within documents, pooled, says how
    much of it (one-way random effects; Miller, 2024, section 3.1, for equal numbers of verdicts).

    Args:
        verdicts: The scores of each document's verdicts; None is a missing verdict. Documents without a verdict are
            left out.
        level: Coverage probability.

    Returns:
        The mean; None when no document has a verdict.
    """
    rows = [row for row in ([score for score in each if score is not None] for each in verdicts) if row]
    if not rows:
        return None
    n, means = len(rows), [math.fsum(row) / len(row) for row in rows]
    mean = math.fsum(means) / n
    interval = interval_of(means, level)
    if n < 2:
        return JudgedMean(mean, n, None, None, None, interval)
    variance = math.fsum((each - mean) ** 2 for each in means) / (n - 1) / n
    freedom = sum(len(row) - 1 for row in rows)
    if not freedom:
        return JudgedMean(mean, n, math.sqrt(variance), None, None, interval)
    within = math.fsum((x - centre) ** 2 for row, centre in zip(rows, means, strict=True) for x in row) / freedom
    # By chance, the estimate from within documents can be above the variance that contains it.
    of_judge = min(variance, within * math.fsum(1 / len(row) for row in rows) / n / n)
    return JudgedMean(mean, n, math.sqrt(variance), math.sqrt(variance - of_judge), math.sqrt(of_judge), interval)


def mean_bounds(mean: float | None, judged: int, unjudged: int, low: float, high: float) -> tuple[float, float] | None:
    """Return the lowest and the highest mean that the documents without a verdict could lead to.

    Args:
        mean: Mean over the judged documents; None when there are none.
        judged: Number of judged documents.
        unjudged: Number of documents without a verdict.
        low: The lowest possible score of a document.
        high: The highest possible score of a document.

    Returns:
        Both means; None without documents.
    """
    n = judged + unjudged
    if n == 0:
        return None
    total = (mean or 0.0) * judged
    return (total + low * unjudged) / n, (total + high * unjudged) / n
