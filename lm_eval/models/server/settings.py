"""What a run asks of log-likelihood scoring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from lm_eval.models.arguments import ModelArguments

__all__ = ["ScoringSettings"]


@dataclass(frozen=True, slots=True)
class ScoringSettings:
    """Settings of the probe and of every scoring strategy.

    Attributes:
        model: The model's name, as the endpoint knows it.
        chat: Whether the endpoint is a chat endpoint.
        max_length: The window the user asked for, in tokens; None takes the endpoint's.
        truncate: Cut the left end of a prompt that is too long instead of reporting an error.
        scoring: The strategy the user named, or None to let the probe decide.
        seed: Sent with every request; None sends none.
        extra_body: Further fields of every request body; they win over ours.
        batch_size: The most prompts in one request.
        add_bos_token: Whether the server adds its special tokens to a text; None leaves it to the server.
        custom_prefix_token_id: The token an empty context is replaced by.
        eos_string: The text of the end-of-text token; it stands in for an empty context where the server adds no
            BOS token and ``custom_prefix_token_id`` is not given.
        num_logprobs: How many ``top_logprobs`` the one-token strategies ask for; None takes 20, or what the
            server allows.
        completions_path: Where prompts go, below the base URL.
        chat_path: Where messages go, below the base URL.
    """

    model: str
    chat: bool = False
    max_length: int | None = None
    truncate: bool = False
    scoring: str | None = None
    seed: int | None = 1234
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    batch_size: int = 1
    add_bos_token: bool | None = None
    custom_prefix_token_id: int | None = None
    eos_string: str | None = None
    num_logprobs: int | None = None
    completions_path: str = "/completions"
    chat_path: str = "/chat/completions"

    @classmethod
    def of(cls, args: ModelArguments, *, chat: bool = False) -> ScoringSettings:
        """Take the settings out of a model's arguments.

        Args:
            args: The arguments.
            chat: Whether the endpoint is a chat endpoint.

        Returns:
            The settings.
        """
        same = (item.name for item in fields(cls) if hasattr(args, item.name))
        return cls(**{name: getattr(args, name) for name in same}, chat=chat)

    def body(self, *, echo: bool = False, **content: Any) -> dict[str, Any]:
        """Build a request body: model, the given fields, seed, echo, then ``extra_body``.

        Args:
            echo: Ask for the prompt to be echoed.
            **content: Fields of this request.

        Returns:
            The body, always in the same order of keys.
        """
        body: dict[str, Any] = {"model": self.model, **content}
        if self.seed is not None:
            body["seed"] = self.seed
        if echo:
            body["echo"] = True
        if self.add_bos_token is not None and _is_text(content.get("prompt")):
            body["add_special_tokens"] = self.add_bos_token
        return {**body, **self.extra_body} if self.extra_body else body

    @property
    def special(self) -> bool:
        """Whether a tokenizer is asked to add special tokens."""
        return self.add_bos_token is not False


def _is_text(prompt: Any) -> bool:
    return isinstance(prompt, str) or (isinstance(prompt, list) and prompt != [] and isinstance(prompt[0], str))
