"""PAWS-X: turn sentences with spaces between tokens into normal text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lm_eval.utils import general_detokenize

if TYPE_CHECKING:
    from datasets import Dataset


def _clean_pair(row: dict[str, Any]) -> dict[str, str]:
    first, second = (general_detokenize(row[name]).strip() for name in ("sentence1", "sentence2"))
    # The question follows the first sentence; the second one continues after the answer.
    return {
        "sentence1": first[:-1] if first.endswith((".", ",", ";")) else first,
        "sentence2": second[:1].lower() + second[1:],
    }


def clean(dataset: Dataset) -> Dataset:
    """Remove pairs with an empty sentence, and prepare the others to be joined by an answer.

    Args:
        dataset: A split with columns ``sentence1`` and ``sentence2``.

    Returns:
        The split, without the spaces between tokens and the end mark of the first sentence, and with
        the second sentence starting in lower case.
    """
    pairs = zip(dataset["sentence1"], dataset["sentence2"], strict=True)
    return dataset.select([row for row, pair in enumerate(pairs) if all(pair)]).map(_clean_pair)
