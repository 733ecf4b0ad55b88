"""The metric ``exact_match``."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Sequence

__all__ = ["exact_match_hf_evaluate"]

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_DIGITS = str.maketrans("", "", string.digits)


def exact_match_hf_evaluate(
    predictions: object,
    references: object,
    regexes_to_ignore: Sequence[str] | None = None,
    ignore_case: bool = False,
    ignore_punctuation: bool = False,
    ignore_numbers: bool = False,
) -> dict[str, float]:
    """Return the share of predictions that equal their references.

    Text and numbers are never equal (``"1"`` is not ``1``), but in a list that mixes both, numbers count as text.
    An entry may be a list, when repeats are kept: then each of its elements counts, compared with the elements of the
    reference or with the one reference.

    Args:
        predictions: The responses of the model.
        references: The expected answers; a single reference is compared with all predictions.
        regexes_to_ignore: Patterns whose matches are removed from both sides, one pattern after the other.
        ignore_case: Compare in lower case.
        ignore_punctuation: Drop ``string.punctuation`` from both sides.
        ignore_numbers: Drop the digits 0-9 from both sides.

    Returns:
        ``{"exact_match": a number between 0 and 1}``; NaN when there is nothing to compare.
    """
    patterns = [regexes_to_ignore] if isinstance(regexes_to_ignore, str) else regexes_to_ignore or ()
    steps: list[Callable[[str], str]] = [_remover(pattern) for pattern in patterns]
    if ignore_case:
        steps.append(str.lower)
    if ignore_punctuation:
        steps.append(lambda text: text.translate(_PUNCTUATION))
    if ignore_numbers:
        steps.append(lambda text: text.translate(_DIGITS))
    left, right = _cleaned(predictions, steps), _cleaned(references, steps)
    if not isinstance(left, list):
        left = [left]
    if not isinstance(right, list):
        right = [right]
    hits = _compare(left, right)
    return {"exact_match": sum(hits) / len(hits) if hits else float("nan")}


def _remover(pattern: str) -> Callable[[str], str]:
    compiled = re.compile(pattern)
    return lambda text: compiled.sub("", text)


def _cleaned(value: object, steps: Sequence[Callable[[str], str]]) -> object:
    """Turn arrays and tuples into lists and clean the texts in them; other values are unchanged."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        if any(isinstance(entry, str) for entry in value) and all(isinstance(v, (str, int, float)) for v in value):
            value = [str(entry) for entry in value]
        return [_cleaned(entry, steps) for entry in value]
    if isinstance(value, str):
        for step in steps:
            value = step(value)
    return value


def _compare(left: list[object], right: list[object]) -> list[bool]:
    """Compare element by element; a single entry is compared with every entry of the other side."""
    if len(left) != len(right):
        if len(right) == 1:
            right = right * len(left)
        elif len(left) == 1:
            left = left * len(right)
        else:
            raise ValueError(f"exact_match got {len(left)} predictions and {len(right)} references")
    hits: list[bool] = []
    for a, b in zip(left, right, strict=True):
        if isinstance(a, list) or isinstance(b, list):
            hits += _compare(a if isinstance(a, list) else [a], b if isinstance(b, list) else [b])
        else:
            hits.append(a == b and isinstance(a, str) == isinstance(b, str))
    return hits
