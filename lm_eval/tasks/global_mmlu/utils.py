"""Global-MMLU: one dataset per language has all subjects; each task keeps the rows of its subject or category."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset

_TABLE = Path(__file__).parents[1] / "mmlu" / "subjects.tsv"
SUBJECTS = [line.partition("\t")[0] for line in _TABLE.read_text(encoding="utf-8").splitlines()[1:]]
CATEGORIES = {
    "business": "Business",
    "humanities": "Humanities",
    "medical": "Medical",
    "other": "Other",
    "social_sciences": "Social Sciences",
    "stem": "STEM",
}


def _only(dataset: Dataset, column: str, value: str) -> Dataset:
    return dataset.select([row for row, held in enumerate(dataset[column]) if held == value])


def __getattr__(name: str) -> partial[Dataset]:
    """Return the filter for a subject of the full version, or for a category of the lite version."""
    if name in CATEGORIES:
        return partial(_only, column="subject_category", value=CATEGORIES[name])
    if name in SUBJECTS:
        return partial(_only, column="subject", value=name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the names of the filters, so that the error for another name says what is near."""
    return [*CATEGORIES, *SUBJECTS]
