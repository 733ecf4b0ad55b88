"""Pairs of sentences, made ready for a template that joins them into one statement."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lm_eval.utils import general_detokenize

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["lower_first", "nli_pairs", "paraphrase_pairs", "single_spaces"]


def lower_first(text: str) -> str:
    """Return a text whose first letter is a small one.

    Args:
        text: The text.
    """
    return text[:1].lower() + text[1:]


def single_spaces(text: str) -> str:
    """Return a text with one space wherever there were several.

    Args:
        text: The text.
    """
    return re.sub(" +", " ", text)


def nli_pairs(dataset: Dataset, premise: str = "premise", hypothesis: str = "hypothesis") -> Dataset:
    """Make "PREMISE, right? Yes, HYPOTHESIS" a sentence.

    Args:
        dataset: The rows.
        premise: Column of the premise, which loses its last punctuation mark.
        hypothesis: Column of the hypothesis, which gets a small first letter and a full stop.

    Returns:
        The rows with both columns changed.
    """

    def change(doc: dict[str, Any]) -> dict[str, Any]:
        first, second = (general_detokenize(doc[column]).strip() for column in (premise, hypothesis))
        first = first[:-1] if first.endswith((".", ",", "!", "?")) else first
        second = lower_first(second)
        return {**doc, premise: first, hypothesis: second if second.endswith(".") else f"{second}."}

    return dataset.map(change)


def paraphrase_pairs(
    dataset: Dataset, first: str = "sentence1", second: str = "sentence2", detokenize: bool = True
) -> Dataset:
    """Make "FIRST, right? Yes, SECOND" a sentence.

    Args:
        dataset: The rows.
        first: Column of the first sentence, which loses its last punctuation mark.
        second: Column of the second sentence, which gets a small first letter.
        detokenize: Whether to undo the spacing of tokenized text before.

    Returns:
        The rows that have both sentences, with both columns changed.
    """

    def change(doc: dict[str, Any]) -> dict[str, Any]:
        one, two = doc[first], doc[second]
        if detokenize:
            one, two = general_detokenize(one).strip(), general_detokenize(two).strip()
        return {**doc, first: one[:-1] if one.endswith((".", ",", ";")) else one, second: lower_first(two)}

    return dataset.filter(lambda doc: bool(doc[first]) and bool(doc[second])).map(change)
