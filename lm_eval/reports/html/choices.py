"""Multiple choice as the page shows it: each choice with its log-likelihood, the right one and the chosen one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

__all__ = ["finite", "gold", "read_scored"]


def finite(value: Any) -> float | int | None:
    """Read a number the page can carry.

    Args:
        value: A number, a truth value, or the text some files have in place of a number.

    Returns:
        The number; None for what is none or is not finite.
    """
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value) if value in (0, 1) else value


def read_scored(responses: Sequence[Any]) -> tuple[float | None, bool | None] | None:
    """Read a request's response as a log-likelihood.

    Args:
        responses: The responses to a request, one a repeat.

    Returns:
        The log-likelihood and whether greedy decoding would give the text, as far as they are known; None when the
        response is no log-likelihood.
    """
    first = responses[0] if responses else None
    if isinstance(first, list | tuple) and len(first) == 2 and str(first[1]) in ("True", "False"):
        return finite(first[0]), str(first[1]) == "True"
    if isinstance(first, int | float) and not isinstance(first, bool):
        return finite(first), None
    return None


def gold(target: Any, texts: Sequence[str], chosen: int | None, accuracy: Any) -> list[int]:
    """Tell which choices are right.

    Args:
        target: The sample's target: a place, its digits, the choice's text, or a list of places.
        texts: The choices.
        chosen: The likeliest choice.
        accuracy: The sample's ``acc``: where the target does not tell, 1 makes the chosen one right, and of two
            choices 0 the other one.

    Returns:
        Their places; empty when it cannot be told.
    """
    places = target if isinstance(target, list) else [target]
    found = [place for entry in places if (place := _place(entry, texts)) is not None]
    if found or chosen is None or len(texts) < 2:
        return found
    if accuracy == 1:
        return [chosen]
    return [1 - chosen] if accuracy == 0 and len(texts) == 2 else []


def _place(entry: Any, texts: Sequence[str]) -> int | None:
    if isinstance(entry, bool):
        entry = int(entry)
    if isinstance(entry, str):
        stripped = [text.strip() for text in texts]
        if stripped.count(entry.strip()) == 1:
            return stripped.index(entry.strip())
        if not entry.strip().isdigit() or len(set(stripped)) < len(texts):
            return None
        entry = int(entry)
    return entry if isinstance(entry, int) and 0 <= entry < len(texts) else None
