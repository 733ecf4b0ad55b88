"""MMLU-Pro+: the prompt of a question with up to twelve options, and the rows of a subject."""

from __future__ import annotations

from string import ascii_uppercase
from typing import TypedDict

from lm_eval.tasks.shared.rows import RowFilter, row_filter

_SUBJECTS = (
    "biology business chemistry computer_science economics engineering health history law math other philosophy "
    "physics psychology"
)
_CATEGORIES = {f"process_{subject}": subject.replace("_", " ") for subject in _SUBJECTS.split()}


class Doc(TypedDict):
    """A row of MMLU-Pro+."""

    question: str
    options: list[str]
    cot_content: str


def doc_to_text(doc: Doc) -> str:
    """Return the question with its options.

    Args:
        doc: A row.

    Returns:
        The prompt.
    """
    options = "".join(
        f"{letter}. {option.strip()}\n" for letter, option in zip(ascii_uppercase, doc["options"], strict=False)
    )
    return f"Question:\n{doc['question']}\nOptions:\n{options}Answer: Let's think step by step."


fewshot_to_text = doc_to_text


def fewshot_to_target(doc: Doc) -> str:
    """Return the reasoning without its first words, which the prompt ends with.

    Args:
        doc: A row.

    Returns:
        The text.
    """
    return doc["cot_content"].replace("A: Let's think step by step. ", "")


def __getattr__(name: str) -> RowFilter:
    """Serve ``process_SUBJECT`` for the 14 subjects."""
    return row_filter(name, _CATEGORIES, "category")
