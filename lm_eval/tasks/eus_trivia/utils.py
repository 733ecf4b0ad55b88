"""EusTrivia: prompts of questions with two to four candidates."""

from __future__ import annotations

from typing import Any

_LETTERS = "ABCD"


def doc_to_choice(doc: dict[str, Any]) -> list[str]:
    """Return the letters of the candidates.

    Args:
        doc: A row with ``candidates``.

    Raises:
        ValueError: There are fewer than two candidates.
    """
    if len(doc["candidates"]) < 2:
        raise ValueError(f"a question needs two candidates; this one has {len(doc['candidates'])}")
    return list(_LETTERS[: len(doc["candidates"])])


def doc_to_text(doc: dict[str, Any]) -> str:
    """Write the question and its candidates.

    Args:
        doc: A row with ``question`` and ``candidates``.

    Raises:
        ValueError: There are fewer than two candidates.
    """
    choices = zip(doc_to_choice(doc), doc["candidates"], strict=False)
    listed = "\n".join(f"{letter}: {candidate}" for letter, candidate in choices)
    return f"Galdera: {doc['question']}\n{listed}\nErantzuna:"
