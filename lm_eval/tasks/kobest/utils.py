"""KoBEST: prompts of COPA, endings of HellaSwag, and F1 over the classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from lm_eval.statistics.classification import macro_f1_score

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["copa_doc_to_text", "hellaswag_process_doc", "macro_f1_score"]

_CONNECTORS = {"원인": " 왜냐하면", "결과": " 그래서"}


class _Copa(TypedDict):
    premise: str
    question: str


class _HellaSwag(TypedDict):
    context: str
    ending_1: str
    ending_2: str
    ending_3: str
    ending_4: str
    label: int


def copa_doc_to_text(doc: _Copa) -> str:
    """Return the premise and the word that asks for its cause or its effect.

    Args:
        doc: A row with ``premise`` and ``question``, which is the Korean word for cause or effect.

    Returns:
        The prompt; two spaces stand before the connecting word.
    """
    return f"{doc['premise']} {_CONNECTORS[doc['question'].strip()]}"


def hellaswag_process_doc(dataset: Dataset) -> Dataset:
    """Add ``query``, ``choices`` and ``gold``.

    Args:
        dataset: Rows with ``context``, ``ending_1`` to ``ending_4`` and ``label``.

    Returns:
        The rows with the prompt, the endings, and the number of the right one.
    """
    return dataset.map(_hellaswag)


def _hellaswag(row: _HellaSwag) -> dict[str, object]:
    return {
        "query": f"문장: {row['context']}",
        "choices": [row["ending_1"], row["ending_2"], row["ending_3"], row["ending_4"]],
        "gold": int(row["label"]),
    }
