"""What counts the tokens of a text, for tasks whose documents have a length in tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

__all__ = ["TokenCounter"]


class TokenCounter(Protocol):
    """Counts tokens as a model does, special tokens included.

    Attributes:
        identity: Whose counts these are; equal identities give equal counts.
        is_free: Whether a count costs no tokens; if not, a task measures a few texts and computes the rest from them.
    """

    identity: str
    is_free: bool

    def count(self, texts: Sequence[str]) -> list[int]:
        """Count the tokens of texts.

        Args:
            texts: The texts.

        Returns:
            The number of tokens of each.
        """
