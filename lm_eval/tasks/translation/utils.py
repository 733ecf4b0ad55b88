"""Word error rate and BLEU from 0 to 1, for the T5 prompt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lm_eval.errors import MissingPackageError


def wer(predictions: Sequence[str], references: Sequence[str]) -> float:
    """Return the word error rate: word edits from reference to prediction, divided by the words of the reference.

    Args:
        predictions: The response.
        references: The translation.

    Returns:
        The rate; it is above 1 if there are more edits than words.
    """
    said, meant = predictions[0].split(), references[0].split()
    # One row of the edit distance at a time.
    row = list(range(len(said) + 1))
    for i, word in enumerate(meant, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(said, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1] / max(len(meant), 1)


def bleu(predictions: Sequence[str], references: Sequence[str]) -> tuple[str, str]:
    """Return the pair of response and translation for the aggregation.

    Args:
        predictions: The response.
        references: The translation.
    """
    return predictions[0], references[0]


def corpus_bleu(items: Iterable[tuple[str, str]]) -> float:
    """Return BLEU of the corpus, from 0 to 1, without smoothing (Papineni et al. 2002).

    Args:
        items: Pairs of response and translation.

    Raises:
        MissingPackageError: sacrebleu is not installed.
    """
    try:
        from sacrebleu import corpus_bleu as measure
    except ImportError as error:
        raise MissingPackageError('BLEU needs sacrebleu: pip install "lm-eval-api[tasks]"') from error
    said, meant = zip(*items, strict=True)
    return float(measure(said, [meant], smooth_method="none").score) / 100
