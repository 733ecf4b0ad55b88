"""The targets and the score of MasakhaPOS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

__all__ = ["acc_score", "doc_to_target", "process_results"]

Doc = Mapping[str, Any]
Pair = tuple[Sequence[str], Sequence[Sequence[str]]]

_TAGS = (
    *("NOUN", "PUNCT", "ADP", "NUM", "SYM", "SCONJ", "ADJ", "PART", "DET"),
    *("CCONJ", "PROPN", "PRON", "X", "_", "ADV", "INTJ", "VERB", "AUX"),
)


def doc_to_target(doc: Doc) -> list[str]:
    """Return the tags of a sentence.

    Args:
        doc: A row whose ``upos`` hold the number of each word's tag.
    """
    return [_TAGS[number] for number in doc["upos"]]


def process_results(doc: Doc, results: Sequence[Sequence[Sequence[str]]]) -> dict[str, Pair]:
    """Pair the tags of a sentence with the tags of the responses.

    Args:
        doc: The row.
        results: For the one request, the tags that the filter found in each response.
    """
    return {"acc": (doc_to_target(doc), results[0])}


def acc_score(items: Sequence[Pair]) -> float:
    """Average the share of right tags over the sentences.

    The tags of a sentence are compared place by place, up to the length of the shorter list.

    Args:
        items: The tags and the predicted ones of each sentence.

    Returns:
        A number from 0 to 1.
    """
    scores = [_share(tags, list(chain.from_iterable(predicted))) for tags, predicted in items]
    return sum(scores) / len(scores) if scores else 0.0


def _share(tags: Sequence[str], predicted: Sequence[str]) -> float:
    pairs = list(zip(tags, predicted, strict=False))
    return sum(tag == guess for tag, guess in pairs) / len(pairs) if pairs else 0.0
