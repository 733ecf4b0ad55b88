"""MMLU-Pro: one dataset has all subjects; each task keeps the rows of its subject."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset


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
