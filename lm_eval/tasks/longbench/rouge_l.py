"""ROUGE-L of whole summaries over distinct words, with the numbers of the package ``rouge`` that LongBench uses."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["rouge_l"]

_TINY = 1e-8
"""Keeps the harmonic mean defined where nothing is shared."""


def rouge_l(prediction: str, reference: str) -> float:
    """Compare a summary with another by the longest common subsequences of their sentences.

    Each sentence of the reference is matched with each sentence of the prediction, and the distinct words of all
    matches count. Sentences end at full stops; words are split at white space.

    Args:
        prediction: The summary.
        reference: What it is compared with.

    Returns:
        The F-measure; 0 where one of the texts has no sentence.
    """
    predicted, wanted = _sentences(prediction), _sentences(reference)
    if not predicted or not wanted:
        return 0.0
    shared: set[str] = set()
    for theirs in wanted:
        for ours in predicted:
            shared |= _common(theirs, ours)
    precision = len(shared) / len({word for words in predicted for word in words})
    recall = len(shared) / len({word for words in wanted for word in words})
    return 2.0 * precision * recall / (precision + recall + _TINY)


def _sentences(text: str) -> list[list[str]]:
    """Split a text; white space between two full stops is a sentence of one empty word."""
    return [part.split() or [""] for part in text.split(".") if part]


def _common(first: Sequence[str], second: Sequence[str]) -> set[str]:
    """Return the words of a longest common subsequence.

    Where several are equally long, the one is taken that drops the last words of ``second`` first.
    """
    lengths = [[0] * (len(second) + 1)]
    for word in first:
        above, row = lengths[-1], [0]
        for place, other in enumerate(second):
            row.append(above[place] + 1 if word == other else max(above[place + 1], row[place]))
        lengths.append(row)
    words: set[str] = set()
    i, j = len(first), len(second)
    while i and j:
        if first[i - 1] == second[j - 1]:
            words.add(first[i - 1])
            i, j = i - 1, j - 1
        elif lengths[i - 1][j] > lengths[i][j - 1]:
            i -= 1
        else:
            j -= 1
    return words
