"""A filter that turns Roman numerals into digits, and a metric that accepts a difference of one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from lm_eval.api.filter import Filter
from lm_eval.api.registry import register_metric

_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


class RomanToArabic(Filter):
    """Replaces the Roman numerals of a response by digits: ``XIV`` becomes ``14``."""

    def apply(self, resps: Iterable[Any], docs: Sequence[dict[str, Any]]) -> list[list[str]]:
        """Transform the responses of each Instance.

        Args:
            resps: One list of responses per Instance.
            docs: The documents of the Instances, in the same order.

        Returns:
            The same lists, with the numerals replaced.
        """
        return [[re.sub(r"\b[IVXLCDM]+\b", _digits, response) for response in responses] for responses in resps]


def _digits(match: re.Match[str]) -> str:
    values = [_VALUES[letter] for letter in match[0]]
    after = [*values[1:], 0]
    return str(sum(-value if value < following else value for value, following in zip(values, after, strict=True)))


@register_metric(metric="within_one", higher_is_better=True, output_type="generate_until", aggregation="mean")
def within_one(references: list[str], predictions: list[str], **_: Any) -> float:
    """Return 1.0 if the number in the prediction differs from the reference by at most one, else 0.0.

    Args:
        references: A list with the gold answer.
        predictions: A list with the filtered response.
        **_: Other keys of the metric in the task file.
    """
    number = re.search(r"-?\d+", predictions[0])
    return float(number is not None and abs(int(number[0]) - int(references[0])) <= 1)
