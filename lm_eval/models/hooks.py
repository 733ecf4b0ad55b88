"""What a subclass of an API model may say: the hooks, called with the arguments that each of them takes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from lm_eval.api.instance import Instance
from lm_eval.errors import ConfigError
from lm_eval.models.messages import ChatPrompt, with_images
from lm_eval.models.overrides import accepted, is_overridden

__all__ = ["Hooks", "Owner"]


class Owner(Protocol):
    """The public side of an API model, which other people subclass; ``TemplateAPI`` implements it.

    Attributes:
        model: The name by which the server knows the model.
        path: What follows the base URL.
        chat: Whether prompts are messages.
        think_end_token: The text that ends a model's reasoning.
    """

    model: str
    path: str
    chat: bool
    think_end_token: str | None

    @property
    def eos_string(self) -> str | None:
        """One more stop sequence."""

    @property
    def prefix_token_id(self) -> int | None:
        """The token that replaces an empty context."""

    @property
    def header(self) -> dict[str, str]:
        """The HTTP headers of every request."""

    def tok_encode(self, string: str) -> list[int]:
        """Tokenize a text."""


class Hooks:
    """Calls the hooks of a model.

    A class from elsewhere may leave out parameters that it does not use, so each hook gets those that it takes.
    """

    def __init__(self, owner: Any, max_images: int) -> None:
        """Look at the hooks.

        Args:
            owner: The model.
            max_images: Maximum number of images in one request.
        """
        self._owner, self._max_images = owner, max_images
        names = ("create_message", "_create_payload", "parse_generations", "parse_logprobs")
        self._accepted = {name: accepted(getattr(owner, name)) for name in names}
        self._chat = bool(type(owner).chat)
        self.reads_logprobs = is_overridden(owner, "parse_logprobs")
        self.reads_generations = is_overridden(owner, "parse_generations")

    @property
    def logprob_parameters(self) -> frozenset[str]:
        """The names of the parameters of ``parse_logprobs``."""
        return frozenset(inspect.signature(self._owner.parse_logprobs).parameters)

    def messages(self, instances: Sequence[Instance]) -> list[object]:
        """Return the prompts of one request, with their images.

        Args:
            instances: The Instances of the request.

        Returns:
            Texts, or messages as a ``ChatPrompt``.

        Raises:
            ConfigError: The Instance has audio, which chat APIs here do not take.
        """
        return [self._message(instance.args) for instance in instances]

    def _message(self, args: tuple[Any, ...]) -> object:
        prompt = args[0]
        if isinstance(prompt, list) and all(isinstance(message, Mapping) for message in prompt):
            prompt = ChatPrompt(prompt)
        media = args[2] if len(args) > 2 and isinstance(args[2], Mapping) else {}
        if not self._chat or not media:
            return prompt
        if media.get("audio"):
            raise ConfigError("Audio cannot be sent to a chat API; leave the task out.")
        if media.get("visual"):
            messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
            return ChatPrompt(with_images(messages, media["visual"], self._max_images))
        return prompt

    def payload(
        self, messages: Sequence[object], settings: dict[str, Any] | None, seed: int | None, *, generate: bool
    ) -> dict[str, object]:
        """Build the body of a request with ``create_message`` and ``_create_payload``.

        Args:
            messages: The prompts.
            settings: The generation settings.
            seed: The seed.
            generate: Whether text is generated.

        Returns:
            The body.
        """
        created = self._call("create_message", messages, generate=generate)
        eos = self._owner.eos_string
        body: dict[str, object] = self._call(
            "_create_payload", created, generate=generate, gen_kwargs=settings, seed=seed, eos=eos
        )
        return body

    def parse_generations(self, outputs: object, **more: object) -> list[Any]:
        """Read the texts of a reply."""
        texts: list[Any] = self._call("parse_generations", outputs=outputs, **more)
        return texts

    def parse_logprobs(self, outputs: object, **more: object) -> list[tuple[float, bool]]:
        """Read the log-likelihoods of a reply."""
        values: list[tuple[float, bool]] = self._call("parse_logprobs", outputs=outputs, **more)
        return values

    def _call(self, name: str, *args: object, **more: object) -> Any:
        names = self._accepted[name]
        if names is not None:
            more = {key: value for key, value in more.items() if key in names}
        return getattr(self._owner, name)(*args, **more)
