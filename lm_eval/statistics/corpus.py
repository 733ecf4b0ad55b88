"""Corpus scores of translations by sacrebleu: BLEU, chrF, chrF++, TER.

A corpus score is a function of statistics that are summed over sentences. So the score of a resample is computed from
a sum of rows, without reading the texts again.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lm_eval.errors import MissingPackageError

__all__ = ["CORPUS_SCORES", "bleu", "chrf", "chrfpp", "corpus_resampler", "ter"]

eval_logger = logging.getLogger("lm_eval")
Item = Sequence[str | Sequence[str]]


def _metric(aggregation: Callable[..., float]) -> Any:
    """Return the sacrebleu metric of an aggregation."""
    name, options = CORPUS_SCORES[aggregation]
    try:
        return getattr(importlib.import_module("sacrebleu.metrics"), name)(**options)
    except ImportError:
        raise MissingPackageError(
            'bleu, chrf and ter need the package sacrebleu: pip install "lm-eval-api[metrics]"'
        ) from None


def _columns(items: Iterable[Item]) -> tuple[list[str], list[list[str]]]:
    """Turn (reference or references, prediction) pairs into predictions and the reference streams of sacrebleu."""
    references: list[list[str]] = []
    predictions: list[str] = []
    for reference, prediction in items:
        references.append([reference] if isinstance(reference, str) else [str(text) for text in reference])
        if not isinstance(prediction, str):
            if len(prediction) != 1:
                raise ValueError(f"bleu, chrf and ter score one prediction per doc, not {len(prediction)}")
            prediction = prediction[0]
        predictions.append(prediction)
    if not predictions:
        raise ValueError("there is nothing to score")
    fewest = min(map(len, references))
    if fewest < max(map(len, references)):
        eval_logger.warning("bleu, chrf, ter: docs differ in their number of references; the first %d count.", fewest)
    return predictions, [[row[index] for row in references] for index in range(fewest)]


def _score(aggregation: Callable[..., float], items: Iterable[Item]) -> float:
    metric = _metric(aggregation)
    return float(metric.corpus_score(*_columns(items)).score)


def bleu(items: Iterable[Item]) -> float:
    """Return the corpus BLEU (Papineni et al., 2002), from 0 to 100.

    Args:
        items: Pairs (reference or references, prediction).

    Raises:
        MissingPackageError: sacrebleu is not installed.
    """
    return _score(bleu, items)


def chrf(items: Iterable[Item]) -> float:
    """Return the corpus chrF (Popović, 2015), an F-score of character n-grams, from 0 to 100.

    Args:
        items: Pairs (reference or references, prediction).

    Raises:
        MissingPackageError: sacrebleu is not installed.
    """
    return _score(chrf, items)


def chrfpp(items: Iterable[Item]) -> float:
    """Return the corpus chrF++ (Popović, 2017), chrF with word bigrams, from 0 to 100.

    Args:
        items: Pairs (reference or references, prediction).

    Raises:
        MissingPackageError: sacrebleu is not installed.
    """
    return _score(chrfpp, items)


def ter(items: Iterable[Item]) -> float:
    """Return the corpus TER (Snover et al., 2006), edits per reference word in percent; lower is better.

    Args:
        items: Pairs (reference or references, prediction).

    Raises:
        MissingPackageError: sacrebleu is not installed.
    """
    return _score(ter, items)


CORPUS_SCORES: dict[Callable[..., float], tuple[str, dict[str, int]]] = {
    bleu: ("BLEU", {}),
    chrf: ("CHRF", {}),
    chrfpp: ("CHRF", {"word_order": 2}),
    ter: ("TER", {}),
}
"""Each aggregation and its metric in sacrebleu: class and options."""


def corpus_resampler(
    aggregation: Callable[..., float], items: Sequence[Item]
) -> Callable[[Sequence[int]], float] | None:
    """Read the texts once, so that resamples can be scored from counts.

    Args:
        aggregation: One of ``CORPUS_SCORES``.
        items: Pairs (reference or references, prediction).

    Returns:
        A function from the indices of the items in a resample to the score of the resample; None when the installed
        version of sacrebleu has no access to its statistics.
    """
    import numpy as np

    metric = _metric(aggregation)
    extract = getattr(metric, "_extract_corpus_statistics", None)
    compute = getattr(metric, "_compute_score_from_stats", None)
    if extract is None or compute is None:
        return None
    statistics = np.asarray(extract(*_columns(items)))
    return lambda places: float(compute(statistics[places].sum(axis=0).tolist()).score)
