"""NEREL-bench: prompts from instruction and context, fixed examples, and the two scores."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nltk.stem.snowball import RussianStemmer
from sacrebleu import sentence_chrf

from lm_eval.errors import nearest

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["chrf", "f1", "normalize_answer", "process_docs"]

_SAMPLES = "fewshot_samples_for_"
_WORD = re.compile(r"\w+|[^\w\s]+")
_STEMMER = RussianStemmer()


def process_docs(dataset: Dataset) -> Dataset:
    """Put the context of each row into its instruction.

    Args:
        dataset: Rows with ``instruction``, ``context`` as JSON, and ``true_answer``.

    Returns:
        The rows with ``input_task``.
    """
    return dataset.map(_with_prompt)


def _with_prompt(doc: Mapping[str, str]) -> dict[str, str]:
    return {"input_task": doc["instruction"].format(**json.loads(doc["context"])), "true_answer": doc["true_answer"]}


def __getattr__(name: str) -> Callable[[], list[dict[str, str]]]:
    """Return ``fewshot_samples_for_<task>``, which gives the three examples of a task."""
    tasks = _shots()["tasks"] if name.startswith(_SAMPLES) else {}
    if name.removeprefix(_SAMPLES) not in tasks:
        close = nearest(name, [_SAMPLES + task for task in tasks])
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")
    return partial(_samples, name.removeprefix(_SAMPLES))


@cache
def _shots() -> dict[str, Any]:
    import yaml

    shots: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("_shots.yaml").read_text(encoding="utf-8"))
    return shots


def _samples(task: str) -> list[dict[str, str]]:
    texts, written = _shots()["texts"], _shots()["tasks"][task]
    return [
        {
            "input_task": written["instruction"].format(
                source_text=texts[shot["text"]].replace(*shot.get("replace", ("", ""))), **shot.get("fields", {})
            ),
            "true_answer": shot["answer"],
        }
        for shot in written["shots"]
    ]


def normalize_answer(sentence: str, apply_stemmer: bool = True) -> str:
    """Return the words of a sentence in lower case, without punctuation.

    Args:
        sentence: A text.
        apply_stemmer: Whether words are cut to their stems.
    """
    words = [word for word in _WORD.findall(sentence.lower()) if word.isalnum()]
    stems = [_STEMMER.stem(word) for word in words] if apply_stemmer else words
    return " ".join(filter(None, stems))


def chrf(predictions: Sequence[str], references: Sequence[str], **_: object) -> float:
    """Average chrF of normalized answers.

    Args:
        predictions: The responses.
        references: The answer that each response is compared with.

    Returns:
        A number from 0 to 1.
    """
    pairs = [(normalize_answer(p), normalize_answer(r)) for p, r in zip(predictions, references, strict=True)]
    return sum(sentence_chrf(p, [r]).score / 100.0 for p, r in pairs) / len(pairs) if pairs else 0.0


def f1(predictions: Sequence[str], references: Sequence[str], **_: object) -> float:
    """Compute F1 of the lines of the answers, as sets of normalized lines.

    Args:
        predictions: The responses.
        references: The answer that each response is compared with.

    Returns:
        A number from 0 to 1.
    """
    pairs = [(_lines(p), _lines(r)) for p, r in zip(predictions, references, strict=True)]
    common = sum(len(found & wanted) for found, wanted in pairs)
    if not common:
        return 0.0
    precision = common / sum(len(found) for found, _ in pairs)
    recall = common / sum(len(wanted) for _, wanted in pairs)
    return (2.0 * precision * recall) / (precision + recall)


def _lines(text: str) -> set[str]:
    return {line for line in map(normalize_answer, text.split("\n")) if line}
