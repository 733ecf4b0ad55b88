"""Write tasks with seeded, generated documents to a folder."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["WORDS", "write_tasks"]

_TEXT = (
    "river stone market paper window garden signal copper winter engine letter harbor silver meadow bridge "
    "lantern forest valley carbon thread mirror orchard pocket summer kettle marble voyage basket timber saddle"
)
WORDS = _TEXT.split()
"""The words of generated texts."""

_COMMON = """\
dataset_path: json
dataset_kwargs:
  data_files:
    test: {folder}/test.jsonl
    train: {folder}/train.jsonl
test_split: test
fewshot_split: train
doc_to_text: "Question: {{{{question}}}}\\nAnswer:"
metadata:
  version: 1
"""

_TASKS = {
    "bench_choice": """\
output_type: multiple_choice
doc_to_choice: "{{choices.text}}"
doc_to_target: "{{choices.label.index(answerKey)}}"
fewshot_config:
  sampler: first_n
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
""",
    "bench_generate": """\
output_type: generate_until
doc_to_target: "{{choices.text[choices.label.index(answerKey)]}}"
generation_kwargs:
  max_gen_toks: 8
  until: ["\\n"]
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
""",
}


def write_tasks(folder: Path, docs: int) -> Path:
    """Write ``bench_choice`` and ``bench_generate``, with four choices per document.

    Args:
        folder: The folder; it is created.
        docs: The number of documents to evaluate. There are 100 more to draw shots from.

    Returns:
        The folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(docs)
    for split, number in (("test", docs), ("train", 100)):
        with open(folder / f"{split}.jsonl", "w", encoding="utf-8") as file:
            for index in range(number):
                file.write(json.dumps(_doc(rng, split, index)) + "\n")
    for name, config in _TASKS.items():
        text = f"task: {name}\n{_COMMON.format(folder=folder)}{config}"
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def _doc(rng: random.Random, split: str, index: int) -> Mapping[str, Any]:
    words = rng.choices(WORDS, k=18)
    question = f"{split} {index}: which of these goes with {' '.join(words)}?"
    # Tokens of the canned server have four characters: a prompt of complete tokens gives every client the same seam.
    question += "." * (-len(f"Question: {question}\nAnswer:") % 4)
    return {
        "id": f"{split}-{index}",
        "question": question,
        "choices": {"text": [" ".join(rng.choices(WORDS, k=3)) for _ in range(4)], "label": list("ABCD")},
        "answerKey": rng.choice("ABCD"),
    }
