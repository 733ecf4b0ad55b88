"""CareQA with free answers: the perplexity of the reference answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any


def process_results(doc: dict[str, Any], results: Sequence[float]) -> dict[str, tuple[float, int]]:
    """Return the log-likelihood and the length of the reference answer.

    Args:
        doc: A row with ``answer``.
        results: The one log-likelihood, in nats.

    Returns:
        For each metric the log-likelihood and the number of words or bytes.
    """
    words, size = len(re.split(r"\s+", doc["answer"])), len(doc["answer"].encode())
    return {
        "word_perplexity": (results[0], words),
        "byte_perplexity": (results[0], size),
        "bits_per_byte": (results[0], size),
    }
