"""C4, treated as WikiText is: detokenized, and measured by the words and bytes of the text as stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lm_eval.tasks.wikitext import utils as wikitext

__all__ = ["c4_detokenizer", "process_results"]


def c4_detokenizer(doc: Mapping[str, str]) -> str:
    """Return the text without spaces before punctuation.

    Args:
        doc: A row with ``text``.
    """
    return wikitext.detokenize({"page": doc["text"]})


def process_results(doc: Mapping[str, str], results: Sequence[float]) -> dict[str, tuple[float, int]]:
    """Return the log-likelihood and the length of a text.

    Args:
        doc: A row with ``text``.
        results: The log-likelihood of the text, in nats.

    Returns:
        For each metric the log-likelihood and the number of words or bytes.
    """
    return wikitext.process_results({"page": doc["text"]}, list(results))
