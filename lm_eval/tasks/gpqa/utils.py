"""GPQA: the four answers of each question, in random order."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset


def shuffled_choices(dataset: Dataset) -> Dataset:
    """Add the answers in an order drawn from Python's shared generator, which a run seeds.

    Args:
        dataset: Rows with ``Correct Answer`` and three ``Incorrect Answer``.

    Returns:
        Rows with ``choice1`` to ``choice4``, ``choices``, and ``answer``, a letter in brackets.
    """
    return shuffled(dataset, random.shuffle)


def shuffled_choices_42(dataset: Dataset) -> Dataset:
    """Add the answers in an order that is the same in every run.

    Args:
        dataset: As for :func:`shuffled_choices`.

    Returns:
        As :func:`shuffled_choices`.
    """
    return shuffled(dataset, random.Random(42).shuffle)


def preprocess(text: str | None) -> str:
    """Clean an answer.

    Args:
        text: The answer; None becomes a space.
    """
    return " " if text is None else text.strip().replace(" [title]", ". ").replace("  ", " ")


def shuffled(
    dataset: Dataset, shuffle: Callable[[list[str]], None], clean: Callable[[str | None], str] = preprocess
) -> Dataset:
    """Add the answers in random order.

    Args:
        dataset: Rows with ``Correct Answer`` and three ``Incorrect Answer``.
        shuffle: Changes the order of a list.
        clean: Cleans an answer.

    Returns:
        As :func:`shuffled_choices`.
    """
    # Not with dataset.map: it caches its result on disk, so the order would not change with the seed.
    rows = [_with_choices(doc, shuffle, clean) for doc in dataset]
    for name in ("choice1", "choice2", "choice3", "choice4", "choices", "answer"):
        dataset = dataset.add_column(name, [row[name] for row in rows])
    return dataset


def _with_choices(
    doc: dict[str, Any], shuffle: Callable[[list[str]], None], clean: Callable[[str | None], str]
) -> dict[str, Any]:
    right = clean(doc["Correct Answer"])
    choices = [*(clean(doc[f"Incorrect Answer {number}"]) for number in (1, 2, 3)), right]
    shuffle(choices)
    named = {f"choice{number}": choice for number, choice in enumerate(choices, 1)}
    return {**named, "choices": choices, "answer": f"({'ABCD'[choices.index(right)]})"}
