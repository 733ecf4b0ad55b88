"""EQ-Bench: how near the model's ratings of four emotions are to those of the reference."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Sequence
from typing import Any

_RATING = re.compile(r"(\w+):\s+(\d+)")
# With this factor random ratings score 0 on average.
_SCALE = 0.7477


def calculate_score_fullscale(docs: dict[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Score the ratings of a response, from 0 to 10 each.

    Args:
        docs: A row whose ``reference_answer_fullscale`` is a written dict: ``emotion1`` to ``emotion4`` and the
            ``_score`` of each.
        results: The one response.

    Returns:
        ``eqbench``, at most 100, and ``percent_parseable``; both are 0 if the response does not rate these four
        emotions and no other.
    """
    unread: dict[str, float] = {"eqbench": 0, "percent_parseable": 0}
    given = dict(_RATING.findall(results[0]))
    if len(given) != 4:
        return unread
    reference = ast.literal_eval(docs["reference_answer_fullscale"])
    wanted = [(reference[f"emotion{place}"], float(reference[f"emotion{place}_score"])) for place in range(1, 5)]
    if not all(emotion in dict(wanted) for emotion in given):
        return unread
    lost = sum(
        _penalty(abs(float(rating) - score))
        for emotion, rating in given.items()
        for name, score in wanted
        if name == emotion
    )
    return {"eqbench": (10 - lost * _SCALE) * 10, "percent_parseable": 100}


def _penalty(difference: float) -> float:
    """Count small differences less than large ones: an S-shaped curve up to 5, then the difference itself."""
    if difference == 0:
        return 0.0
    return difference if difference > 5 else 6.5 * (1 / (1 + math.e ** (-1.2 * (difference - 4))))
