"""XL-Sum in Japanese: ROUGE-2 over the words that MeCab finds."""

from __future__ import annotations

import re
from collections.abc import Sequence

import emoji
import neologdn
from fugashi import Tagger
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.scoring import BootstrapAggregator

__all__ = ["rouge2", "rouge2_agg"]

_PICTURES = re.compile("[\U0001f600-\U0001f64f\U0001f300-\U0001f5ff\U0001f680-\U0001f6ff\U0001f1e0-\U0001f1ff✂-➰]+")


class _Words:
    """Splits Japanese text into words."""

    def __init__(self) -> None:
        self._tagger = Tagger("-Owakati")

    def tokenize(self, text: str) -> list[str]:
        """Return the words of a text without emoji, with the usual widths of characters.

        Args:
            text: The text.
        """
        plain = _PICTURES.sub("", "".join(sign for sign in text if not emoji.is_emoji(sign)))
        words: list[str] = self._tagger.parse(" ".join(neologdn.normalize(plain).split())).split()
        return words


def rouge2(items: Sequence[str]) -> Sequence[str]:
    """Return the reference and the prediction of a document for :func:`rouge2_agg`.

    Args:
        items: Both.
    """
    return items


def rouge2_agg(items: Sequence[tuple[str, str]]) -> float:
    """Average the F-measure of ROUGE-2 over the documents, with a bootstrap.

    Args:
        items: Reference and prediction of each document.

    Returns:
        The middle of the means of resamples, from 0 to 1: with numpy's seed, which the run sets, the same each time.
    """
    scorer, middle = RougeScorer(["rouge2"], tokenizer=_Words()), BootstrapAggregator()
    for reference, prediction in items:
        middle.add_scores(scorer.score(reference, prediction))
    return float(middle.aggregate()["rouge2"].mid.fmeasure)
