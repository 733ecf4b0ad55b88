"""NorIdiom: the end of an idiom, compared with the accepted ones by exact match and by words."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lm_eval.tasks.shared.rows import keep_rows

if TYPE_CHECKING:
    from datasets import Dataset

_PUNCTUATION = frozenset(string.punctuation)


def filter_dataset_nb(dataset: Dataset) -> Dataset:
    """Return the idioms in Bokmål.

    Args:
        dataset: Rows with ``language``.
    """
    return keep_rows(dataset, "language", "nob")


def filter_dataset_nn(dataset: Dataset) -> Dataset:
    """Return the idioms in Nynorsk.

    Args:
        dataset: Rows with ``language``.
    """
    return keep_rows(dataset, "language", "nno")


def process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Score a completion against the accepted one that fits best.

    Args:
        doc: A row with ``accepted_completions``.
        results: The one completion.

    Returns:
        ``em`` and ``fscore``.
    """
    guess = _normalized(results[0])
    accepted = [_normalized(completion) for completion in doc["accepted_completions"]]
    return {"em": int(guess in accepted), "fscore": max(_word_f1(completion, guess) for completion in accepted)}


def _normalized(text: str) -> str:
    return "".join(sign for sign in text if sign not in _PUNCTUATION).lower().strip()


def _word_f1(completion: str, guess: str) -> float:
    wanted, got = completion.split(), guess.split()
    if not wanted or not got:
        return float(wanted == got)
    common = sum((Counter(wanted) & Counter(got)).values())
    return 2 * common / (len(wanted) + len(got))
