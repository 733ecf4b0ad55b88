"""Winogender: tasks that keep the sentences with one gender of pronoun."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset


def _only(dataset: Dataset, gender: str) -> Dataset:
    return dataset.select([row for row, found in enumerate(dataset["gender"]) if found == gender])


male = partial(_only, gender="male")
female = partial(_only, gender="female")
neutral = partial(_only, gender="neutral")


# The names that task folders import from here.
filter_dataset = _only
filter_male = male
filter_female = female
filter_neutral = neutral
