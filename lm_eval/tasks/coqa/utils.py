"""CoQA: the accepted answers of the last question, and scores that compare the model with people fairly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval.tasks.shared.squad import exact, f1, fair


def accepted_answers(doc: dict[str, Any]) -> list[str]:
    """Return the answers of all annotators to the last question, each once.

    Args:
        doc: A row with ``questions``, ``answers`` and ``additional_answers``.
    """
    last = len(doc["questions"]["input_text"]) - 1
    accepted: dict[str, str] = {}
    for answers in (doc["answers"], *(doc.get("additional_answers") or {}).values()):
        # The training split has the answers of one annotator.
        for answer in (answers or {"input_text": []})["input_text"][last : last + 1]:
            accepted.setdefault(answer.lower(), answer)
    return list(accepted.values())


def process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Score the first line of a response as an annotator's answer would be scored.

    Args:
        doc: As for :func:`accepted_answers`.
        results: The one response.

    Returns:
        ``em`` and ``f1``.
    """
    response, answers = results[0].strip().split("\n")[0], accepted_answers(doc)
    return {"em": fair(exact, answers, response), "f1": fair(f1, answers, response)}
