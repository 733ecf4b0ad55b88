"""IndicParam: the rows of one language, the prompt, and the place of the right choice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lm_eval.tasks.shared.passages import lettered
from lm_eval.tasks.shared.rows import RowFilter, read_table, row_filter

_LETTERS = ["A", "B", "C", "D"]
# The function of a language, and the language's name in the column ``subject`` of the data.
_SUBJECTS = {
    f"process_docs_{row['language']}": row["subject"] for row in read_table(Path(__file__).with_name("languages.tsv"))
}


def __getattr__(name: str) -> RowFilter:
    """Return ``process_docs_<language>``, which keeps the rows of a language."""
    return row_filter(name, _SUBJECTS, "subject")


def doc_to_text(doc: dict[str, Any]) -> str:
    """Return the question with its four choices.

    Args:
        doc: A row with ``question_text`` and ``option_a`` to ``option_d``.
    """
    options = lettered((doc[f"option_{letter.lower()}"] for letter in _LETTERS), _LETTERS)
    return f"Question: {doc['question_text']}\n{options}\nAnswer:"


def doc_to_choice(doc: dict[str, Any]) -> list[str]:
    """Return the four letters.

    Args:
        doc: Any row.
    """
    return _LETTERS


def doc_to_target(doc: dict[str, Any]) -> int:
    """Return the place of the right choice.

    Args:
        doc: A row with ``correct_answer``, a letter.
    """
    return _LETTERS.index(doc["correct_answer"].upper())
