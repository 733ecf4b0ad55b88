"""The prompt, the choices and the target of COPA, as functions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from lm_eval.tasks.shared import copa
from lm_eval.tasks.shared.copa import convert_choice as convert_choice

doc_to_text = partial(copa.doc_to_text, connector={"cause": "because", "effect": "therefore"})


def doc_to_choice(doc: Mapping[str, Any]) -> list[str]:
    """Return the two sentences, each after a space.

    Args:
        doc: A row with ``choice1`` and ``choice2``.
    """
    return [f" {choice}" for choice in copa.doc_to_choice(doc)]


def doc_to_target(doc: Mapping[str, Any]) -> str:
    """Return the right sentence, after a space.

    Args:
        doc: A row with ``choice1``, ``choice2`` and ``label``, 0 for the first.
    """
    return doc_to_choice(doc)[0 if doc["label"] == 0 else 1]
