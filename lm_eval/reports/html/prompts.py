"""Prompts as the page shows them: what comes before the question apart from the question."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lm_eval.reports.html.packing import Texts

__all__ = ["Prompts"]

_TELLING, _FIELDS, _PREFIX = 16, 40, 80


class Prompts:
    """Splits a task's prompts and keeps what they share once.

    What comes before the question is the text up to the last delimiter of examples before the first trace of the doc:
    of its longer texts, the last time each occurs. Without a trace, and with examples, the question is what follows
    the last delimiter.
    """

    def __init__(self, texts: Texts, config: Mapping[str, Any], shots: int) -> None:
        """Read how the task joins its examples.

        Args:
            texts: Keeps what prompts share.
            config: The task's config in the results file.
            shots: How many examples its prompts have.
        """
        fewshot = config.get("fewshot_config") or {}
        delimiter = fewshot.get("fewshot_delimiter") or config.get("fewshot_delimiter")
        self._texts, self._shots = texts, shots
        self._delimiter = delimiter if isinstance(delimiter, str) and delimiter else "\n\n"

    def view(self, prompt: Any, doc: Any) -> dict[str, Any]:
        """Split a prompt.

        Args:
            prompt: A text, messages, or messages as JSON text.
            doc: The doc it asks about.

        Returns:
            ``q``, the question, and ``h``, the shared texts before it; of a chat ``m``, its last turn, and ``h``, the
            turns before it, each ``[role, texts]``.
        """
        messages = _messages(prompt)
        if messages is None:
            text = prompt if isinstance(prompt, str) else json.dumps(prompt, ensure_ascii=False, default=str)
            return self._split(text, doc)
        *before, last = messages
        head = [[role, [self._texts.intern(text)]] for role, text in before]
        return {"m": [last[0], self._split(last[1], doc)], **({"h": head} if head else {})}

    def _split(self, text: str, doc: Any) -> dict[str, Any]:
        place = self._question_starts(text, doc)
        if not place:
            return {"q": text}
        pieces = text[:place].split(self._delimiter)
        whole = [piece + self._delimiter for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])
        return {"q": text[place:], "h": [self._texts.intern(piece) for piece in whole]}

    def _question_starts(self, text: str, doc: Any) -> int:
        traces = [place for field in _telling(doc) if (place := text.rfind(field)) >= 0]
        if not traces and not self._shots:
            return 0
        end = min(traces) if traces else len(text.rstrip())
        place = text.rfind(self._delimiter, 0, end)
        return place + len(self._delimiter) if place >= 0 else 0


def _messages(prompt: Any) -> list[tuple[str, str]] | None:
    """Return role and text of each turn, None for a prompt that is no chat."""
    if isinstance(prompt, str) and prompt.startswith('[{"role"'):
        try:
            prompt = json.loads(prompt)
        except ValueError:
            return None
    if not isinstance(prompt, list) or not prompt or not all(isinstance(turn, dict) for turn in prompt):
        return None
    return [(str(turn.get("role", "")), _content(turn.get("content"))) for turn in prompt]


def _content(content: Any) -> str:
    """Write a turn as text; media become a word in brackets."""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        parts = [part["text"] if isinstance(part.get("text"), str) else f"[{part.get('type')}]" for part in content]
        return "\n".join(parts)
    return json.dumps(content, ensure_ascii=False, default=str)


def _telling(doc: Any) -> list[str]:
    """Return the beginnings of the doc's texts that are long enough to be found again only where they were put."""
    found = [text.strip()[:_PREFIX] for text, _ in zip(_texts(doc), range(_FIELDS), strict=False)]
    return [text for text in found if len(text) >= _TELLING]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for entry in value.values():
            yield from _texts(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _texts(entry)
