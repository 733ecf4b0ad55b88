"""SimpleQA: the scores of a run from the grades of its answers."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["correct_given_attempted", "f_score"]


def correct_given_attempted(grades: Sequence[str]) -> float:
    """Return the share of correct answers among those that attempt one; 0 if none does.

    Args:
        grades: The grade of each answer: ``CORRECT``, ``INCORRECT`` or ``NOT_ATTEMPTED``.
    """
    attempted = sum(grade != "NOT_ATTEMPTED" for grade in grades)
    return grades.count("CORRECT") / attempted if attempted else 0.0


def f_score(grades: Sequence[str]) -> float:
    """Return the harmonic mean of the shares of correct answers among all, and among those that attempt one.

    Args:
        grades: The grade of each answer: ``CORRECT``, ``INCORRECT`` or ``NOT_ATTEMPTED``.
    """
    correct, attempted = grades.count("CORRECT"), sum(grade != "NOT_ATTEMPTED" for grade in grades)
    # 2 / (n / correct + attempted / correct), which is also defined without a correct answer.
    return 2 * correct / (len(grades) + attempted) if grades else 0.0
