"""Qasper: one row per question and answer, of one kind of answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["process_docs", "process_docs_bool", "process_docs_freeform"]

_COLUMNS = ("title", "abstract", "question", "answer", "answer_type")


def process_docs(dataset: Dataset, set_answer_type: str = "bool") -> Dataset:
    """Return the questions about papers that have an answer of one kind.

    Args:
        dataset: Papers with ``title``, ``abstract`` and ``qas``.
        set_answer_type: ``bool``, ``free form answer``, ``extractive_spans`` or ``unanswerable``.

    Returns:
        A row per answer, with ``title``, ``abstract``, ``question``, ``answer`` and ``answer_type``.
    """
    from datasets import Dataset

    rows = [row for paper in dataset for row in _answers(paper) if row[-1] == set_answer_type]
    return Dataset.from_dict({column: [row[place] for row in rows] for place, column in enumerate(_COLUMNS)})


process_docs_bool = partial(process_docs, set_answer_type="bool")
process_docs_freeform = partial(process_docs, set_answer_type="free form answer")


def _answers(paper: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str, str]]:
    questions = paper["qas"]
    for question, answers in zip(questions["question"], questions["answers"], strict=False):
        for given in answers["answer"]:
            text, kind = _kind(given)
            yield paper["title"], paper["abstract"], question, text, kind


def _kind(given: Mapping[str, Any]) -> tuple[str, str]:
    """Return the text and the kind of an answer; an answer may have several fields, and the first one counts."""
    if given["unanswerable"]:
        return "unanswerable", "unanswerable"
    if given["yes_no"]:
        return "yes", "bool"
    if given["free_form_answer"]:
        return given["free_form_answer"], "free form answer"
    if given["extractive_spans"]:
        return ", ".join(given["extractive_spans"]), "extractive_spans"
    return ("no", "bool") if given["yes_no"] is False else ("", "")
