"""A mix of tasks with shots, as a run of several benchmarks has it: what their prompts share is the point."""

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
        name: Its name.
        data: The name of its docs; tasks may share them.
        shots: How many examples stand before a question.
        docs: How many docs it has, as a share of the most.
        text: What its file says of its own.
    """

    name: str
    data: str
    shots: int
    docs: float
    text: str


def write_mix(folder: Path, docs: int) -> list[str]:
    """Write tasks that differ in how their prompts begin.

    Twelve have a subject each, shots that are the same for every doc, and letters to choose from. Two draw other shots
    for every doc and have answers of several words. Three ask the same docs, with shots of their own too, for text:
    greedily, at more length, and three samples each.

    Args:
        folder: Where; it is made.
        docs: How many docs the largest task has.

    Returns:
        The tasks' names, in the order they are to be run.
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
        text = f'description: "{_whole(about, ".", 2)}\\n\\n"\n{_FIRST_SHOTS}{_LETTERS}'
        yield _Task(f"mix_subject_{number}", f"subject-{number}", 5, 0.1, text)
    yield _Task("mix_endings", "endings", 10, 1, _CHOICE)
    yield _Task("mix_answers", "answers", 25, 0.5, _CHOICE)
    yield _Task("mix_greedy", "worked", 5, 0.2, _GENERATE % (1, 16, "false", 0))
    yield _Task("mix_long", "worked", 5, 0.2, _GENERATE % (1, 24, "false", 0))
    yield _Task("mix_sampled", "worked", 5, 0.2, _GENERATE % (3, 16, "true", 0.7))


def _write_docs(folder: Path, data: str, docs: int) -> None:
    for split, number in (("test", docs), ("train", _TRAIN)):
        rng = random.Random(f"{data}/{split}")
        lines = [json.dumps(_doc(rng, data, place)) for place in range(number)]
        (folder / f"{data}-{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _doc(rng: random.Random, data: str, place: int) -> Mapping[str, Any]:
    """Make a doc; texts are of different lengths, as real ones are."""

    def text(least: int, most: int) -> str:
        return " ".join(rng.choices(WORDS, k=rng.randint(least, most)))

    longest = {"answers": 8, "endings": 25}.get(data, 3)
    choices = [_whole(text(max(1, longest // 4), longest), ".", 3) for _ in range(4)]
    asked = f"{text(8, 60)}, number {place}?"
    # What else stands in a prompt before the answer: "\nA. ", three times the like, "\nAnswer:".
    rest = 16 + sum(map(len, choices)) + 8 if data.startswith("subject") else 8
    return {
        "question": _whole(asked, "?", rest),
        "choices": choices,
        "answer": rng.randrange(4),
        "worked": _whole(text(30, 60), ".", 3),
    }


def _whole(text: str, mark: str, rest: int) -> str:
    """Lengthen a text so that with the rest of its part of a prompt it is a whole number of tokens.

    The reference's stand-in for a tokenizer cuts every four characters; prompts of whole tokens are cut alike by all.
    """
    return text + mark * (-(len(text) + rest) % TOKEN)
