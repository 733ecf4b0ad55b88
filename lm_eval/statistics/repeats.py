"""Scores over the repeats of a doc: the mean of k, whether one of k is right, the majority of k."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval.errors import ConfigError

__all__ = ["OverRepeats", "pass_at_k", "repeats_share"]

_WRITTEN = re.compile(r"(mean|pass|maj)@([1-9][0-9]*)")


def pass_at_k(total: int, correct: int, k: int) -> float:
    """Estimate, without bias, the probability that one of k samples is right.

    It is ``1 - C(total - correct, k) / C(total, k)`` (Chen et al., 2021, equation 1).

    Args:
        total: Samples that were drawn.
        correct: Those that are right.
        k: Samples to draw, at most ``total``.

    Returns:
        A number from 0 to 1.
    """
    if total - correct < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / count for count in range(total - correct + 1, total + 1))


@dataclass(frozen=True, slots=True)
class OverRepeats:
    """One way to make one value a doc of the values of its repeats.

    Attributes:
        kind: ``mean``, ``pass`` or ``maj``.
        k: How many repeats it is about.
    """

    kind: str
    k: int

    @classmethod
    def parse(cls, written: Any, repeats: int) -> OverRepeats:
        """Read ``mean@8``, ``pass@4`` or ``maj@8``.

        Args:
            written: The text.
            repeats: How many repeats a doc has.

        Returns:
            What it says.

        Raises:
            ConfigError: It is none of these, or k is more than the repeats.
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
        """As it is written: ``pass@4``."""
        return f"{self.kind}@{self.k}"

    def combine(self, values: Sequence[float], answers: Sequence[Any]) -> float:
        """Make one value of a doc's repeats.

        Args:
            values: The metric's value of each repeat.
            answers: The filtered answer of each repeat.

        Returns:
            ``mean@k``: the mean of the first k. ``pass@k``: the unbiased estimate from all. ``maj@k``: the value of
            the answer that is given most often among the first k; of equals, of the one given first.

        Raises:
            ValueError: There are fewer than k repeats, or ``pass@k`` meets a value that is neither 0 nor 1.
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


def _most_common(answers: Sequence[Any]) -> int:
    """Return the place where the answer that is given most often is first given."""
    # Lists and dicts cannot be counted as they are.
    marks = [answer if isinstance(answer, str) else repr(answer) for answer in answers]
    counts: dict[str, int] = {}
    for mark in marks:
        counts[mark] = counts.get(mark, 0) + 1
    # Dicts keep the order in which answers are first given, and max takes the first of equals.
    return marks.index(max(counts, key=counts.__getitem__))


def repeats_share(values: Sequence[Sequence[float]]) -> float | None:
    """Estimate which share of the variance of a mean over docs and repeats endlessly many repeats would remove.

    The variance of a doc's mean of k repeats is that between docs plus that within a doc divided by k; only the
    latter goes with more repeats (Miller, 2024, section 3.1).

    Args:
        values: The values of the k repeats of each doc, shape (docs, k).

    Returns:
        A number from 0 to 1; None for a single doc or repeat, and where all docs have the same mean.
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
