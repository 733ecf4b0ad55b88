"""MuTual: the text of dialogues, and the rank of the right reply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["process_docs", "process_results"]

# Applied in order.
_REPLACEMENTS = (
    (" '", "'"),
    (" \n", "\n"),
    ("\n ", "\n"),
    (" n't", "n't"),
    ("`` ", '"'),
    ("''", '"'),
    *((f" {mark}", mark) for mark in ":;!?,."),
)


def process_docs(dataset: Dataset) -> Dataset:
    """Write dialogues and replies as normal text.

    Args:
        dataset: Rows with ``article`` and ``options``.
    """
    return dataset.map(_as_text)


def _as_text(doc: Mapping[str, Any]) -> dict[str, Any]:
    return {"article": _detokenized(doc["article"]), "options": [_detokenized(option) for option in doc["options"]]}


def _detokenized(text: str) -> str:
    for old, new in _REPLACEMENTS:
        text = text.replace(old, new)
    return text


def process_results(doc: Mapping[str, Any], results: Sequence[tuple[float, bool]]) -> dict[str, float]:
    """Return how high the right reply is among the four.

    ``r@1`` is that of the reference harness: it looks for the largest number among all log-likelihoods and all flags
    of greediness, so it says 1 where the right reply is the second and no reply is greedy. ``mrr`` is right.

    Args:
        doc: A row whose ``answers`` hold the letter of the right reply.
        results: The log-likelihood of each reply, and whether it is greedy.
    """
    gold = "ABCD".index(doc["answers"])
    flat = [float(number) for result in results for number in result]
    first = flat.index(max(flat)) == gold
    rank = sorted(results, reverse=True).index(results[gold])
    return {"r@1": float(first), "r@2": float(first or rank == 1), "mrr": 1.0 / (rank + 1)}
