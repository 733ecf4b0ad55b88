"""A model that answers at random, to try tasks and code without a server."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.errors import ConfigError

__all__ = ["DummyLM"]


class DummyLM(LM):
    """Gives every continuation a random log-likelihood, and generates the same word for every prompt."""

    def __init__(self, *args: object, write_out: bool = False, **kwargs: object) -> None:
        """Ignore all arguments but one.

        Args:
            *args: Ignored.
            write_out: Print what is asked.
            **kwargs: Ignored.
        """
        super().__init__()
        self.write_out = write_out

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Return random values; see ``LM.loglikelihood``."""
        self._print(requests, "context", "continuation")
        return [(-random.random(), False) for _ in requests]

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        """Return random values; see ``LM.loglikelihood_rolling``."""
        self._print(requests, "text")
        return [-random.random() for _ in requests]

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Return the same word for every prompt; see ``LM.generate_until``."""
        self._print(requests, "context", "gen_kwargs")
        if any(not str(request.args[0]).strip() for request in requests):
            raise ConfigError("A prompt is empty.")
        return ["lol" for _ in requests]

    def apply_chat_template(self, chat_history: list[dict[str, Any]], add_generation_prompt: bool = True) -> str:
        """Write messages below each other, without the template of any model.

        Args:
            chat_history: Messages ``{"role", "content"}``.
            add_generation_prompt: Whether to open an assistant turn at the end.

        Returns:
            The text.
        """
        lines = [f"{message['role']}: {message['content']}" for message in chat_history]
        return "\n".join([*lines, *(["assistant:"] if add_generation_prompt else [])])

    @property
    def tokenizer_name(self) -> str:
        """The name that distinguishes its prompts from those of other models."""
        return "dummy"

    def _print(self, requests: Sequence[Instance], *names: str) -> None:
        if self.write_out:
            for request in requests:
                for name, value in zip(names, request.args, strict=False):
                    print(f"{name}: {value}")
