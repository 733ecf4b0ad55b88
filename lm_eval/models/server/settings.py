"""What a run asks of log-likelihood scoring, and the bodies of its requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from lm_eval.models.arguments import ModelArguments

__all__ = ["ScoringSettings"]


@dataclass(frozen=True, slots=True)
class ScoringSettings:
    """Settings of the probe and of every scoring strategy.

    Attributes:
        model: The model's name, as the endpoint knows it.
        chat: Whether the endpoint is a chat endpoint. Default False.
        max_length: The window in tokens that the user gave; None takes the server's.
        truncate: Whether a prompt that is too long is cut on the left instead of being an error. Default False.
        scoring: The name of the strategy; None lets the probe decide.
        seed: Sent with every request; None sends none. Default 1234.
        extra_body: More fields for every request body; they override all others.
        batch_size: The maximum number of prompts in one request. Default 1.
        add_bos_token: Whether the server adds its special tokens to a text; None leaves it to the server.
        custom_prefix_token_id: The id of the token that takes the place of an empty context.
        eos_string: The text of the end-of-text token. It takes the place of an empty context where the server adds no
            BOS token and ``custom_prefix_token_id`` is not given.
        num_logprobs: How many ``top_logprobs`` the one-token strategies ask for; None takes 20, or what the server
            allows.
        completions_path: What follows the base URL for prompts.
        chat_path: What follows the base URL for messages.
    """

    model: str
    chat: bool = False
    max_length: int | None = None
    truncate: bool = False
    scoring: str | None = None
    seed: int | None = 1234
    extra_body: Mapping[str, object] = field(default_factory=dict)
    batch_size: int = 1
    add_bos_token: bool | None = None
    custom_prefix_token_id: int | None = None
    eos_string: str | None = None
    num_logprobs: int | None = None
    completions_path: str = "/completions"
    chat_path: str = "/chat/completions"

    @classmethod
    def of(cls, args: ModelArguments, *, chat: bool = False) -> ScoringSettings:
        """Take the settings from a model's arguments.

        Args:
            args: The arguments.
            chat: Whether the endpoint is a chat endpoint.

        Returns:
            The settings.
        """
        shared = (item.name for item in fields(cls) if hasattr(args, item.name))
        return cls(**{name: getattr(args, name) for name in shared}, chat=chat)

    def body(self, *, echo: bool = False, **content: object) -> dict[str, object]:
        """Build a request body: model, the given fields, seed, echo, then ``extra_body``.

        Args:
            echo: Whether to ask for an echo of the prompt.
            **content: The fields of this request.

        Returns:
            The body; its keys are always in the same order.
        """
        body: dict[str, object] = {"model": self.model, **content}
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


def _is_text(prompt: object) -> bool:
    return isinstance(prompt, str) or (isinstance(prompt, list) and prompt != [] and isinstance(prompt[0], str))
