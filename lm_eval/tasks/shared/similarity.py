"""How similar an answer is to one reference text, by the metrics that medical benchmarks report together."""

from __future__ import annotations

from math import nan

from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU

from lm_eval.tasks.shared.neural import NotComputed, bertscore_f1, bleurt

__all__ = ["METRICS", "NotComputed", "bleu_of_one", "similarity", "similarity_of_long"]

METRICS = ("bleu", "rouge1", "rouge2", "rougeL", "bleurt", "bert_score")
_ROUGE = ("rouge1", "rouge2", "rougeL")


def bleu_of_one(prediction: str, reference: str) -> float:
    """Compute the BLEU of one text, without smoothing.

    Args:
        prediction: The answer.
        reference: What it is compared with.

    Returns:
        A number from 0 to 1; 0 if no four words in a row agree.
    """
    scorer = BLEU(tokenize="13a", smooth_method="none")
    return float(scorer.corpus_score([prediction], [[reference]]).score) / 100


def similarity(prediction: str, reference: str) -> dict[str, float | NotComputed]:
    """Compare an answer with a reference.

    Args:
        prediction: The answer.
        reference: What it is compared with.

    Returns:
        The metrics of ``METRICS``; all are nan if one of the texts is empty, and the last two are not computed where
        their packages are missing.
    """
    if not prediction or not reference:
        return dict.fromkeys(METRICS, nan)
    rouge = RougeScorer(list(_ROUGE)).score(reference, prediction)
    return {
        # A BLEU of 0 is made a little larger, as in the reference harness.
        "bleu": bleu_of_one(prediction, reference) or 1e-5,
        **{kind: float(rouge[kind].fmeasure) for kind in _ROUGE},
        "bleurt": bleurt([prediction], [reference]),
        "bert_score": bertscore_f1([prediction], [reference], lang="en"),
    }


def similarity_of_long(prediction: str, reference: str, shortest: int) -> dict[str, float | NotComputed]:
    """Compare an answer with a reference, where both are long enough to tell something.

    Args:
        prediction: The answer.
        reference: What it is compared with.
        shortest: The number of characters that both need.

    Returns:
        The metrics of :func:`similarity`; all are nan if one of the texts is shorter.
    """
    if min(len(prediction), len(reference)) < shortest:
        return dict.fromkeys(METRICS, nan)
    return similarity(prediction, reference)
