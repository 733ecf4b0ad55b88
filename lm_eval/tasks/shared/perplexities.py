"""The perplexities of a reference text that a task chooses by itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["perplexities"]


def perplexities(results: Sequence[float], reference: str) -> dict[str, tuple[float, int]]:
    """Return the log-likelihood and the size of a reference, which the aggregations make perplexities of.

    Args:
        results: The one log-likelihood, in nats.
        reference: The text.

    Returns:
        ``word_perplexity``, ``byte_perplexity`` and ``bits_per_byte``: the log-likelihood, and the number of words or
        bytes.
    """
    words, size = len(re.split(r"\s+", reference)), len(reference.encode())
    return {
        "word_perplexity": (results[0], words),
        "byte_perplexity": (results[0], size),
        "bits_per_byte": (results[0], size),
    }
