"""Scores over the repeats of a document: mean of k, whether one of k is right (pass@k), majority of k."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from lm_eval.errors import ConfigError

__all__ = ["OverRepeats", "pass_at_k", "repeats_share"]

_WRITTEN = re.compile(r"(mean|pass|maj)@([1-9][0-9]*)")


def pass_at_k(total: int, correct: int, k: int) -> float:
    """Estimate the probability that at least one of k samples is right, without bias.

    The estimate is ``1 - C(total - correct, k) / C(total, k)`` (Chen et al., 2021, equation 1).

    Args:
        total: Number of samples.
        correct: Number of samples that are right.
        k: Number of samples to draw, at most ``total``.

    Returns:
        A number from 0 to 1.
    """
    if total - correct < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / count for count in range(total - correct + 1, total + 1))


@dataclass(frozen=True, slots=True)
class OverRepeats:
    """One way to combine the values of the repeats of a document into one value.

    Attributes:
        kind: ``mean``, ``pass`` or ``maj``.
        k: Number of repeats.
    """

    kind: str
    k: int

    @classmethod
    def parse(cls, written: object, repeats: int) -> OverRepeats:
        """Parse ``mean@8``, ``pass@4`` or ``maj@8``.

        Args:
            written: The text.
            repeats: Number of repeats of each document.

        Raises:
            ConfigError: The text is none of these, or k is greater than ``repeats``.
        """
        match = _WRITTEN.fullmatch(written) if isinstance(written, str) else None
        if match is None:
            raise ConfigError(f"over_repeats: {written!r} is none of mean@k, pass@k and maj@k with a whole number k.")
        kind, k = match[1], int(match[2])
        if k > repeats:
            raise ConfigError(f"over_repeats: {written} needs 'repeats' to be at least {k}, it is {repeats}.")
        return cls(kind, k)

    @property
    def name(self) -> str:
        """The text form, such as ``pass@4``."""
        return f"{self.kind}@{self.k}"

    def combine(self, values: Sequence[float], answers: Sequence[object]) -> float:
        """Combine the repeats of a document into one value.

        Args:
            values: The value of the metric for each repeat.
            answers: The filtered answer of each repeat.

        Returns:
            ``mean@k``: the mean of the first k. ``pass@k``: the unbiased estimate from all. ``maj@k``: the value of
            the most frequent answer among the first k; of equally frequent answers, the first.

        Raises:
            ValueError: There are fewer than k repeats, or a value for ``pass@k`` is neither 0 nor 1.
        """
        if len(values) < self.k:
            raise ValueError(f"{self.name} of only {len(values)} repeats")
        if self.kind == "mean":
            return math.fsum(values[: self.k]) / self.k
        if self.kind == "maj":
            return float(values[_most_common(answers[: self.k])])
        if any(value not in (0, 1) for value in values):
            raise ValueError(
                f"{self.name} needs values that are 0 or 1, not {next(v for v in values if v not in (0, 1))}"
            )
        return pass_at_k(len(values), int(sum(values)), self.k)


def _most_common(answers: Sequence[object]) -> int:
    """Return the index of the first appearance of the most frequent answer."""
    # Lists and dicts are not hashable, so count their text.
    marks = [answer if isinstance(answer, str) else repr(answer) for answer in answers]
    counts: dict[str, int] = {}
    for mark in marks:
        counts[mark] = counts.get(mark, 0) + 1
    # A dict keeps the order of first appearance, and max returns the first of equals.
    return marks.index(max(counts, key=counts.__getitem__))


def repeats_share(values: Sequence[Sequence[float]]) -> float | None:
    """Estimate the share of the mean's variance that would vanish with infinitely many repeats.

    The variance of a document's mean over k repeats is the variance between documents plus the variance within a
    document divided by k. Only the second part shrinks with more repeats (Miller, 2024, section 3.1).

    Args:
        values: The values of the k repeats of each document, shape (documents, k).

    Returns:
        A number from 0 to 1; None for a single document or repeat, and when all documents have the same mean.
    """
    k = min((len(row) for row in values), default=0)
    if len(values) < 2 or k < 2:
        return None
    means = [math.fsum(row) / len(row) for row in values]
    centre = math.fsum(means) / len(means)
    total = math.fsum((mean - centre) ** 2 for mean in means) / (len(means) - 1)
    if total == 0:
        return None
    within = [math.fsum((x - mean) ** 2 for x in row) / (len(row) - 1) for row, mean in zip(values, means, strict=True)]
    return min(1.0, math.fsum(within) / len(within) / k / total)
