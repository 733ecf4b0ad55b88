"""AraDiCE: the F1 over all answers together."""

from __future__ import annotations

from collections.abc import Sequence


def micro_f1_score(items: Sequence[tuple[object, object]]) -> float:
    """Return the F1 of all classes counted together.

    A wrong answer is one false positive and one false negative, so this is the share of right answers.

    Args:
        items: Pairs (gold, predicted).
    """
    return sum(gold == predicted for gold, predicted in items) / len(items)
