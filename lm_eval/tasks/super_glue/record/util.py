"""The prompt, the choices and the scores of ReCoRD, as functions."""

from __future__ import annotations

from typing import Any

from lm_eval.tasks.super_glue.utils import record_choices as doc_to_choice
from lm_eval.tasks.super_glue.utils import record_docs as process_docs
from lm_eval.tasks.super_glue.utils import record_results as process_results

__all__ = ["doc_to_choice", "doc_to_target", "doc_to_text", "format_answer", "process_docs", "process_results"]


def doc_to_text(doc: dict[str, Any]) -> str:
    """Write the passage, and its highlights as points of a summary.

    Args:
        doc: A row with ``passage``.
    """
    text, *highlights = doc["passage"].strip().split("\n@highlight\n")
    return f"{text}\n\n" + "".join(f"  - {highlight}.\n" for highlight in highlights)


def format_answer(query: str, entity: str) -> str:
    """Write a query as one more point of the summary.

    Args:
        query: The query, with ``@placeholder``.
        entity: What replaces it.
    """
    return f"  - {query}".replace("@placeholder", entity)


def doc_to_target(doc: dict[str, Any]) -> str:
    """Return the point with the first right entity.

    Args:
        doc: A row with ``query`` and ``answers``.
    """
    return format_answer(doc["query"], doc["answers"][0])
