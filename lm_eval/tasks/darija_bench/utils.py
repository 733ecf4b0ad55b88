"""DarijaBench: prompts and targets from its messages, and the similarity of texts by a neural network.

The name of an aggregation is the network of its BERTScore, which knows the language of the translations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from lm_eval.tasks.shared.neural import NotComputed, bertscore_f1
from lm_eval.tasks.shared.rows import RowFilter, row_filter

T = TypeVar("T")
Similarity = Callable[[Sequence[tuple[str, str]]], float | NotComputed]

_LETTERS = ["A", "B", "C"]
_SENTIMENTS = {"سلبي": "A", "ايجابي": "B", "ماكينش إحساس": "C"}
_ONE_LETTER = "The answer should be strictly one letter of the following: A, B, C."
_DIRECTIONS = {name: name for name in ("dr_fr", "dr_en", "dr_msa", "fr_dr", "en_dr", "msa_dr", "dr_ar", "ar_dr")}


def __getattr__(name: str) -> RowFilter:
    """Return the function that keeps the rows of a direction, such as ``dr_fr``, from Darija to French."""
    return row_filter(name, _DIRECTIONS, "direction")


def doc_to_text(doc: dict[str, Any]) -> str:
    """Return the user's message.

    Args:
        doc: A row with ``messages``.
    """
    text: str = doc["messages"][0]["content"]
    return text


def doc_to_target(doc: dict[str, Any]) -> str:
    """Return the assistant's message.

    Args:
        doc: A row with ``messages``.
    """
    text: str = doc["messages"][1]["content"]
    return text


def summary_text(doc: dict[str, Any]) -> str:
    """Return the user's message, which asks for a summary, with its length of 30 words.

    Args:
        doc: A row with ``messages``.
    """
    return doc_to_text(doc).replace("لخص هاد المقطع", "لخص هاد المقطع في ٣٠ كلمة")


def sentiment_text(doc: dict[str, Any]) -> str:
    """Return the user's message, with letters before the sentiments that it lists.

    Args:
        doc: A row with ``messages``.
    """
    text = doc_to_text(doc)
    for sentiment, letter in _SENTIMENTS.items():
        hint = f"\n{_ONE_LETTER}" if letter == "C" else ""
        text = text.replace(f"-{sentiment}", f"{letter}. {sentiment}{hint}")
    return text


def sentiment_target(doc: dict[str, Any]) -> str:
    """Return the letter of the sentiment that the assistant's message names.

    Args:
        doc: A row with ``messages``.
    """
    return _SENTIMENTS[doc_to_target(doc)]


def doc_to_choice_2(doc: dict[str, Any]) -> list[str]:
    """Return the letters of negative and positive.

    Args:
        doc: Any row.
    """
    return _LETTERS[:2]


def doc_to_choice_3(doc: dict[str, Any]) -> list[str]:
    """Return the letters of negative, positive and neutral.

    Args:
        doc: Any row.
    """
    return _LETTERS


def strip(resps: Iterable[Sequence[str]], docs: object) -> Iterator[str]:
    """Take the first response of each document without white space around it.

    Args:
        resps: The responses of each document.
        docs: The documents.

    Returns:
        One text a document.
    """
    return (responses[0].strip() for responses in resps)


def bert(items: T) -> T:
    """Return a document's target and response, for an aggregation over all documents.

    Args:
        items: Both.
    """
    return items


def _similarity(model: str) -> Similarity:
    def aggregate(items: Sequence[tuple[str, str]]) -> float | NotComputed:
        # The published scores take the targets for the predictions; the F1 of BERTScore is the same both ways.
        targets, responses = zip(*items, strict=True)
        return bertscore_f1(targets, responses, model_type=model, num_layers=12)

    return aggregate


camembert = _similarity("almanach/camembert-base")
darijabert = _similarity("SI2M-Lab/DarijaBERT")
arabizibert = _similarity("SI2M-Lab/DarijaBERT-arabizi")
arabert = _similarity("aubmindlab/bert-base-arabert")
bertbase = _similarity("google-bert/bert-base-uncased")
mbert = _similarity("google-bert/bert-base-multilingual-cased")
