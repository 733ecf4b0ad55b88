"""The five prompts of AfriMMLU."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from lm_eval.utils import weighted_f1_score

__all__ = [
    "doc_to_choice",
    "prompt_1",
    "prompt_2",
    "prompt_3",
    "prompt_4",
    "prompt_5",
    "translate_prompt_3",
    "translate_prompt_5",
    "weighted_f1_score",
]

Doc = Mapping[str, Any]

_OPTIONS = """\
Question: {question}
Choices:
        A: {a}
        B: {b}
        C: {c}
        D: {d}
Answer: """
_EXPERT = (
    "As an expert in {subject}, choose the most accurate answer to the question below.\n"
    "Your goal is to select the correct option 'A', 'B', 'C', or 'D' by understanding the nuances of the topic.\n\n"
)
_UTILIZING = (
    "You are a subject matter expert in {subject}.\n\n"
    "  Utilizing your expertise in {subject}, answer the following multiple-choice question\n"
    "  by picking %s.\n\n"
)
_CRITICALLY = (
    "Analyze each question critically and determine the most correct option based on your understanding of the subject"
    " matter\n\n"
)
_PROFICIENCY = (
    "Given your proficiency in {subject}, please answer the subsequent multiple-choice question with 'A', 'B', 'C',"
    " or 'D'.\n"
)
_ASSISTANT = """\
You are a highly knowledgeable and intelligent artificial intelligence
                model answers multiple-choice questions about {subject}

                Question: {question}

                Choices:
                        A: {a}
                        B: {b}
                        C: {c}
                        D: {d}

                Answer:  """


def doc_to_choice(doc: Doc) -> list[str]:
    """Return the four answers.

    Args:
        doc: A row whose ``choices`` hold a Python list, written as text.
    """
    choices: list[str] = ast.literal_eval(doc["choices"])
    return choices


def _filled(template: str, doc: Doc) -> str:
    answers = doc_to_choice(doc)
    return template.format(subject=doc["subject"], question=doc["question"], **dict(zip("abcd", answers, strict=False)))


def prompt_1(doc: Doc) -> str:
    """Return the prompt of a knowledgeable assistant."""
    return _filled(_ASSISTANT, doc)


def prompt_2(doc: Doc) -> str:
    """Return the prompt of an expert in the subject."""
    return _filled(_EXPERT + _OPTIONS, doc)


def prompt_3(doc: Doc) -> str:
    """Return the prompt of a subject matter expert."""
    return _filled(_UTILIZING % "'A', 'B', 'C', or 'D'" + _OPTIONS, doc)


def translate_prompt_3(doc: Doc) -> str:
    """Return ``prompt_3`` with the doubled quotation marks that it has for translated questions."""
    return _filled(_UTILIZING % "''A'', ''B'', ''C'', or ''D''" + _OPTIONS, doc)


def prompt_4(doc: Doc) -> str:
    """Return the prompt that asks for critical analysis."""
    return _filled(_CRITICALLY + _OPTIONS, doc)


def prompt_5(doc: Doc) -> str:
    """Return the prompt about proficiency in the subject."""
    return _filled(_PROFICIENCY + "\n" + _OPTIONS, doc)


def translate_prompt_5(doc: Doc) -> str:
    """Return ``prompt_5`` without the empty line that it lacks for translated questions."""
    return _filled(_PROFICIENCY + _OPTIONS, doc)
