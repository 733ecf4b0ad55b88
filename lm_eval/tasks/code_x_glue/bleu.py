"""The smoothed BLEU-4 by which CodeXGLUE scores a description against one reference."""

from __future__ import annotations

import math
import re
import sys
from collections import Counter
from collections.abc import Sequence

__all__ = ["smoothed_bleu_4"]

_ORDER = 4
# Runs of letters and digits; every other character, the underscore too, is a word of its own.
_WORD = re.compile(r"[^\W_]+|_|[^\s\w]")
# Added under the logarithm, so that a count of 0 gives a very small score and no error.
_TINY = sys.float_info.min


def smoothed_bleu_4(references: Sequence[str], predictions: Sequence[str], **_: object) -> float:
    """Score descriptions, each against its reference.

    The counts of two to four words are smoothed by 1. Texts are compared in lower case.

    Args:
        references: The reference of each description.
        predictions: The descriptions.

    Returns:
        The mean over the descriptions, from 0 to 100.
    """
    pairs = list(zip(references, predictions, strict=True))
    return sum(100.0 * _bleu(_words(reference), _words(prediction)) for reference, prediction in pairs) / len(pairs)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.strip().lower())


def _bleu(reference: list[str], words: list[str]) -> float:
    total = 0.0
    for size in range(1, _ORDER + 1):
        smoothing = int(size > 1)
        grams = _grams(words, size)
        matched = sum((grams & _grams(reference, size)).values())
        total += math.log(matched + smoothing + _TINY) - math.log(sum(grams.values()) + smoothing + _TINY)
    brevity = min(0.0, 1 - (len(reference) + 1) / (len(words) + 1))
    return math.exp(total / _ORDER + brevity)


def _grams(words: list[str], size: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[start : start + size]) for start in range(len(words) - size + 1))
