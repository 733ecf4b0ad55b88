"""How far judges, or the repeats of one judge, agree: Krippendorff's alpha, and the share of equal verdicts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from itertools import accumulate
from typing import Literal

__all__ = ["Level", "krippendorff_alpha", "same_share"]

Level = Literal["nominal", "ordinal", "interval"]
"""What verdicts have in common with numbers: nothing, an order, or differences."""


def krippendorff_alpha(units: Sequence[Sequence[Hashable | None]], level: Level = "nominal") -> float | None:
    """Return Krippendorff's alpha: 1 for perfect agreement, 0 for the agreement of verdicts drawn at random.

    Alpha is ``1 - D_o / D_e``. D_o is the mean squared difference between two verdicts of the same document, D_e the
    mean squared difference between any two verdicts (Krippendorff, *Content analysis*, 4th edition, 2019, chapter 12).

    Args:
        units: The verdicts of each document; None is a missing verdict. The number of verdicts may differ, and
            documents with fewer than two count for nothing.
        level: ``nominal``: two verdicts are equal or not. ``ordinal``: numbers whose order counts; a difference is the
            number of verdicts between two. ``interval``: numbers whose differences count.

    Returns:
        A number up to 1, negative where verdicts differ systematically; None if no document has two verdicts, or if
        all verdicts are equal, which leaves nothing to agree on.

    Raises:
        TypeError: ``level`` is ``ordinal`` or ``interval``, and a verdict is no number.
    """
    given = [[verdict for verdict in unit if verdict is not None] for unit in units]
    paired = [unit for unit in given if len(unit) > 1]
    values = Counter(verdict for unit in paired for verdict in unit)
    if len(values) < 2:
        return None
    if level == "nominal":
        observed = math.fsum(_unequal_pairs(Counter(unit)) / (len(unit) - 1) for unit in paired)
        expected = _unequal_pairs(values) / (values.total() - 1)
        return 1 - observed / expected
    numbers = {verdict: _as_number(verdict) for verdict in values}
    if level == "ordinal":
        numbers = _middle_ranks(values, numbers)
    observed = math.fsum(_squares([numbers[verdict] for verdict in unit]) / (len(unit) - 1) for unit in paired)
    everything = [numbers[verdict] for verdict in values.elements()]
    expected = _squares(everything) / (len(everything) - 1)
    return 1 - observed / expected if expected else None


def same_share(units: Sequence[Sequence[Hashable | None]]) -> float | None:
    """Return the probability that two verdicts of the same document are equal.

    Args:
        units: The verdicts of each document, as for ``krippendorff_alpha``.

    Returns:
        The mean over documents of the share of equal pairs; None if no document has two verdicts.
    """
    shares = []
    for unit in units:
        counts = Counter(verdict for verdict in unit if verdict is not None)
        if (n := counts.total()) > 1:
            shares.append(1 - _unequal_pairs(counts) / (n * (n - 1)))
    return math.fsum(shares) / len(shares) if shares else None


def _unequal_pairs(counts: Mapping[Hashable, int]) -> int:
    """Count the ordered pairs of different verdicts."""
    return sum(counts.values()) ** 2 - sum(count**2 for count in counts.values())


def _squares(numbers: Sequence[float]) -> float:
    """Sum the squared differences over all ordered pairs."""
    centre = math.fsum(numbers) / len(numbers)
    return 2 * len(numbers) * math.fsum((number - centre) ** 2 for number in numbers)


def _middle_ranks(counts: Mapping[Hashable, int], numbers: Mapping[Hashable, float]) -> dict[Hashable, float]:
    """Map each verdict to the middle of its ranks: the ordinal difference is the difference of these middles."""
    ordered = sorted(counts, key=numbers.__getitem__)
    ends = accumulate(counts[verdict] for verdict in ordered)
    return {verdict: end - counts[verdict] / 2 for verdict, end in zip(ordered, ends, strict=True)}


def _as_number(verdict: Hashable) -> float:
    if not isinstance(verdict, int | float):
        raise TypeError(f"a verdict of ordinal or interval level is a number, not {verdict!r}")
    return float(verdict)
