"""MMLU-Pro: one dataset has all subjects; each task keeps the rows of its subject."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset

_THOUGHT = "Let's think step by step."
_START = f"Answer: {_THOUGHT}"


def _only(dataset: Dataset, subject: str) -> Dataset:
    rows = [row for row, category in enumerate(dataset["category"]) if category == subject]
    return dataset.select(rows)


biology = partial(_only, subject="biology")
business = partial(_only, subject="business")
chemistry = partial(_only, subject="chemistry")
computer_science = partial(_only, subject="computer science")
economics = partial(_only, subject="economics")
engineering = partial(_only, subject="engineering")
health = partial(_only, subject="health")
history = partial(_only, subject="history")
law = partial(_only, subject="law")
math = partial(_only, subject="math")
other = partial(_only, subject="other")
philosophy = partial(_only, subject="philosophy")
physics = partial(_only, subject="physics")
psychology = partial(_only, subject="psychology")


def format_cot_example(example: Mapping[str, Any], including_answer: bool = True) -> str:
    """Write a question with its options, and the chain of thought or its start.

    Args:
        example: A row with ``question``, ``options`` and, for an answer, ``cot_content``.
        including_answer: Whether the chain of thought follows, or only its first words.
    """
    options = zip(choices, example["options"], strict=False)
    listed = "".join(f"{letter}. {option.strip()}\n" for letter, option in options)
    answer = _START
    if including_answer:
        answer = f"{example['cot_content'].replace(f'A: {_THOUGHT}', _START)}\n\n"
    return f"Question:\n{example['question']}\nOptions:\n{listed}{answer}"


def format_cot_target(example: Mapping[str, Any], including_answer: bool = True) -> str:
    """Return a chain of thought without its first words, which stand in the question.

    Args:
        example: A row with ``cot_content``.
        including_answer: Ignored; kept for compatibility with the reference harness.
    """
    content: str = example["cot_content"]
    return content.replace(f"A: {_THOUGHT} ", "")


# The names that task folders import from here.
choices = list("ABCDEFGHIJ")
process_docs = _only
doc_to_text = fewshot_to_text = partial(format_cot_example, including_answer=False)
fewshot_to_target = partial(format_cot_target, including_answer=True)
process_biology = biology
process_business = business
process_chemistry = chemistry
process_computer_science = computer_science
process_economics = economics
process_engineering = engineering
process_health = health
process_history = history
process_law = law
process_math = math
process_other = other
process_philosophy = philosophy
process_physics = physics
process_psychology = psychology
