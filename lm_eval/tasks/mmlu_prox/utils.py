"""MMLU-ProX: the prompts of 29 languages, and the rows of a subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from string import ascii_uppercase

from lm_eval.tasks.shared.rows import RowFilter, read_table, row_filter

Doc = Mapping[str, str | None]

_FOLDER = Path(__file__).parent
_WORDS = {row["lang"]: row for row in read_table(_FOLDER / "languages.tsv")}
_SUBJECTS = {
    f"process_{row['subject']}": row["subject"].replace("_", " ") for row in read_table(_FOLDER / "subjects.tsv")
}


def _question(doc: Doc, words: Mapping[str, str]) -> str:
    options = [doc[f"option_{number}"] for number in range(10)]
    lines = [
        f"{letter}. {option}" for letter, option in zip(ascii_uppercase, options, strict=False) if option is not None
    ]
    return "\n".join([words["question"], str(doc["question"]), words["options"], *lines, ""])


def _prompt(doc: Doc, words: Mapping[str, str]) -> str:
    return _question(doc, words) + words["answer"]


def _shot(doc: Doc, words: Mapping[str, str]) -> str:
    """Return a question with its reasoning; the reasoning of the data starts with other words than the prompt."""
    reasoning = str(doc["cot_content"]).replace(words["shot_answer"], words["answer"])
    return _question(doc, words) + reasoning + "\n\n"


def __getattr__(name: str) -> RowFilter | Callable[[Doc], str]:
    """Serve ``doc_to_text_LANG``, ``fewshot_to_text_LANG`` and ``process_SUBJECT``."""
    for prefix, write in (("doc_to_text_", _prompt), ("fewshot_to_text_", _shot)):
        language = name.removeprefix(prefix)
        if language != name and language in _WORDS:
            return partial(write, words=_WORDS[language])
    return row_filter(name, _SUBJECTS, "category")
