"""PISA-Bench: the prompt with its image, and the choice that a response names."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from lm_eval.tasks.shared.named_choice import named_choice
from lm_eval.tasks.shared.passages import lettered

__all__ = ["choices", "pisa_doc_to_text", "pisa_doc_to_visual", "pisa_process_results"]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def choices(doc: dict[str, Any]) -> dict[str, str]:
    """Return the choices by their letters.

    Args:
        doc: A row with ``choices``, a list or a list as text.
    """
    found = doc["choices"]
    texts: list[str] = ast.literal_eval(found) if isinstance(found, str) else found
    return dict(zip(_LETTERS, texts, strict=False))


def pisa_doc_to_text(doc: dict[str, Any]) -> str:
    """Return the question with the place of the image and the choices.

    Args:
        doc: A row with ``question`` and ``choices``.
    """
    head = "Given the provided image <image>, answer following questions:"
    texts = choices(doc)
    return f"{head}\n{doc['question']}\n{lettered(texts.values(), texts)}\n\n"


def pisa_doc_to_visual(doc: dict[str, Any]) -> list[Any] | None:
    """Return the image, if there is one.

    Args:
        doc: A row with ``image``.
    """
    return None if doc["image"] is None else [doc["image"]]


def pisa_process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Score the choice that a response names.

    Args:
        doc: A row with ``choices`` and ``answer``, the place of the right one.
        results: The one response.

    Returns:
        ``acc``, 1.0 or 0.0.
    """
    letters = choices(doc)
    named = named_choice(results[0], letters)
    return {"acc": float(doc["answer"] == list(letters).index(named))}
