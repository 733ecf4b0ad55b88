"""What a model class offers to generation units, scoring strategies and estimates.

The modules that build requests depend on this protocol and not on ``Requests``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from lm_eval.api.instance import Instance
from lm_eval.errors import APIError
from lm_eval.models.arguments import ModelArguments
from lm_eval.models.prompt_ids import PromptIds
from lm_eval.models.work import Ask

__all__ = ["APIModel", "OwnCaller", "OwnReply"]


class OwnCaller(Protocol):
    """Lets a class answer a request that scores."""

    async def score(self, ask: Ask, texts: Sequence[str], ctxlens: Sequence[int] | None, repeat: int) -> OwnReply:
        """Return the body of a reply, or the log-likelihoods that the class has read from one."""


class OwnReply(Protocol):
    """What a method of the class returned.

    Attributes:
        body: The body of a reply.
        answers: What the class has read from a reply; None if it left that to ``parse_logprobs``.
    """

    @property
    def body(self) -> object:
        """The body of a reply."""

    @property
    def answers(self) -> Sequence[Any] | None:
        """What the class has read."""


class APIModel(Protocol):
    """Builds the bodies of requests and reads the answers; ``Requests`` implements it.

    Attributes:
        path: What follows the base URL.
        args: The model's arguments.
    """

    path: str
    args: ModelArguments

    @property
    def eos_string(self) -> str | None:
        """One more stop sequence."""

    @property
    def think_end_token(self) -> str | None:
        """The text that ends a model's reasoning; None when answers hold none."""

    @property
    def batch_size(self) -> int:
        """The maximum number of prompts in one request."""

    @property
    def reads_logprobs(self) -> bool:
        """Whether the class overrides ``parse_logprobs``."""

    @property
    def prompt_ids(self) -> PromptIds | None:
        """What turns prompts of generation into token ids; None when all are sent as text."""

    @property
    def reads_objects(self) -> bool:
        """Whether the class reads answers that are no text, for a ``generate_until`` of its own."""

    @property
    def own_calls(self) -> OwnCaller | None:
        """What calls the ``model_call`` or ``amodel_call`` of the class; None where the engine sends its requests."""

    @property
    def logprob_parameters(self) -> frozenset[str]:
        """The names of the parameters of ``parse_logprobs``."""

    def starts_with_bos(self, prompt: object) -> bool:
        """Whether a prompt is a text with a BOS token of its own; such prompts share no request with others."""

    @property
    def thinks(self) -> bool:
        """Whether a thought precedes the answer, so that a stop string would cut it."""

    def rest_of(self, prompt: object, text: str) -> str:
        """Cut off the start of an answer that the prompt gave, where the server returns it in front of the rest."""

    def learn_refusal(self, error: APIError, payload: Mapping[str, object]) -> bool:
        """Learn which field a server refuses; say whether another attempt has a body that it may take."""

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
