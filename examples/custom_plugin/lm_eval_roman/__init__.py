"""A filter that turns Roman numerals into digits, and a metric that forgives being one off."""

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
            resps: A list of responses an Instance.
            docs: The Instances' docs, in the same order.

        Returns:
            As many lists, with the numerals replaced.
        """
        return [[re.sub(r"\b[IVXLCDM]+\b", _digits, response) for response in several] for several in resps]


def _digits(match: re.Match[str]) -> str:
    values = [_VALUES[letter] for letter in match[0]]
    after = [*values[1:], 0]
    return str(sum(-value if value < following else value for value, following in zip(values, after, strict=True)))


@register_metric(metric="within_one", higher_is_better=True, output_type="generate_until", aggregation="mean")
def within_one(references: list[str], predictions: list[str], **_: Any) -> float:
    """Return 1.0 when the number in the prediction is at most one off the reference, else 0.0.

    Args:
        references: The gold answer, alone in a list.
        predictions: The filtered response, alone in a list.
        **_: The metric's other keys in the task file.
    """
    found = re.search(r"-?\d+", predictions[0])
    return float(found is not None and abs(int(found[0]) - int(references[0])) <= 1)
