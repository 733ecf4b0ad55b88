"""Write a mix of tasks with shots, as in a run of several benchmarks, to measure what their prompts share."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.canned_server import TOKEN
from benchmarks.data import WORDS

__all__ = ["write_mix"]

_SUBJECTS = 12
_TRAIN = 200

_HEAD = """\
task: {name}
dataset_path: json
dataset_kwargs:
  data_files:
    test: {folder}/{data}-test.jsonl
    train: {folder}/{data}-train.jsonl
test_split: test
fewshot_split: train
num_fewshot: {shots}
metadata:
  version: 1
"""

_FIRST_SHOTS = """\
fewshot_config:
  sampler: first_n
"""

_CHOICE = """\
output_type: multiple_choice
doc_to_text: "{{question}}\\nAnswer:"
doc_to_choice: "{{choices}}"
doc_to_target: answer
metric_list:
  - metric: acc
"""

_LETTERS = """\
output_type: multiple_choice
doc_to_text: "{{question}}\\nA. {{choices[0]}}\\nB. {{choices[1]}}\\nC. {{choices[2]}}\\nD. {{choices[3]}}\\nAnswer:"
doc_to_choice: ["A", "B", "C", "D"]
doc_to_target: answer
metric_list:
  - metric: acc
"""

_GENERATE = """\
output_type: generate_until
doc_to_text: "{{question}}\\nAnswer:"
doc_to_target: "{{worked}}"
metric_list:
  - metric: exact_match
repeats: %d
generation_kwargs:
  until: ["\\n"]
  max_gen_toks: %d
  do_sample: %s
  temperature: %g
"""


@dataclass(frozen=True, slots=True)
class _Task:
    """One task.

    Attributes:
        name: The name of the task.
        data: The name of its dataset; tasks may share a dataset.
        shots: The number of examples before a question.
        docs: The number of documents, as a fraction of the largest task.
        text: The part of the task file that is specific to the task.
    """

    name: str
    data: str
    shots: int
    docs: float
    text: str


def write_mix(folder: Path, docs: int) -> list[str]:
    """Write tasks whose prompts begin in different ways.

    Twelve tasks have a subject each, the same shots for every document, and letters to choose from. Two draw different
    shots for every document and have answers of several words. Three generate text for the same documents, also with
    different shots for every document: greedily, with longer answers, and with three samples each.

    Args:
        folder: The folder; it is created.
        docs: The number of documents of the largest task.

    Returns:
        The names of the tasks, in the order in which to run them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for task in _tasks():
        head = _HEAD.format(name=task.name, folder=folder, data=task.data, shots=task.shots)
        (folder / f"{task.name}.yaml").write_text(head + task.text, encoding="utf-8")
        _write_docs(folder, task.data, max(1, round(docs * task.docs)))
    return [task.name for task in _tasks()]


def _tasks() -> Iterator[_Task]:
    for number in range(_SUBJECTS):
        about = f"Questions about {WORDS[number]} and {WORDS[number + 9]}"
        text = f'description: "{_fill_tokens(about, ".", 2)}\\n\\n"\n{_FIRST_SHOTS}{_LETTERS}'
        yield _Task(f"mix_subject_{number}", f"subject-{number}", 5, 0.1, text)
    yield _Task("mix_endings", "endings", 10, 1, _CHOICE)
    yield _Task("mix_answers", "answers", 25, 0.5, _CHOICE)
    yield _Task("mix_greedy", "worked", 5, 0.2, _GENERATE % (1, 16, "false", 0))
    yield _Task("mix_long", "worked", 5, 0.2, _GENERATE % (1, 24, "false", 0))
    yield _Task("mix_sampled", "worked", 5, 0.2, _GENERATE % (3, 16, "true", 0.7))


def _write_docs(folder: Path, data: str, docs: int) -> None:
    for split, number in (("test", docs), ("train", _TRAIN)):
        rng = random.Random(f"{data}/{split}")
        lines = [json.dumps(_doc(rng, data, index)) for index in range(number)]
        (folder / f"{data}-{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _doc(rng: random.Random, data: str, index: int) -> Mapping[str, Any]:
    """Generate a document, with texts of different lengths."""

    def text(shortest: int, longest: int) -> str:
        return " ".join(rng.choices(WORDS, k=rng.randint(shortest, longest)))

    max_words = {"answers": 8, "endings": 25}.get(data, 3)
    choices = [_fill_tokens(text(max(1, max_words // 4), max_words), ".", 3) for _ in range(4)]
    asked = f"{text(8, 60)}, number {index}?"
    # The other characters of a prompt before the answer: "\nA. ", the same for B, C and D, and "\nAnswer:".
    rest = 16 + sum(map(len, choices)) + 8 if data.startswith("subject") else 8
    return {
        "question": _fill_tokens(asked, "?", rest),
        "choices": choices,
        "answer": rng.randrange(4),
        "worked": _fill_tokens(text(30, 60), ".", 3),
    }


def _fill_tokens(text: str, mark: str, rest: int) -> str:
    """Lengthen a text so that together with ``rest`` characters it consists of complete tokens.

    The stand-in for the reference's tokenizer cuts every four characters, so all clients cut such prompts alike.
    """
    return text + mark * (-(len(text) + rest) % TOKEN)
