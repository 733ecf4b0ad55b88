"""Similarity of a generated text and a reference by their words: sentence BLEU and ROUGE, from 0 to 100."""

from __future__ import annotations

import functools
from typing import Any

from lm_eval.errors import MissingPackageError

__all__ = ["similarity"]

# Name in the metrics of tasks -> name in rouge_score.
_ROUGE = {"rouge1": "rouge1", "rouge2": "rouge2", "rougeL": "rougeLsum"}


def similarity(answer: str, reference: str) -> dict[str, float]:
    """Compare an answer with a reference.

    Args:
        answer: The generated text.
        reference: What it should be like.

    Returns:
        ``bleu``, ``rouge1``, ``rouge2`` and ``rougeL``, from 0 to 100. ROUGE-L is taken over sentences: a line, and
        what stands before a full stop between spaces.

    Raises:
        MissingPackageError: sacrebleu or rouge_score is not installed.
    """
    bleu, rouge = scorers()
    scores = {"bleu": float(bleu.corpus_score([answer], [[reference]]).score)}
    # ROUGE-Lsum treats a line as a sentence.
    by_type = rouge.score(reference.replace(" . ", ".\n"), answer.replace(" . ", ".\n"))
    for name, rouge_type in _ROUGE.items():
        scores[name] = by_type[rouge_type].fmeasure * 100
    return scores


@functools.cache
def scorers() -> tuple[Any, Any]:
    """Create the BLEU and ROUGE scorers once; a document needs them for many references.

    Raises:
        MissingPackageError: sacrebleu or rouge_score is not installed.
    """
    try:
        from rouge_score.rouge_scorer import RougeScorer
        from sacrebleu.metrics.bleu import BLEU
    except ImportError as error:
        raise MissingPackageError(
            'BLEU and ROUGE need sacrebleu and rouge_score: pip install "lm-eval-api[tasks]"'
        ) from error
    bleu = BLEU(tokenize="intl", smooth_method="exp", smooth_value=0.0)
    return bleu, RougeScorer(list(_ROUGE.values()))
