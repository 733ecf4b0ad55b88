"""What a run asks of log-likelihood scoring, and the bodies of its requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from lm_eval.models.arguments import ModelArguments

__all__ = ["Cuts", "ScoringSettings"]


@dataclass(slots=True)
class Cuts:
    """Counts the prompts that were cut on the left because of ``truncate=true``.

    Attributes:
        tokens: Hash of a prompt to the number of tokens that it lost; a prompt that is asked again counts once.
    """

    tokens: dict[int, int] = field(default_factory=dict)

    def add(self, prompt: object, tokens: int) -> None:
        """Count a prompt.

        Args:
            prompt: What identifies the prompt; it can be hashed.
            tokens: The number of tokens that it loses.
        """
        self.tokens[hash(prompt)] = tokens


@dataclass(frozen=True, slots=True)
class ScoringSettings:
    """Settings of the probe and of every scoring strategy.

    Attributes:
        model: The model's name, as the endpoint knows it.
        chat: Whether the endpoint is a chat endpoint. Default False.
        max_length: The window in tokens that the user gave; None takes the server's.
        truncate: Whether a prompt that is too long is cut on the left instead of being an error. None cuts a prompt of
            generation that fits the window but leaves no room for the response.
        scoring: The name of the strategy; None lets the probe decide.
        seed: Sent with every request; None sends none. Default 1234.
        extra_body: More fields for every request body; they override all others.
        batch_size: The maximum number of prompts in one request. Default 1.
        add_bos_token: Whether a BOS token precedes prompts; None leaves it to the server.
        ids_only: Whether the server ignores ``add_special_tokens``, so that only token ids carry out
            ``add_bos_token``. Default False.
        bos_text: The text of the BOS token; a text that starts with it gets no second one. None when unknown.
        prefix_gap: Known where ``add_special_tokens`` puts a BOS token before a text without context, so that its first
            token has a value: how many more prompt tokens ``usage`` then counts than the echo lists. Else None.
        custom_prefix_token_id: The id of the token that takes the place of an empty context.
        eos_string: The text of the end-of-text token. It takes the place of an empty context where the server adds no
            BOS token and ``custom_prefix_token_id`` is not given.
        num_logprobs: How many ``top_logprobs`` the one-token strategies ask for; None takes 20, or what the server
            allows.
        completions_path: What follows the base URL for prompts.
        chat_path: What follows the base URL for messages.
        cuts: Counts the prompts that were cut.
    """

    model: str
    chat: bool = False
    max_length: int | None = None
    truncate: bool | None = None
    scoring: str | None = None
    seed: int | None = 1234
    extra_body: Mapping[str, object] = field(default_factory=dict)
    batch_size: int = 1
    add_bos_token: bool | None = None
    ids_only: bool = False
    bos_text: str | None = None
    prefix_gap: int | None = None
    custom_prefix_token_id: int | None = None
    eos_string: str | None = None
    num_logprobs: int | None = None
    completions_path: str = "/completions"
    chat_path: str = "/chat/completions"
    cuts: Cuts = field(default_factory=Cuts, compare=False)

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
        special = self.special_tokens(content.get("prompt"))
        if special is not None:
            body["add_special_tokens"] = special
        return {**body, **self.extra_body} if self.extra_body else body

    @property
    def special(self) -> bool:
        """Whether a tokenizer is asked to add special tokens."""
        return self.add_bos_token is not False

    def special_tokens(self, prompt: object) -> bool | None:
        """Return what ``add_special_tokens`` of a request says; None sends no such field.

        Args:
            prompt: The prompt or prompts of the request; those of one request agree in ``starts_with_bos``.
        """
        if self.add_bos_token is None or self.ids_only:
            return None
        first = prompt[0] if isinstance(prompt, list) and prompt else prompt
        if not isinstance(first, str):
            return None
        return self.add_bos_token and not self.starts_with_bos(first)

    def starts_with_bos(self, text: str) -> bool:
        """Return whether a text has its own BOS token, for example from a chat template."""
        return bool(self.bos_text) and text.startswith(str(self.bos_text))
