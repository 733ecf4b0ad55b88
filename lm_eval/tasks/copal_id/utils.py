"""COPAL-ID: a premise with an Indonesian connective, and two continuations."""

from __future__ import annotations

from functools import partial

from lm_eval.tasks.shared.copa import convert_choice, doc_to_choice, doc_to_text

__all__ = ["convert_choice", "doc_to_choice", "doc_to_text_id"]

doc_to_text_id = partial(doc_to_text, connector={"cause": "karena", "effect": "maka"})
