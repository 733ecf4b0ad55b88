"""What a subclass of an API model may say: the hooks, called with the arguments that each of them takes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from lm_eval.api.instance import Instance
from lm_eval.errors import CapabilityError
from lm_eval.models.media import are_given, check_size
from lm_eval.models.messages import ChatPrompt, with_audio, with_images, with_videos
from lm_eval.models.overrides import accepted, is_overridden

__all__ = ["Hooks", "Owner", "own_fields"]

_SET_BY_STRATEGIES = {
    *("model", "prompt", "messages", "temperature", "max_tokens", "max_completion_tokens"),
    *("logprobs", "top_logprobs", "seed", "echo", "stop"),
}
"""Fields of a request that a scoring strategy sets by itself."""


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

    def __init__(self, owner: Any, max_images: int, max_media_mb: float | None = None) -> None:
        """Look at the hooks.

        Args:
            owner: The model.
            max_images: Maximum number of images in one request.
            max_media_mb: Maximum size of all media in one request.
        """
        self._owner, self._max_images, self._max_media_mb = owner, max_images, max_media_mb
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
        """Return the prompts of one request, with their media.

        Args:
            instances: The Instances of the request.

        Returns:
            Texts, or messages as a ``ChatPrompt``.

        Raises:
            CapabilityError: Prompts are texts, and there are media.
            ConfigError: A medium cannot be sent.
        """
        return [self._message(instance.args) for instance in instances]

    def _message(self, args: tuple[Any, ...]) -> object:
        prompt = args[0]
        if isinstance(prompt, list) and all(isinstance(message, Mapping) for message in prompt):
            prompt = ChatPrompt(prompt)
        media = args[2] if len(args) > 2 and isinstance(args[2], Mapping) else {}
        if not any(are_given(media.get(kind)) for kind in ("audio", "visual", "video")):
            return prompt
        if not self._chat:
            if is_overridden(self._owner, "create_message"):
                return prompt  # The class may have its own way of sending media.
            raise CapabilityError(
                f"{type(self._owner).__name__} sends prompts as text, and media need messages; use a chat endpoint, for"
                " example --model local-chat-completions --apply_chat_template."
            )
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        if are_given(media.get("audio")):
            messages = with_audio(messages, media["audio"])
        if are_given(media.get("visual")):
            messages = with_images(messages, media["visual"], self._max_images)
        if are_given(media.get("video")):
            messages = with_videos(messages, media["video"])
        check_size(messages, self._max_media_mb)
        return ChatPrompt(messages)

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


def own_fields(owner: object, hooks: Hooks, seed: int | None, *, chat: bool) -> dict[str, object]:
    """Return the fields that ``_create_payload`` of a class adds to requests that score.

    Args:
        owner: The model.
        hooks: Its hooks.
        seed: The seed of requests.
        chat: Whether prompts are messages.

    Returns:
        The fields that a scoring strategy does not set by itself; none for a class that reads log-likelihoods, because
        its requests are its own.

    Raises:
        CapabilityError: The class builds no request that scores.
    """
    if hooks.reads_logprobs or not is_overridden(owner, "_create_payload"):
        return {}
    prompt: object = ChatPrompt([{"role": "user", "content": "Hello"}]) if chat else "Hello"
    kind = type(owner).__name__
    try:
        body: object = hooks.payload([prompt], {}, seed, generate=False)
    except Exception as error:
        what = f"{kind}._create_payload builds no request that scores ({type(error).__name__}: {error})"
        raise CapabilityError(f"{what}; override parse_logprobs or loglikelihood, too.") from error
    if not isinstance(body, Mapping) or (not chat and body.get("prompt") not in ("Hello", ["Hello"])):
        what = f"{kind}._create_payload sends no text as prompt, so a scoring strategy would pass it over"
        raise CapabilityError(f"{what}; override parse_logprobs or loglikelihood, too.")
    return {name: value for name, value in body.items() if name not in _SET_BY_STRATEGIES}
