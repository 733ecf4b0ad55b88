"""AraDiCE: the rows of its benchmarks as questions with choices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lm_eval.tasks.shared import winograd

if TYPE_CHECKING:
    from datasets import Dataset

_YES_AND_NO = {"eng": ("yes", "no"), "arabic": ("نعم", "لا")}


def boolq(dataset: Dataset) -> Dataset:
    """Take the question mark from Arabic questions, and say the answer in Arabic.

    Args:
        dataset: Rows with ``question`` and ``answer``, a truth value or its name.

    Returns:
        The rows, with ``target``.
    """
    return dataset.map(lambda doc: _yes_or_no(doc, "arabic"))


def boolq_eng(dataset: Dataset) -> Dataset:
    """Take the question mark from English questions, and say the answer in English.

    Args:
        dataset: As for :func:`boolq`.

    Returns:
        The rows, with ``target``.
    """
    return dataset.map(lambda doc: _yes_or_no(doc, "eng"))


def _yes_or_no(doc: dict[str, Any], language: str) -> dict[str, str]:
    question = doc["question"].strip()
    if question.endswith(("?", "؟")):
        question = question[:-1].strip()
    yes, no = _YES_AND_NO[language]
    return {"question": question, "target": {"true": yes, "True": yes, "false": no, "False": no}[str(doc["answer"])]}


def cultural(dataset: Dataset) -> Dataset:
    """Put the three options of a question in one list; the first is right.

    Args:
        dataset: Rows with ``Option A``, ``Option B`` and ``Option C``.

    Returns:
        The rows, with ``choices``.
    """
    return dataset.map(lambda doc: {"choices": [doc["Option A"], doc["Option B"], doc["Option C"]]})


def openbookqa_text(doc: dict[str, Any]) -> str:
    """Return the question.

    Args:
        doc: A row with ``question``, which has ``stem`` and ``choices``.
    """
    stem: str = doc["question"]["stem"]
    return stem.strip()


def openbookqa_choice(doc: dict[str, Any]) -> list[str]:
    """Return the texts of the choices.

    Args:
        doc: As for :func:`openbookqa_text`.
    """
    return [choice["text"] for choice in doc["question"]["choices"]]


def openbookqa_target(doc: dict[str, Any]) -> int:
    """Return the place of the right choice.

    Args:
        doc: As for :func:`openbookqa_text`, with ``answerKey``.
    """
    labels = [choice["label"] for choice in doc["question"]["choices"]]
    return labels.index(doc["answerKey"].lstrip())


# The sentence up to its gap, with the option, is the context; the likelihood of the rest decides.
winogrande_text = winograd.doc_to_text
winogrande_choice = winograd.doc_to_choice
winogrande_target = winograd.doc_to_target
