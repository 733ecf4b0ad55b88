"""NorQuAD: title and passage of an article, and the comparison of answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lm_eval.tasks.shared.squad import exact, f1

if TYPE_CHECKING:
    from datasets import Dataset


def process_docs(dataset: Dataset) -> Dataset:
    """Take the title, which is the first line, from the passage, and put the question on one line.

    Args:
        dataset: Rows with ``context`` and ``question``.

    Returns:
        The rows, with ``title`` and ``passage``.
    """
    return dataset.map(_format_doc)


def _format_doc(doc: dict[str, Any]) -> dict[str, str]:
    title, _, passage = doc["context"].strip().partition("\n")
    return {"title": title.strip(), "passage": passage.strip(), "question": " ".join(doc["question"].split())}


def process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Compare a response with the first answer.

    Args:
        doc: A row with ``answers``.
        results: The one response.

    Returns:
        ``f1`` and ``exact_match``.
    """
    answer = doc["answers"]["text"][0]
    return {"f1": f1(answer, results[0]), "exact_match": exact(answer, results[0])}
