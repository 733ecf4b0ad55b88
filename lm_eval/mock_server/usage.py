"""Token counts of one answer."""

from __future__ import annotations

from typing import Any

from lm_eval.mock_server.profiles import Profile

__all__ = ["Usage"]


class Usage:
    """What a request cost.

    Attributes:
        prompts: The token count of each prompt.
        cached_tokens: How many of the prompts' tokens were in the prefix cache.
        completion_tokens: The number of generated tokens.
        reasoning_tokens: How many of those are reasoning.
        shown_prompts: How many prompts ``usage`` counts; None for all.
    """

    def __init__(self) -> None:
        """Start at zero."""
        self.prompts: list[int] = []
        self.cached_tokens = 0
        self.completion_tokens = 0
        self.reasoning_tokens: int | None = None
        self.shown_prompts: int | None = None

    @property
    def prompt_tokens(self) -> int:
        """The tokens of all prompts."""
        return sum(self.prompts)

    def add_prompt(self, tokens: int, cached: int) -> None:
        """Count a prompt.

        Args:
            tokens: Its length.
            cached: How much of it was cached.
        """
        self.prompts.append(tokens)
        self.cached_tokens += cached

    def add_completion(self, tokens: int) -> None:
        """Count a choice.

        Args:
            tokens: Its length.
        """
        self.completion_tokens += tokens

    def as_json(self, profile: Profile) -> dict[str, Any]:
        """Write the ``usage`` object.

        Args:
            profile: The server played.

        Returns:
            The object.
        """
        prompt = sum(self.prompts[: self.shown_prompts])
        found: dict[str, Any] = {
            "prompt_tokens": prompt,
            "completion_tokens": self.completion_tokens,
            "total_tokens": prompt + self.completion_tokens,
        }
        if profile.cached_tokens:
            found["prompt_tokens_details"] = {"cached_tokens": self.cached_tokens}
        elif profile.errors == "vllm":
            found["prompt_tokens_details"] = None
        if self.reasoning_tokens is not None:
            found["completion_tokens_details"] = {"reasoning_tokens": self.reasoning_tokens}
        return found
