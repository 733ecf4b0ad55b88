"""Choices in a prompt, one per line, each after its letter."""

from __future__ import annotations

import string
from collections.abc import Iterable

__all__ = ["lettered"]


def lettered(choices: Iterable[object], count: int = 26) -> str:
    """Write choices as lines such as ``A. first``.

    Args:
        choices: The choices.
        count: Maximum number of choices.
    """
    letters = string.ascii_uppercase[:count]
    return "".join(f"{letter}. {choice}\n" for letter, choice in zip(letters, choices, strict=False))
