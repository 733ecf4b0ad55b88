"""What all endpoints share: the model, its tokenizer, the profile, the caches and the scripted answers."""

from __future__ import annotations

import itertools
import time
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lm_eval.mock_server.logprob_shapes import LogprobWriter
from lm_eval.mock_server.ngram import NGramModel, default_model
from lm_eval.mock_server.prefix_cache import PrefixCache
from lm_eval.mock_server.problems import too_long
from lm_eval.mock_server.profiles import Profile
from lm_eval.mock_server.tokenizer import Tokenizer, default_tokenizer

__all__ = ["Answers", "Engine"]

Answers = Mapping[str, str] | Callable[[str], str | None]
"""Scripted answers: a function of the prompt (None: let the model answer), or a mapping from a text to the answer given
when the prompt contains it; the text found furthest to the right counts, the longest where several end there."""


@dataclass
class Engine:
    """A served model."""

    profile: Profile
    """The server played."""
    model_name: str = "mock"
    """The name it is served under."""
    max_model_len: int = 8192
    """The context length in tokens."""
    answers: Answers | None = None
    """Scripted answers."""
    reasoning: str = ""
    """A reasoning text that stands in front of every chat answer."""
    seed: int = 0
    """Seeds requests that have no seed of their own."""
    tokenizer: Tokenizer = field(default_factory=default_tokenizer)
    """Text to tokens."""
    model: NGramModel = field(default_factory=default_model)
    """Tokens to probabilities."""
    cache: PrefixCache = field(default_factory=PrefixCache)
    """Which prompts were computed before."""
    writer: LogprobWriter = field(init=False)
    """Log-probabilities as JSON."""
    started: int = field(default_factory=lambda: int(time.time()))
    """When the server started, in seconds since 1970."""
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        """Make what depends on the other parts."""
        self.writer = LogprobWriter(self.profile, self.tokenizer)

    def next_id(self, prefix: str) -> str:
        """Make an id for an answer.

        Args:
            prefix: ``"cmpl"`` or ``"chatcmpl"``.

        Returns:
            A new id.
        """
        return f"{prefix}-{next(self._numbers)}"

    def encode(self, text: str, *, add_bos: bool | None = None) -> list[int]:
        """Turn a prompt into tokens by the profile's rules.

        Args:
            text: The prompt.
            add_bos: Whether to put ``<s>`` in front; the profile's habit by default.

        Returns:
            Token ids. A text that starts with ``<s>`` gets no second one.
        """
        profile = self.profile
        if profile.normalization == "lower":
            text = text.lower()
        elif profile.normalization:
            text = unicodedata.normalize(profile.normalization, text)
        ids = self.tokenizer.encode(text, parse_special=profile.parses_special)
        if (profile.adds_bos if add_bos is None else add_bos) and ids[:1] != [self.tokenizer.bos_id]:
            ids.insert(0, self.tokenizer.bos_id)
        return ids

    def room(self, prompt_tokens: int, max_tokens: int | None) -> int:
        """Decide how many tokens an answer may have.

        Args:
            prompt_tokens: The prompt's length.
            max_tokens: What was asked for; None for as many as fit.

        Returns:
            The most tokens to add.

        Raises:
            Refused: The prompt, or what was asked for, does not fit.
        """
        left = self.max_model_len - prompt_tokens
        if self.profile.checks_length:
            if left < 0 or (left == 0 and max_tokens != 0):
                raise too_long(self.profile, prompt_tokens, self.max_model_len, max_tokens or 1)
            if max_tokens is not None and max_tokens > left and not self.profile.clamps_max_tokens:
                raise too_long(self.profile, prompt_tokens, self.max_model_len, max_tokens)
        left = max(left, 1)
        return left if max_tokens is None else min(max_tokens, left) if self.profile.clamps_max_tokens else max_tokens

    def scripted(self, prompt: str) -> str | None:
        """Find the scripted answer to a prompt.

        Args:
            prompt: The prompt as text.

        Returns:
            The answer, or None for the model's own.
        """
        if self.answers is None:
            return None
        if callable(self.answers):
            return self.answers(prompt)
        ends = [(place + len(key), len(key), key) for key in self.answers if (place := prompt.rfind(key)) >= 0]
        return self.answers[max(ends)[2]] if ends else None

    def forced_ids(self, text: str, end: int) -> Sequence[int]:
        """Turn a scripted answer into tokens.

        Args:
            text: The answer.
            end: The token that ends it.

        Returns:
            Token ids.
        """
        return [*self.tokenizer.encode(text, parse_special=False), end]
