"""Writes the prompt of a format from a question and its choices: plain data in, text out."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence

from lm_eval.api.task_parts.fields import is_static, render
from lm_eval.api.task_parts.questions import asks_itself
from lm_eval.config.formats import FormatSpec, listing

__all__ = ["shuffled_order", "stop_texts", "write_prompt"]


def write_prompt(spec: FormatSpec, question: str, choices: Sequence[str]) -> str:
    """Write the prompt of a question: instruction, question, choices, and how to answer.

    Args:
        spec: The format.
        question: The question without its choices.
        choices: The texts of the choices.

    Returns:
        The text.

    Raises:
        TemplateError: A template of the format does not render.
        ConfigError: The format has fewer labels than there are choices.
    """
    labels = spec.labels(len(choices))
    names: Mapping[str, object] = {
        "_num_choices": len(choices),
        "_choice_labels": labels,
        "_choice_list_and": listing(labels, "and"),
        "_choice_list_or": listing(labels, "or"),
    }
    prefix = "" if asks_itself(question) else spec.question_prefix
    parts = [f"{_rendered(spec.instruction, names)}{prefix}{question}"]
    if labels:
        listed = [f"{label}. {choice}" for label, choice in zip(labels, choices, strict=True)]
        parts.append(spec.choice_delimiter.join(listed))
    parts += [_rendered(text, names) for text in (spec.answer_instruction, spec.answer_prompt) if text]
    return spec.section_separator.join(parts)


def _rendered(template: str | None, names: Mapping[str, object]) -> str:
    if not template:
        return ""
    return template if is_static(template) else render(template, dict(names))


def stop_texts(spec: FormatSpec) -> list[str]:
    """Return the texts at which a generated answer stops: the start of one more example, as base models write it.

    Args:
        spec: The format.
    """
    opening = (spec.instruction or "").partition("{")[0].strip()
    starts = [start for start in (opening, spec.question_prefix.strip()) if start]
    return [f"{spec.fewshot_delimiter}{start}" for start in starts] or [spec.fewshot_delimiter]


def shuffled_order(question: str, choices: Sequence[str]) -> list[int]:
    """Return an order of choices that depends on the question alone.

    Args:
        question: The question.
        choices: The texts of the choices.

    Returns:
        For each place, the index of the choice that is listed there; the same in every run.
    """
    seed = hashlib.sha256("\0".join([question, *sorted(choices)]).encode()).hexdigest()
    order = sorted(range(len(choices)), key=lambda index: choices[index])
    random.Random(seed).shuffle(order)
    return order
