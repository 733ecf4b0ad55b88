"""CoQA: the accepted answers of the last question, and scores that compare the model with people fairly."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
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
    return compute_scores(accepted_answers(doc), results[0].strip().split("\n")[0])


def doc_to_text(doc: dict[str, Any]) -> str:
    """Write the story, the questions so far with their answers, and the open question.

    Args:
        doc: As for :func:`accepted_answers`.
    """
    questions, answers = doc["questions"]["input_text"], doc["answers"]["input_text"]
    known = [f"A: {answer}\n\n" for answer in answers[: len(answers) - 1]]
    turns = [f"Q: {question}\n\n{answer}" for question, answer in zip_longest(questions, known, fillvalue="A:")]
    return f"{doc['story']}\n\n{''.join(turns)}"


def em(gold_list: list[str], pred: str) -> float:
    """Compare an answer with those of the annotators by exact match.

    Args:
        gold_list: The answers of the annotators.
        pred: The answer.
    """
    return fair(exact, gold_list, pred)


def compute_scores(gold_list: list[str], pred: str) -> dict[str, float]:
    """Compare an answer with those of the annotators.

    Args:
        gold_list: The answers of the annotators.
        pred: The answer.

    Returns:
        ``em`` and ``f1``.
    """
    return {"em": fair(exact, gold_list, pred), "f1": fair(f1, gold_list, pred)}


# The name that task folders import from here.
doc_to_target = accepted_answers
