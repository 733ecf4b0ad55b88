"""Llama 3's evaluations: the rows of a subject, and shots that stand in the prompts of Meta's published results."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, cast

from lm_eval.api.task_parts.documents import load_task_dataset
from lm_eval.errors import DatasetError
from lm_eval.tasks.shared.rows import RowFilter, keep_rows, read_table, row_filter

if TYPE_CHECKING:
    from datasets import Dataset

_LETTERS = ["A", "B", "C", "D"]
_DATA = "meta-llama/Llama-3.1-8B-Instruct-evals"
_CONFIG = "Llama-3.1-8B-Instruct-evals__multilingual_mmlu_{}__details"
_LANGUAGES = ("de", "es", "fr", "hi", "it", "pt", "th")
_SHOTS = 5
# A question of a prompt with its answer; nothing follows the last question but the start of an answer.
_ANSWERED = re.compile(
    r"Question: (?P<question>.*?)\nA\. (?P<A>.*?)\nB\. (?P<B>.*?)\nC\. (?P<C>.*?)\nD\. (?P<D>.*?)\n"
    r"Your response should end with .*?The best answer is (?P<answer>[A-D])\.",
    re.DOTALL,
)

_PRO = (
    "biology business chemistry computer_science economics engineering health history law math other philosophy physics"
)
_CATEGORIES = {f"process_{subject}": subject.replace("_", " ") for subject in [*_PRO.split(), "psychology"]}
_SUBJECTS = [row["subject"] for row in read_table(Path(__file__).parents[1] / "mmlu" / "subjects.tsv")]
_SUBTASKS = {
    f"process_docs_{language}_{subject}": f"mmlu_{language}_chat.{subject}"
    for language in _LANGUAGES
    for subject in _SUBJECTS
}

Shot = Mapping[str, object]


class _Choices(TypedDict):
    text: list[str]
    label: list[str]


class _Arc(TypedDict):
    question: str
    choices: _Choices
    answerKey: str


def process_arc(dataset: Dataset) -> Dataset:
    """Keep the questions of ARC with four choices and name them A to D.

    Args:
        dataset: Rows with ``question``, ``choices`` and ``answerKey``, a letter or a number from 1.

    Returns:
        The rows; labels and answers are letters.
    """
    return dataset.filter(lambda row: len(row["choices"]["label"]) == len(_LETTERS)).map(_letters)


def _letters(row: _Arc) -> dict[str, object]:
    key = row["answerKey"]
    return {
        "question": row["question"],
        "choices": {**row["choices"], "label": _LETTERS},
        "answerKey": key if key in _LETTERS else _LETTERS[int(key) - 1],
    }


def fewshot_to_text(doc: Mapping[str, str]) -> str:
    """Return the reasoning of a question of MMLU-Pro, with the last sentence that Llama's prompt asks for.

    Args:
        doc: A row with ``cot_content``.

    Returns:
        The text.
    """
    text = doc["cot_content"].removeprefix("A: Let's think step by step.").strip()
    return re.sub(r"The answer is \(([A-Z])\)\.", r"The best answer is \1.", text)


def shots_in_prompt(prompt: str) -> list[dict[str, object]]:
    """Cut the answered questions out of a prompt.

    Args:
        prompt: The prompt that a model got: questions with answers, and a last one without.

    Returns:
        The answered questions, as rows of the dataset.
    """
    return [
        {
            "input_question": found["question"],
            "input_choice_list": {letter: found[letter] for letter in _LETTERS},
            "input_correct_responses": [found["answer"]],
        }
        for found in _ANSWERED.finditer(prompt)
    ]


def _shots(language: str, subtask: str) -> Sequence[Shot]:
    """Read the shots of a subject from the first prompt of Meta's own run, which is in the gated dataset."""
    splits = load_task_dataset(subtask, _DATA, _CONFIG.format(language))
    rows = keep_rows(cast("Dataset", splits["latest"]), column="subtask_name", value=subtask)
    prompts = rows["input_final_prompts"][:1] if "input_final_prompts" in rows.column_names else []
    shots = shots_in_prompt(str(prompts[0][0])) if prompts and prompts[0] else []
    if len(shots) != _SHOTS:
        raise DatasetError(
            f"The shots of {subtask} stand in the column input_final_prompts of {_DATA}: {_SHOTS} answered questions "
            f"were expected there, {len(shots)} found. With num_fewshot: 0 the task needs none."
        )
    return shots


def __getattr__(name: str) -> RowFilter | Callable[[], Sequence[Shot]]:
    """Serve ``process_SUBJECT``, ``process_docs_LANGUAGE_SUBJECT`` and ``shots_LANGUAGE_SUBJECT``."""
    if name.startswith("shots_") and (subtask := _SUBTASKS.get(name.replace("shots_", "process_docs_", 1))):
        return partial(_shots, name.split("_")[1], subtask)
    if name.startswith("process_docs_"):
        return row_filter(name, _SUBTASKS, "subtask_name")
    return row_filter(name, _CATEGORIES, "category")
