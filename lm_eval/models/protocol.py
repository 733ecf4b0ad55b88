"""What a model class offers to generation units, scoring strategies and estimates.

The modules that build requests depend on this protocol and not on ``TemplateAPI``, which imports them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from lm_eval.api.instance import Instance
from lm_eval.models.arguments import ModelArguments
from lm_eval.models.prompt_ids import PromptIds

__all__ = ["APIModel"]


class APIModel(Protocol):
    """Builds the bodies of requests and reads the answers; ``TemplateAPI`` implements it.

    Attributes:
        path: What follows the base URL.
        args: The model's arguments.
        eos_string: One more stop sequence.
        think_end_token: The text that ends a model's reasoning; None when answers hold none.
    """

    path: str
    args: ModelArguments
    eos_string: str | None
    think_end_token: str | None

    @property
    def batch_size(self) -> int:
        """The maximum number of prompts in one request."""

    @property
    def reads_logprobs(self) -> bool:
        """Whether the class overrides ``parse_logprobs``."""

    @property
    def prompt_ids(self) -> PromptIds | None:
        """What turns prompts of generation into token ids; None when all are sent as text."""

    def starts_with_bos(self, prompt: object) -> bool:
        """Whether a prompt is a text with a BOS token of its own; such prompts share no request with others."""

    def batch_failed(self) -> None:
        """Count a request with several prompts that failed; after a few, prompts are sent one per request."""

    def generation_payload(
        self, instances: Sequence[Instance], settings: dict[str, Any], repeat: int = 0
    ) -> Mapping[str, object]:
        """Build the body of a generation request."""

    def scoring_payload(self, prompts: Sequence[str]) -> Mapping[str, object]:
        """Build the body of a scoring request, for a class that overrides ``parse_logprobs``."""

    def parse_generations(self, outputs: object, **kwargs: object) -> list[str]:
        """Read the texts of an answer, in the order of the prompts."""

    def parse_logprobs(self, outputs: object, **kwargs: Any) -> list[tuple[float, bool]]:
        """Read the log-likelihoods of an answer, in the order of the prompts."""

    def tok_encode(self, string: str) -> list[int]:
        """Tokenize a text."""
