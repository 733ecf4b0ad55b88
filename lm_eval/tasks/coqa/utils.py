"""CoQA: the accepted answers of the last question, and scores that compare the model with people fairly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval.tasks.squadv2.utils import exact, f1


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
    """Score the first line of a response.

    An annotator's answer can only be compared with the answers of the others. To treat the model in the same way, the
    score is the mean over the sets of answers that lack one annotator (Reddy et al., 2019, section 5).

    Args:
        doc: As for :func:`accepted_answers`.
        results: The one response.

    Returns:
        ``em`` and ``f1``.
    """
    response, answers = results[0].strip().split("\n")[0], accepted_answers(doc)
    rounds = [[*answers[:place], *answers[place + 1 :]] for place in range(len(answers))]
    if len(answers) == 1:
        rounds = [answers]
    return {
        name: sum(max(score(answer, response) for answer in others) for others in rounds) / len(rounds)
        for name, score in (("em", exact), ("f1", f1))
    }
