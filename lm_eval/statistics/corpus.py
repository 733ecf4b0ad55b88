"""Corpus scores of translations: BLEU, chrF, chrF++, TER, by sacrebleu.

A corpus score is a function of statistics summed over sentences; so a resample is a weighted sum of rows and needs
no text to be read again.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lm_eval.errors import MissingPackageError

__all__ = ["CORPUS_SCORES", "bleu", "chrf", "chrfpp", "corpus_resampler", "ter"]

eval_logger = logging.getLogger("lm_eval")
Item = Sequence[Any]
Resampler = Callable[[Sequence[int]], float]


def _sacrebleu(metric: str, **options: Any) -> Any:
    try:
        return getattr(importlib.import_module("sacrebleu.metrics"), metric)(**options)
    except ImportError:
        raise MissingPackageError(
            'bleu, chrf and ter need the package sacrebleu: pip install "lm-eval-api[metrics]"'
        ) from None


def _columns(items: Iterable[Item]) -> tuple[list[str], list[list[str]]]:
    """Turn (reference or references, prediction) pairs into predictions and sacrebleu's reference streams."""
    references: list[list[str]] = []
    predictions: list[str] = []
    for reference, prediction in items:
        references.append([reference] if isinstance(reference, str) else [str(text) for text in reference])
        if not isinstance(prediction, str):
            if len(prediction) != 1:
                raise ValueError(f"bleu, chrf and ter score one prediction a doc, not {len(prediction)}")
            prediction = prediction[0]
        predictions.append(prediction)
    if not predictions:
        raise ValueError("there is nothing to score")
    fewest = min(map(len, references))
    if fewest < max(map(len, references)):
        eval_logger.warning("bleu, chrf, ter: docs differ in their number of references; the first %d count.", fewest)
    return predictions, [[row[index] for row in references] for index in range(fewest)]


def _score(metric: Any, items: Iterable[Item]) -> float:
    predictions, references = _columns(items)
    return float(metric.corpus_score(predictions, references).score)


def bleu(items: Iterable[Item]) -> float:
    """Give the corpus BLEU (Papineni et al. 2002), from 0 to 100.

    Args:
        items: Pairs (reference or references, prediction).

    Returns:
        The score.

    Raises:
        MissingPackageError: sacrebleu is not installed.
    """
    return _score(_bleu(), items)


def chrf(items: Iterable[Item]) -> float:
    """Give the corpus chrF (Popović 2015), an F-score of character n-grams, from 0 to 100.

    Args:
        items: Pairs (reference or references, prediction).

    Returns:
        The score.

    Raises:
        MissingPackageError: sacrebleu is not installed.
    """
    return _score(_chrf(), items)


def chrfpp(items: Iterable[Item]) -> float:
    """Give the corpus chrF++ (Popović 2017), chrF with word bigrams, from 0 to 100.

    Args:
        items: Pairs (reference or references, prediction).

    Returns:
        The score.

    Raises:
        MissingPackageError: sacrebleu is not installed.
    """
    return _score(_chrfpp(), items)


def ter(items: Iterable[Item]) -> float:
    """Give the corpus TER (Snover et al. 2006), edits per reference word in percent; lower is better.

    Args:
        items: Pairs (reference or references, prediction).

    Returns:
        The score.

    Raises:
        MissingPackageError: sacrebleu is not installed.
    """
    return _score(_ter(), items)


def _bleu() -> Any:
    return _sacrebleu("BLEU")


def _chrf() -> Any:
    return _sacrebleu("CHRF")


def _chrfpp() -> Any:
    return _sacrebleu("CHRF", word_order=2)


def _ter() -> Any:
    return _sacrebleu("TER")


CORPUS_SCORES: dict[Callable[..., float], Callable[[], Any]] = {bleu: _bleu, chrf: _chrf, chrfpp: _chrfpp, ter: _ter}
"""Aggregation to the maker of its sacrebleu metric."""


def corpus_resampler(aggregation: Callable[..., float], items: Sequence[Item]) -> Resampler | None:
    """Read the texts once, so that resamples can be scored from counts.

    Args:
        aggregation: One of ``CORPUS_SCORES``.
        items: Pairs (reference or references, prediction).

    Returns:
        A function of the places of the items drawn to the score of that resample; None when the installed sacrebleu
        does not give its statistics away.
    """
    import numpy as np

    metric = CORPUS_SCORES[aggregation]()
    extract = getattr(metric, "_extract_corpus_statistics", None)
    compute = getattr(metric, "_compute_score_from_stats", None)
    if extract is None or compute is None:
        return None
    statistics = np.asarray(extract(*_columns(items)))
    return lambda places: float(compute(statistics[places].sum(axis=0).tolist()).score)
