"""ArabCulture with choices: the model sees three continuations and answers with the letter of one."""

from __future__ import annotations

from typing import Any

from lm_eval.tasks.arab_culture.prompts import prompt, switched_on


def doc_to_text(doc: dict[str, Any]) -> str:
    """Return the prompt with its choices.

    Args:
        doc: A row with ``first_statement``, ``country``, ``region`` and ``options``.
    """
    pairs = zip(doc_to_choice(doc), doc["options"]["text"], strict=False)
    return prompt(doc, "".join(f"{letter}. {text.strip()}\n" for letter, text in list(pairs)[:3]))


def doc_to_choice(doc: dict[str, Any]) -> list[str]:
    """Return the letters of the choices: Latin ones, or Arabic ones where the environment asks for Arabic.

    Args:
        doc: A row with ``options``.
    """
    letters: list[str] = doc["options"]["arabic_keys" if switched_on("ARABIC") else "english_keys"]
    return letters


def doc_to_target(doc: dict[str, Any]) -> str:
    """Return the letter of the right choice.

    Args:
        doc: A row with ``answer_key``.
    """
    letter: str = doc["answer_key"]["arabic_answer_key" if switched_on("ARABIC") else "english_answer_key"]
    return letter.strip()
