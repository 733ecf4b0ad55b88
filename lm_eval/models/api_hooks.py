"""What an API's class says: the bodies that are sent, and how answers are read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import TemplateLM
from lm_eval.errors import CapabilityError, ConfigError
from lm_eval.models.arguments import ModelArguments

__all__ = ["APIHooks"]

_AUTHENTICATES = {"authorization", "api-key", "x-api-key"}


class APIHooks(TemplateLM):
    """The part of ``TemplateAPI`` that subclasses override.

    Attributes:
        path: What follows the base URL; empty to ask ``base_url`` exactly as it is given.
        chat: Whether prompts are messages.
        args: The arguments.
        eos_string: One more stop sequence.
    """

    path: str = ""
    chat: bool = False
    args: ModelArguments
    eos_string: str | None

    def _create_payload(
        self,
        messages: Any,
        *,
        generate: bool = True,
        gen_kwargs: dict[str, Any] | None = None,
        seed: int | None = 1234,
        eos: str | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Build the JSON body of a request.

        Args:
            messages: A prompt, several prompts, or the messages of one.
            generate: Whether text is wanted; otherwise log-probabilities of the prompt.
            gen_kwargs: A task's generation settings; may be changed.
            seed: For settings without one.
            eos: One more stop sequence.
            **kwargs: For subclasses.

        Returns:
            The body.

        Raises:
            ConfigError: This class does not say what its API is sent.
        """
        raise ConfigError(f"{type(self).__name__} does not define _create_payload.")

    @staticmethod
    def parse_generations(outputs: Any, **kwargs: Any) -> list[str]:
        """Read the texts of an answer, in the order of the prompts.

        Args:
            outputs: The parsed JSON, or a list of them.
            **kwargs: ``count``, the number of prompts sent.

        Returns:
            A text a prompt.

        Raises:
            ConfigError: This class does not say how its API answers.
        """
        raise ConfigError("A subclass of TemplateAPI has to define parse_generations.")

    @staticmethod
    def parse_logprobs(
        outputs: Any, tokens: Any = None, ctxlens: Any = None, **kwargs: Any
    ) -> list[tuple[float, bool]]:
        """Read the log-likelihoods of an answer; a class that overrides this scores without a probe of the server.

        Args:
            outputs: The parsed JSON.
            tokens: The token ids of context and continuation, a list a prompt; from ``tok_encode`` where that is
                overridden, else from the server's ``/tokenize``; None where there is neither.
            ctxlens: How many of them are the context's alone, a number a prompt; None like ``tokens``.
            **kwargs: ``contexts`` and ``continuations``, the texts that were sent one after the other.

        Returns:
            Log-likelihood in nats and whether greedy decoding gives the continuation, a pair a prompt.

        Raises:
            CapabilityError: This class does not score prompts.
        """
        raise CapabilityError("This model does not read log-likelihoods.")

    @property
    def api_key(self) -> str:
        """The key: ``auth_token``, else OPENAI_API_KEY from the environment, else empty."""
        return self.args.auth_token or os.environ.get("OPENAI_API_KEY", "")

    @property
    def header(self) -> dict[str, str]:
        """The HTTP headers that authenticate, and those the user gave."""
        given = self.args.header
        key = "" if _AUTHENTICATES & {name.lower() for name in given} else self.api_key
        return {**({"Authorization": f"Bearer {key}"} if key else {}), **given}

    def generation_payload(
        self, instances: Sequence[Instance], settings: dict[str, Any], repeat: int = 0
    ) -> dict[str, Any]:
        """Build the body of a generation request, exactly as it is sent.

        Args:
            instances: The Instances asked together; one for chat.
            settings: Their generation settings.
            repeat: Which repeat it is. Its number is added to the seed, so that samples of one prompt differ.

        Returns:
            The body.
        """
        if self.args.seed is not None or settings.get("seed") is not None:
            own = settings.pop("seed", None)
            seed: int | None = int(self.args.seed if own is None else own) + repeat  # type: ignore[arg-type]
        else:
            seed = None
        messages = self.create_message(instances)
        payload = self._create_payload(
            messages, generate=True, gen_kwargs=settings, seed=seed, eos=self.eos_string
        )  # fmt: skip
        return {**payload, **self.args.extra_body} if self.args.extra_body else payload

    def scoring_payload(self, prompts: Sequence[str]) -> dict[str, Any]:
        """Build the body of a scoring request, for a class that reads log-likelihoods itself.

        Args:
            prompts: Contexts with their continuations.

        Returns:
            The body.
        """
        messages = self.create_message([Instance("loglikelihood", {}, (prompt,), 0) for prompt in prompts])
        payload = self._create_payload(
            messages, generate=False, gen_kwargs={}, seed=self.args.seed, eos=self.eos_string
        )  # fmt: skip
        return {**payload, **self.args.extra_body} if self.args.extra_body else payload

    def create_message(self, instances: Sequence[Instance]) -> Any:
        """Turn the Instances of one request into what ``_create_payload`` gets.

        Args:
            instances: The Instances asked together.

        Returns:
            The prompt of one Instance, the list of prompts of several.
        """
        prompts = [instance.args[0] for instance in instances]
        return prompts[0] if len(prompts) == 1 else prompts

    @property
    def reads_logprobs(self) -> bool:
        """Whether the class has a ``parse_logprobs`` of its own."""
        return type(self).parse_logprobs is not APIHooks.parse_logprobs
