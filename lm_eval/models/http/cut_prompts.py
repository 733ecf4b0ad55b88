"""Finds servers that cut long prompts in silence: they answer with 200, and ``usage`` counts too few tokens."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from lm_eval.api.instance import Usage

__all__ = ["CutPrompts"]

eval_logger = logging.getLogger("lm_eval")

_MIN_TOKENS = 64
"""Prompts of fewer tokens are not looked at: no window is that small."""
_MIN_PROMPTS = 5
_SPREAD = 0.1
"""Prompts with the same number of tokens differ in length by less than this, as a part of the longest."""
_TOKENS_PER_WORD = 0.6
"""A text has more tokens than this per word, with any tokenizer whose tokens do not hold several words."""
_CHARACTERS_PER_TOKEN = 5


@dataclass(slots=True)
class _Counted:
    """The prompts that have the same number of tokens in ``usage``."""

    prompts: int = 0
    shortest: int = 0
    longest: int = 0


@dataclass(slots=True)
class CutPrompts:
    """Compares the lengths of prompts with the prompt tokens that the server counts.

    Attributes:
        too_few: The number of prompts with fewer tokens than their text can have.
    """

    too_few: int = 0
    _example: tuple[int, int] = (0, 0)
    _counts: dict[int, _Counted] = field(default_factory=dict)
    _warned: str = ""

    def add(self, payload: Mapping[str, object], usage: Usage | None) -> None:
        """Look at a prompt and the tokens of the answer to it.

        Args:
            payload: The body of the request. Requests with several prompts, and echoes, are not looked at.
            usage: The tokens that the answer counts; None when it counts none.
        """
        if usage is None or usage.prompt < _MIN_TOKENS or payload.get("echo"):
            return
        prompt, tokens = payload.get("prompt", payload.get("messages")), usage.prompt
        if usage.cached > tokens:  # Some servers leave the tokens of their prefix cache out.
            tokens += usage.cached
        ids = isinstance(prompt, list) and bool(prompt) and isinstance(prompt[0], int)
        if isinstance(prompt, list) and ids:
            least = length = len(prompt)
        else:
            text = prompt if isinstance(prompt, str) else _text_of(prompt)
            # Words are only counted in prompts that may be too long: counting takes longer than all the rest.
            length = len(text)
            least = int(_TOKENS_PER_WORD * len(text.split())) if length > _CHARACTERS_PER_TOKEN * tokens else 0
        if not length:
            return
        if tokens < least:
            self.too_few += 1
            if length > self._example[1]:
                self._example = tokens, length
        if ids:
            return  # Their number is exact, and those that ``truncate`` cut all have the same.
        counted = self._counts.setdefault(tokens, _Counted(shortest=length))
        counted.prompts += 1
        counted.shortest, counted.longest = min(counted.shortest, length), max(counted.longest, length)

    def message(self) -> str:
        """Say what shows that the server cuts prompts; empty when nothing does."""
        seen = []
        if self.too_few:
            prompts = "a prompt has" if self.too_few == 1 else f"{self.too_few} prompts have"
            tokens, length = self._example
            seen.append(
                f"{prompts} fewer tokens than the text can have (the longest: {tokens} for a length of {length})"
            )
        top = max(self._counts, default=0)
        if top and self._same(top):
            found = self._counts[top]
            seen.append(
                f"{found.prompts} prompts of {found.shortest} to {found.longest} characters all have {top} tokens"
            )
        if not seen:
            return ""
        return (
            f"The server seems to cut long prompts without an error: in usage, {' and '.join(seen)}. Scores are not "
            "those of the complete prompts. Give the server a larger window (Ollama: OLLAMA_CONTEXT_LENGTH), or use "
            "fewer shots."
        )

    def _same(self, top: int) -> bool:
        """Return whether the largest count is that of prompts of different lengths, more than for the counts below."""
        found = self._counts[top]
        below = (self._counts[count].prompts for count in self._counts if 0.95 * top <= count < top)
        spread = found.longest - found.shortest
        return found.prompts >= max(_MIN_PROMPTS, 3 * max(below, default=0)) and spread > _SPREAD * found.longest

    def warn(self) -> None:
        """Log the message, once."""
        message = self.message()
        if message and not self._warned:
            eval_logger.warning("%s", message)
            self._warned = message


def _text_of(messages: object) -> str:
    """Join the texts of messages."""
    parts: list[str] = []
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, Mapping) else None
        pieces = content if isinstance(content, list) else [{"text": content}]
        texts = (piece.get("text") for piece in pieces if isinstance(piece, Mapping))
        parts.extend(text for text in texts if isinstance(text, str))
    return "\n".join(parts)
