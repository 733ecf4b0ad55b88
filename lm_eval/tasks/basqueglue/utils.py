"""BasqueGLUE: prompts that templates cannot write, and the F1 of its own evaluation."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset

_AGAINST, _IN_FAVOUR = 0, 2
# Spaces that a tokenizer put inside brackets and quotes, and before marks.
_SPACED = (
    (re.compile(r"\s+([.,;:!?)])"), r"\1"),
    (re.compile(r"(\s+|^)\(\s+([^)]+)\s+\)"), r"\1(\2)"),
    (re.compile(r"(\s+|^)\[\s+([^)]+)\s+\]"), r"\1[\2]"),
    (re.compile(r'(\s+|^)"\s+([^"]+)\s+"'), r'\1"\2"'),
    (re.compile(r"(\s+|^)'\s+([^']+)\s+'"), r"\1'\2'"),
)


def _plain(text: str) -> str:
    text = html.unescape(text)
    for spaced, joined in _SPACED:
        text = spaced.sub(joined, text)
    return text


def process_wic_docs(dataset: Dataset) -> Dataset:
    """Undo the spacing and the wrong encoding of the sentences.

    Args:
        dataset: Rows whose ``sentence1`` and ``sentence2`` are UTF-8 that was read as Latin-1.
    """

    def change(doc: dict[str, Any]) -> dict[str, Any]:
        read = {column: _plain(doc[column]).encode("latin-1").decode() for column in ("sentence1", "sentence2")}
        return {**doc, **read}

    return dataset.map(change)


def coref_doc_to_text(doc: dict[str, Any]) -> str:
    """Mark two expressions in a text with stars, and ask whether they mean the same.

    Args:
        doc: A row with ``text``, ``span1_text``, ``span1_index`` (from 0), ``span2_text`` and ``span2_index`` (from 1).
    """
    words = doc["text"].split(" ")
    for start, span in ((doc["span1_index"], doc["span1_text"]), (doc["span2_index"] - 1, doc["span2_text"])):
        end = start + len(span.split(" ")) - 1
        words[start] = f"*{words[start]}"
        words[end] = f"{words[end]}*"
    first, second = _plain(doc["span1_text"]), _plain(doc["span2_text"])
    question = f'Galdera: Aurreko testuan, "*{first}*" eta "*{second}*" gauza bera dira?'
    return f"Testua: {_plain(' '.join(words))}\n{question}\nErantzuna:"


def micro_f1_score(items: Sequence[tuple[int, int]]) -> float:
    """Compute the F1 over all decisions, which is the accuracy where a document has one label.

    Args:
        items: Gold and predicted label of each document.

    Returns:
        A number from 0 to 1.
    """
    return sum(gold == predicted for gold, predicted in items) / len(items)


def vaxx_f1_score(items: Sequence[tuple[int, int]]) -> float:
    """Average the F1 of "against" and "in favour", without the neutral label.

    Args:
        items: Gold and predicted label of each document.

    Returns:
        A number from 0 to 1.
    """
    return sum(_class_f1(items, label) for label in (_AGAINST, _IN_FAVOUR)) / 2


def _class_f1(items: Sequence[tuple[int, int]], label: int) -> float:
    named = sum((gold == label) + (predicted == label) for gold, predicted in items)
    return 2 * sum(gold == predicted == label for gold, predicted in items) / named if named else 0.0
