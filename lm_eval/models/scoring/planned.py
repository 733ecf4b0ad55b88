"""The requests a strategy will send, and estimates of their length in tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from lm_eval.models.scoring.pairs import TextPair

__all__ = ["PlannedRequests", "Sizes", "prompt_text", "request_for"]

_MAX_EXPECTED_FOR_ONE_TOKEN = 1.5


class PlannedRequests(NamedTuple):
    """Requests that a strategy will send for one unit, or for one pair of it.

    Attributes:
        key: Equal for requests with equal bodies.
        requests: The number of requests.
        characters: The characters of all their prompts together.
    """

    key: int
    requests: int
    characters: float


def request_for(pairs: Sequence[TextPair], *, context_only: bool = False) -> PlannedRequests:
    """Plan one request for pairs.

    Args:
        pairs: At least one pair; all are of the same repeat.
        context_only: Whether only their contexts are sent. Default False.
    """
    texts = [(pair.context, "" if context_only else pair.continuation) for pair in pairs]
    return PlannedRequests(hash((*texts, pairs[0].slot.repeat)), 1, sum(len(a) + len(b) for a, b in texts))


@dataclass(slots=True)
class Sizes:
    """Estimates of the number of tokens in texts.

    Attributes:
        tokens_per_character: Of prompts; 0.25 when nothing was tokenized.
        counts: Continuation to its number of tokens, for those that were tokenized.
    """

    tokens_per_character: float = 0.25
    counts: Mapping[str, int] = field(default_factory=dict)
    _continuation_rate: float = field(init=False)

    def __post_init__(self) -> None:
        """Compute the tokens per character of continuations."""
        characters = sum(map(len, self.counts))
        self._continuation_rate = sum(self.counts.values()) / characters if characters else self.tokens_per_character

    def tokens(self, characters: float) -> int:
        """Estimate the number of tokens in a text.

        Args:
            characters: The length of the text.
        """
        return max(1, round(characters * self.tokens_per_character)) if characters else 0

    def continuation(self, text: str) -> int:
        """Return the number of tokens in a continuation; an estimate where it was not tokenized.

        Args:
            text: The continuation.
        """
        if text in self.counts:
            return self.counts[text]
        expected = len(text) * self._continuation_rate
        likely = max(1, round(expected))
        if len(text.split()) > 1:
            return max(2, likely)
        return 1 if len(text.strip()) <= 1 or expected <= _MAX_EXPECTED_FOR_ONE_TOKEN else likely


def prompt_text(prompt: object) -> str:
    """Return the text of a prompt.

    Args:
        prompt: A text, or messages, whose text contents are joined.
    """
    if isinstance(prompt, str):
        return prompt
    if not isinstance(prompt, Sequence):
        return str(prompt)
    contents = (message.get("content") if isinstance(message, Mapping) else str(message) for message in prompt)
    return "".join(content if isinstance(content, str) else _joined_parts(content) for content in contents)


def _joined_parts(content: object) -> str:
    parts = content if isinstance(content, list) else []
    texts = (part.get("text") for part in parts if isinstance(part, Mapping))
    return "".join(text for text in texts if isinstance(text, str))
