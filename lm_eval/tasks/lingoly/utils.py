"""LingOly: one document per question of a problem sheet."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["load_all_questions"]

# The prompt's lines are indented, as its authors wrote it.
_INDENT = " " * 16
_SHEET_INDENT = " " * 17
_START = (
    "Below is a problem sheet from a lingusitics exam. You will first see the entire sheet, then be asked to respond to"
    " specific questions from the sheet. Your answers to the questions should rely only on reasoning about the"
    " information provided in the sheet."
)


def load_all_questions(question_sheets: Iterable[Mapping[str, Any]]) -> Dataset:
    """Return a row per question, with the prompts with and without context.

    Args:
        question_sheets: Rows with ``preamble``, ``context``, ``overall_question_n``, and ``questions`` as JSON.

    Returns:
        Rows with ``prompt``, ``nc_prompt``, ``answers`` and ``index``.
    """
    from datasets import Dataset

    columns: dict[str, list[Any]] = {"prompt": [], "nc_prompt": [], "answers": [], "index": []}
    for sheet in question_sheets:
        questions = json.loads(sheet["questions"])
        everything = "".join(map(_text, questions))
        for question in questions:
            parts = question["subprompts"]
            columns["prompt"].append(_prompt([sheet["preamble"], sheet["context"], everything], question))
            columns["nc_prompt"].append(_prompt([sheet["preamble"], everything], question))
            columns["answers"].append(str({part["questionpart_n"]: part["answer"] for part in parts}))
            columns["index"].append(sheet["overall_question_n"])
    return Dataset.from_dict(columns)


def _text(question: Mapping[str, Any]) -> str:
    parts = "".join(f"{part['questionpart_n']} {part['question']}\n" for part in question["subprompts"])
    return f"\n{question['prompt']}\n{parts}"


def _prompt(sheet: list[str], question: Mapping[str, Any]) -> str:
    """Return the prompt of a question after a sheet, of which the last part are all questions."""
    *intro, everything = sheet
    form = json.dumps({part["questionpart_n"]: "" for part in question["subprompts"]})
    body = f"\n{_SHEET_INDENT}".join(intro) + f"\n\n{_SHEET_INDENT}{everything}\n{_SHEET_INDENT}"
    return (
        f"{_START}\n{_INDENT}{body}\n\n"
        f"{_INDENT}Now respond to the following questions:\n{_INDENT}{_text(question)}\n\n"
        f"{_INDENT}Format your response as a json file with the keys as provided below:\n{_INDENT}{form}\n{_INDENT}"
    )
