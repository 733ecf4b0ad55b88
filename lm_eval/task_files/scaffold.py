"""Writes the folder of a new task: a task file, its README, and data where none is named."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from lm_eval.errors import ConfigError, did_you_mean
from lm_eval.task_files.languages import find_language

__all__ = ["DATA_TYPES", "TYPES", "NewTask", "write_task"]

TYPES = ("generate_until", "multiple_choice", "loglikelihood", "loglikelihood_rolling")
"""The output types; the first one is the default."""
DATA_TYPES = (".jsonl", ".json", ".csv")
"""The files that may hold the data of a new task."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_EXAMPLES: list[dict[str, object]] = [
    {"question": "How many days does a week have?", "choices": ["five", "six", "seven"], "answer": 2},
    {"question": "Which of these is a fruit?", "choices": ["a plum", "a spoon", "a cloud"], "answer": 0},
    {"question": "What melts in the sun?", "choices": ["a stone", "snow", "sand"], "answer": 1},
    {"question": "Which season follows winter?", "choices": ["spring", "summer", "autumn"], "answer": 0},
]
_LOADER = '''"""Reads the documents next to the task file."""

from pathlib import Path


def load(**_):
    """Return the rows by split."""
    from datasets import load_dataset

    file = Path(__file__).with_name("{file}")
    return load_dataset("{builder}", data_files={{"test": str(file)}})
'''


@dataclass(frozen=True, slots=True)
class NewTask:
    """What somebody says about a task that does not exist yet.

    Attributes:
        name: The name of the task.
        folder: Where its files go; the folder is created.
        dataset: A dataset on the Hub, with the config after a comma where it has one; a file of data, which is copied;
            or empty for a few example rows.
        output_type: One of `TYPES`.
        question: The column with the question, or a template of the complete prompt.
        answer: The column with the answer; for multiple choice, with the index or the text of the right choice.
        choices: The column with the choices; only multiple choice has them.
        language: A language code or name.
        split: The split to evaluate, of a dataset on the Hub.
    """

    name: str
    folder: Path
    dataset: str = ""
    output_type: str = TYPES[0]
    question: str = "question"
    answer: str = "answer"
    choices: str = "choices"
    language: str = "eng"
    split: str = "test"

    def check(self) -> None:
        """Check the fields.

        Raises:
            ConfigError: A field cannot be used, or the folder has files.
        """
        if not _NAME.fullmatch(self.name):
            raise ConfigError(f"{self.name!r} is no name of a task; use letters, digits, and any of . _ -")
        if self.output_type not in TYPES:
            near = did_you_mean(self.output_type, TYPES)
            raise ConfigError(f"Unknown output type {self.output_type!r}; it is one of {', '.join(TYPES)}.{near}")
        if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise ConfigError(f"{self.folder} exists and is not an empty folder; name another one with --dir.")
        file = Path(self.dataset)
        if self.dataset and file.suffix in DATA_TYPES and not file.is_file():
            raise ConfigError(f"There is no file {self.dataset}.")
        find_language(self.language)


def write_task(task: NewTask) -> Path:
    """Write the files of a task.

    Args:
        task: The task.

    Returns:
        The task file.

    Raises:
        ConfigError: A field cannot be used, or the folder has files.
    """
    task.check()
    task.folder.mkdir(parents=True, exist_ok=True)
    path = task.folder / f"{task.name}.yaml"
    path.write_text("\n".join([f"task: {task.name}", *_data(task), *_fields(task), ""]), encoding="utf-8")
    (task.folder / "README.md").write_text(_readme(task), encoding="utf-8")
    return path


def _data(task: NewTask) -> list[str]:
    """Return the lines about the data, after writing or copying a file of data."""
    given = Path(task.dataset)
    if task.dataset and given.suffix not in DATA_TYPES:
        name, _, config = task.dataset.partition(",")
        return [f"dataset_path: {name}", *([f"dataset_name: {config}"] if config else []), f"test_split: {task.split}"]
    file = task.folder / (given.name if task.dataset else "data.jsonl")
    if task.dataset:
        shutil.copyfile(given, file)
    else:
        file.write_text("".join(json.dumps(_example(row, task)) + "\n" for row in _EXAMPLES), encoding="utf-8")
    builder = "csv" if file.suffix == ".csv" else "json"
    (task.folder / "data.py").write_text(_LOADER.format(file=file.name, builder=builder), encoding="utf-8")
    return ["custom_dataset: !function data.load", "test_split: test"]


def _example(row: dict[str, object], task: NewTask) -> dict[str, object]:
    """Return an example row with the columns that the task reads."""
    question = "question" if "{" in task.question else task.question
    choices = row["choices"]
    assert isinstance(choices, list)
    if task.output_type == "multiple_choice":
        return {question: row["question"], task.choices: choices, task.answer: row["answer"]}
    return {question: row["question"], task.answer: choices[int(str(row["answer"]))]}


def _fields(task: NewTask) -> list[str]:
    if task.output_type == "loglikelihood_rolling":
        text = task.question if "{" in task.question else f"{{{{{task.question}}}}}"
        return [
            f"output_type: {task.output_type}",
            'doc_to_text: ""',
            f"doc_to_target: {json.dumps(text, ensure_ascii=False)}",
            *_end(),
        ]
    prompt = task.question if "{" in task.question else f"Question: {{{{{task.question}}}}}\nAnswer:"
    lines = [f"output_type: {task.output_type}", f"doc_to_text: {json.dumps(prompt, ensure_ascii=False)}"]
    if task.output_type == "multiple_choice":
        lines += [f"doc_to_choice: {task.choices}", f"doc_to_target: {task.answer}"]
        lines += ["metric_list:", "  - metric: acc", "  - metric: acc_norm"]
    elif task.output_type == "generate_until":
        lines += [f'doc_to_target: "{{{{{task.answer}}}}}"', "generation_kwargs:", '  until: ["\\n"]']
        lines += ["metric_list:", "  - metric: exact_match", "    ignore_case: true", "    ignore_punctuation: true"]
    else:
        lines += [
            f'doc_to_target: "{{{{{task.answer}}}}}"',
            "metric_list:",
            "  - metric: perplexity",
            "  - metric: acc",
        ]
    return [*lines, *_end()]


def _end() -> list[str]:
    return ["metadata:", "  version: 1.0"]


def _readme(task: NewTask) -> str:
    source = task.dataset or "a few example rows in `data.jsonl`; put your own there"
    return f"""\
---
languages: [{find_language(task.language).code}]
skills: []
licence: unknown
paper:
---
# {task.name}

Say here in a sentence what the task measures.

- Data: {source}.

Run it with `lm_eval run --tasks {task.name} --include_path FOLDER`, where FOLDER is this folder.
"""
