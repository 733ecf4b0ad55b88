"""The token counts of one answer."""

from __future__ import annotations

from dataclasses import dataclass, field

from lm_eval.mock_server.json_text import JsonObject
from lm_eval.mock_server.profiles import Profile

__all__ = ["TokenCounts"]


@dataclass
class TokenCounts:
    """How many tokens a request took.

    Attributes:
        prompts: The token count of each prompt.
        cached: The number of prompt tokens that were in the prefix cache.
        completion: The number of generated tokens.
        reasoning: The number of generated tokens that are reasoning; None if the answer has none.
        shown_prompts: How many prompts ``usage`` counts; None for all.
    """

    prompts: list[int] = field(default_factory=list)
    cached: int = 0
    completion: int = 0
    reasoning: int | None = None
    shown_prompts: int | None = None

    def add_prompt(self, tokens: int, cached: int) -> None:
        """Count a prompt.

        Args:
            tokens: The length of the prompt.
            cached: How many of its tokens were in the prefix cache.
        """
        self.prompts.append(tokens)
        self.cached += cached

    def as_json(self, profile: Profile) -> JsonObject:
        """Write the ``usage`` object.

        Args:
            profile: The profile of the server.

        Returns:
            The object.
        """
        prompt = sum(self.prompts[: self.shown_prompts])
        usage: JsonObject = {
            "prompt_tokens": prompt,
            "completion_tokens": self.completion,
            "total_tokens": prompt + self.completion,
        }
        if profile.cached_tokens == "counted":
            usage["prompt_tokens_details"] = {"cached_tokens": self.cached}
        elif profile.cached_tokens == "null":
            usage["prompt_tokens_details"] = None
        if self.reasoning is not None:
            usage["completion_tokens_details"] = {"reasoning_tokens": self.reasoning}
        return usage
