"""PISA-Bench with a judge: another model says whether a response gives the right choice.

The judge is asked at ``OPENAI_BASE_URL``, by default OpenAI's, with the key in ``OPENAI_API_KEY``; ``MODEL_VERSION``
names it, by default gpt-4.1-mini.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval.api.not_computed import NotComputed
from lm_eval.tasks.pisa.utils import choices
from lm_eval.tasks.shared.services import ask

__all__ = ["judge_mcq", "pisa_process_results_llm_judged"]

_INSTRUCTIONS = """You are an impartial grader for multiple-choice questions.
You are given:
1) the model's free-form output (student_answer),
2) the available options (each with a letter and text),
3) the correct answer (by letter and/or text).

Your job:
- Extract which single option the student intended (by letter if present, otherwise by best semantic match to \
the option text).
- Compare that choice to the correct answer.
- Output only a single character: 1 if correct, 0 if incorrect.
No explanation. No extra characters. Just 1 or 0."""
_QUESTION = """Student Answer:
{answer}

Options:
{options}

Correct Answer (letter and/or text):
{correct}

Instructions:
- If student gives multiple letters, pick the *final* one.
- If no clear letter, pick the best-matching option by meaning.
- Output only 1 or 0.
"""


def pisa_process_results_llm_judged(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float | NotComputed]:
    """Score a response by what the judge says.

    Args:
        doc: A row with ``choices`` and ``answer``, the place of the right one.
        results: The one response.

    Returns:
        ``acc``, 1.0 or 0.0; not computed without a key.
    """
    if not os.environ.get("OPENAI_API_KEY"):
        return {"acc": NotComputed("needs a judge: set OPENAI_API_KEY")}
    return {"acc": float(judge_mcq(results[0], choices(doc), doc["answer"]))}


def judge_mcq(response: str, options: Mapping[str, str], right: int) -> bool:
    """Ask the judge whether a response gives the right choice.

    Args:
        response: The response.
        options: The choices by their letters.
        right: The place of the right one.

    Returns:
        Whether the judge answers 1.

    Raises:
        urllib.error.URLError: The judge cannot be asked.
    """
    lines = [f"{letter}) {text}" for letter, text in options.items()]
    question = _QUESTION.format(answer=response.strip(), options="\n".join(lines), correct=lines[right].strip())
    payload = {
        "model": os.environ.get("MODEL_VERSION", "gpt-4.1-mini"),
        "temperature": 0,
        "max_tokens": 1,
        "messages": [{"role": "system", "content": _INSTRUCTIONS}, {"role": "user", "content": question}],
    }
    base = (os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1").rstrip("/")
    headers = {"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"}
    verdict: str = ask(f"{base}/chat/completions", payload, headers)["choices"][0]["message"]["content"]
    return verdict.strip() == "1"
