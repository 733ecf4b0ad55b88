"""metabench with the choices in another order: the right one is never where the benchmark has it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from lm_eval.tasks.metabench import process_docs as plain
from lm_eval.tasks.metabench.process_docs import Doc, rows

if TYPE_CHECKING:
    from datasets import Dataset


def moved(choices: list[str], right: int) -> tuple[list[str], int]:
    """Shuffle choices until the right one is at another place.

    Args:
        choices: The choices, at least two different ones.
        right: The index of the right one.

    Returns:
        The choices in the new order, and the new index.
    """
    # The generator that the run seeds, as in the reference harness: so the order is the same there.
    choices, text, place = list(choices), choices[right], right
    while place == right:
        random.shuffle(choices)
        place = choices.index(text)
    return choices, place


def _arc(doc: Doc) -> Doc:
    choices = doc["choices"]
    texts, place = moved(choices["text"], choices["label"].index(doc["answerKey"]))
    return {"choices": {**choices, "text": texts}, "answerKey": choices["label"][place]}


def _hellaswag(doc: Doc) -> Doc:
    endings, place = moved(doc["endings"], int(doc["label"]))
    return {"endings": endings, "label": str(place)}


def _mmlu(doc: Doc) -> Doc:
    choices, place = moved(doc["choices"], int(doc["answer"]))
    return {"choices": choices, "answer": place}


def _truthfulqa(doc: Doc) -> Doc:
    targets = doc["mc1_targets"]
    choices, place = moved(targets["choices"], 0)
    labels = [int(index == place) for index in range(len(targets["labels"]))]
    return {"mc1_targets": {**targets, "choices": choices, "labels": labels}, "answer": place}


def _winogrande(doc: Doc) -> Doc:
    return {"option1": doc["option2"], "option2": doc["option1"], "answer": {"1": "2", "2": "1"}[doc["answer"]]}


def process_arc(dataset: Dataset) -> Dataset:
    """Prepare the part ARC.

    Args:
        dataset: Its rows.
    """
    return rows(dataset, plain.arc, _arc)


def process_hellaswag(dataset: Dataset) -> Dataset:
    """Prepare the part HellaSwag.

    Args:
        dataset: Its rows.
    """
    return rows(dataset, plain.hellaswag, _hellaswag)


def process_mmlu(dataset: Dataset) -> Dataset:
    """Prepare the part MMLU.

    Args:
        dataset: Its rows.
    """
    return rows(dataset, plain.mmlu, _mmlu)


def process_truthfulqa(dataset: Dataset) -> Dataset:
    """Prepare the part TruthfulQA.

    Args:
        dataset: Its rows.
    """
    return rows(dataset, plain.truthfulqa, _truthfulqa)


def process_winogrande(dataset: Dataset) -> Dataset:
    """Prepare the part Winogrande.

    Args:
        dataset: Its rows.
    """
    return rows(dataset, plain.winogrande, _winogrande)
