"""Split prompts into the question and what comes before it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lm_eval.reports.html.packing import Texts
from lm_eval.results.json_values import at

__all__ = ["Prompts", "View", "question_of", "turns_of"]

_MIN_TRACE = 16
"""Shorter texts of a document occur elsewhere in a prompt, too."""
_MAX_TRACE = 80
"""Number of characters of a text that are looked for: templates may change the rest of it."""
_MIN_CONTEXT = 60
"""Shorter texts of a document before its question may be those of an example, such as "I have no comment."."""
_QUESTIONS = ("question", "question_stem", "query", "problem", "prompt", "instruction", "input")
"""Keys under which datasets have the question of a document."""
_MAX_FIELDS = 40
"""Maximum number of texts of a document that are looked for."""


@dataclass(frozen=True, slots=True)
class View:
    """A prompt as the page shows it.

    Attributes:
        question: The question.
        data: ``q``, the question, and ``h``, the positions of the shared texts before it. Of a chat ``m``, its last
            turn, and ``h``, the turns before it, each ``[role, texts]``.
    """

    question: str
    data: dict[str, object]


class Prompts:
    """Splits a task's prompts and stores shared parts once.

    The longer texts of the document are looked for in the prompt; of each text the last occurrence counts. The question
    starts after the last delimiter between examples that comes before the first of them. A document with a question of
    that name is found by its question, and by long texts before it. When nothing is found and the prompt has examples,
    the question starts after the last delimiter.
    """

    def __init__(self, texts: Texts, config: Mapping[str, object], shots: int) -> None:
        """Read from the config how the task joins its examples.

        Args:
            texts: Stores the parts that prompts share.
            config: The task's config in the results file.
            shots: Number of examples in its prompts.
        """
        delimiter = at(config, "fewshot_config", "fewshot_delimiter") or config.get("fewshot_delimiter")
        self._texts, self._shots = texts, shots
        self._delimiter = delimiter if isinstance(delimiter, str) and delimiter else "\n\n"

    def view(self, prompt: object, doc: object) -> View:
        """Split a prompt.

        Args:
            prompt: A text, messages, or messages as JSON text.
            doc: The document that it asks about.

        Returns:
            The question and what comes before it.
        """
        messages = turns_of(prompt)
        if messages is None:
            text = prompt if isinstance(prompt, str) else json.dumps(prompt, ensure_ascii=False, default=str)
            return self._split(text, doc)
        *before, (role, text) = messages
        last = self._split(text, doc)
        head = [[role, [self._texts.intern(text)]] for role, text in before]
        return View(last.question, {"m": [role, last.data], **({"h": head} if head else {})})

    def _split(self, text: str, doc: object) -> View:
        place = self._question_starts(text, doc)
        if not place:
            return View(text, {"q": text})
        pieces = text[:place].split(self._delimiter)
        shared = [piece + self._delimiter for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])
        return View(text[place:], {"q": text[place:], "h": [self._texts.intern(piece) for piece in shared]})

    def _question_starts(self, text: str, doc: object) -> int:
        question = text.rfind(question_of(doc)[:_MAX_TRACE]) if question_of(doc) else -1
        known = question >= 0
        traces = [place for field in _traces(doc, _MIN_CONTEXT if known else 0) if (place := text.rfind(field)) >= 0]
        traces += [question] if known else []
        if not traces and not self._shots:
            return 0
        end = min(traces) if traces else len(text.rstrip())
        place = text.rfind(self._delimiter, 0, end)
        return place + len(self._delimiter) if place >= 0 else 0


def turns_of(prompt: object) -> list[tuple[str, str]] | None:
    """Read a prompt as a chat.

    Args:
        prompt: A text, messages, or messages as JSON text.

    Returns:
        The role and the text of each turn; None for a prompt that is not a chat.
    """
    if isinstance(prompt, str) and prompt.startswith('[{"role"'):
        try:
            prompt = json.loads(prompt)
        except ValueError:
            return None
    if not isinstance(prompt, list) or not prompt or not all(isinstance(turn, dict) for turn in prompt):
        return None
    return [(str(turn.get("role", "")), _content(turn.get("content"))) for turn in prompt]


def _content(content: object) -> str:
    """Write a turn as text; media become their type in brackets."""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        parts = [part["text"] if isinstance(part.get("text"), str) else f"[{part.get('type')}]" for part in content]
        return "\n".join(parts)
    return json.dumps(content, ensure_ascii=False, default=str)


def question_of(doc: object) -> str:
    """Return the question of a document.

    Args:
        doc: The document.

    Returns:
        The text under a key such as ``question`` or ``problem``; empty when the document has none.
    """
    found = {str(key).lower(): value for key, value in doc.items()} if isinstance(doc, dict) else {}
    values = [value.get("stem") if isinstance(value, dict) else value for value in map(found.get, _QUESTIONS)]
    texts = [value.strip() for value in values if isinstance(value, str)]
    return next(filter(None, texts), "")


def _traces(doc: object, shortest: int = 0) -> list[str]:
    """Return the starts of the document's texts that are long enough to identify it in a prompt."""
    texts = [text.strip() for text, _ in zip(_texts(doc), range(_MAX_FIELDS), strict=False)]
    return [text[:_MAX_TRACE] for text in texts if len(text) >= max(_MIN_TRACE, shortest)]


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for entry in value.values():
            yield from _texts(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _texts(entry)
