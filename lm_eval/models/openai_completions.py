"""The OpenAI completions and chat completions APIs, of any server that implements them."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from lm_eval.compatibility.elsewhere import elsewhere
from lm_eval.errors import CheckFailed, ConfigError
from lm_eval.models.api_models import TemplateAPI
from lm_eval.models.attributes import overridable
from lm_eval.models.generation import to_payload
from lm_eval.models.http.choices import choices_in_order, text_of
from lm_eval.models.messages import ChatPrompt, Message

__all__ = ["LocalChatCompletion", "LocalCompletionsAPI", "OpenAIChatCompletion", "OpenAICompletionsAPI"]

eval_logger = logging.getLogger("lm_eval")

_REASONING_FAMILY = re.compile(r"(?:^|/)(?:o1|o3|o4|gpt-5)(?![a-z0-9])", re.IGNORECASE)

if not TYPE_CHECKING:  # a type checker would accept every name

    def __getattr__(name: str) -> object:
        return elsewhere(__name__, name)


def _texts(outputs: object, count: object) -> list[str]:
    if count == 1:
        return [text_of(choices_in_order(outputs, 1)[0])]
    if isinstance(outputs, list):
        return [text for output in outputs for text in _texts(output, None)]
    if not isinstance(count, int):
        choices = outputs.get("choices") if isinstance(outputs, dict) else None
        count = len(choices) if isinstance(choices, list) else 1
    return [text_of(choice) for choice in choices_in_order(outputs, count)]


class LocalCompletionsAPI(TemplateAPI):
    """A server with ``/v1/completions``."""

    path = "/completions"
    needs_model = True

    def _create_payload(
        self,
        messages: object,
        generate: bool = False,
        gen_kwargs: dict[str, Any] | None = None,
        seed: int | None = 1234,
        eos: str | None = None,
        **kwargs: object,
    ) -> dict[str, object]:
        """Build the body: a prompt or a list of prompts, and the settings."""
        body: dict[str, object] = {"model": self.model, "prompt": messages}
        if not generate:
            body |= {"temperature": 0, "max_tokens": 1, "logprobs": 1}
            return body | ({} if seed is None else {"seed": seed}) | {"echo": True}
        return body | to_payload(gen_kwargs or {}, default_max_tokens=self._max_gen_toks, seed=seed, eos=eos)

    @staticmethod
    def parse_logprobs(
        outputs: Any, tokens: Any = None, ctxlens: Any = None, **kwargs: object
    ) -> list[tuple[float, bool]]:
        """Read log-likelihoods from echoed prompts by position; for subclasses that say where continuations start.

        Args:
            outputs: The parsed JSON, or a list of parsed JSON values.
            tokens: Per prompt, the token ids of context and continuation; None checks no lengths.
            ctxlens: Per prompt, the number of tokens of the context.
            **kwargs: Ignored.

        Returns:
            Per prompt, the log-likelihood in nats, and whether greedy decoding gives the continuation.

        Raises:
            CheckFailed: An echo does not have one value per token of the prompt, and one for the generated token.
        """
        bodies = outputs if isinstance(outputs, list) else [outputs]
        choices = [choice for body in bodies for choice in sorted(body["choices"], key=lambda choice: choice["index"])]
        found = []
        for at, (choice, start) in enumerate(zip(choices, ctxlens, strict=False)):
            values, tops = choice["logprobs"]["token_logprobs"], choice["logprobs"]["top_logprobs"]
            if tokens is not None and len(values) != len(tokens[at]) + 1:
                raise CheckFailed(f"An echo has {len(values)} values for {len(tokens[at])} tokens and a generated one")
            pairs = list(zip(values, tops, strict=True))[start:-1]
            found.append((sum(value for value, _ in pairs), all(value == max(top.values()) for value, top in pairs)))
        return found

    @staticmethod
    def parse_generations(outputs: object, **kwargs: object) -> list[str]:
        """Read the texts, in the order of the prompts; see ``TemplateAPI.parse_generations``."""
        return _texts(outputs, kwargs.get("count"))


class LocalChatCompletion(LocalCompletionsAPI):
    """A server with ``/v1/chat/completions``."""

    path = "/chat/completions"
    chat = True
    needs_model = True
    _warned = False

    def apply_chat_template(self, chat_history: list[Message], add_generation_prompt: bool = True) -> ChatPrompt:
        """Keep the messages as they are: the server applies its template.

        Args:
            chat_history: Messages ``{"role", "content"}``.
            add_generation_prompt: Not sent: servers decide by the role of the last message.

        Returns:
            The messages, as a prompt that can be hashed.
        """
        return ChatPrompt(chat_history)

    def chat_template(self, chat_template: bool | str = False) -> str | None:
        """Return None, because the template belongs to the server."""
        return None

    def create_message(self, messages: Sequence[Any], generate: bool = False) -> list[Message]:
        """Turn the prompt of a request into messages.

        Args:
            messages: A single prompt.
            generate: Whether text is generated.

        Returns:
            The messages; a text becomes one user message.
        """
        return self._messages(messages[0])

    def _messages(self, prompt: str | Sequence[Message]) -> list[Message]:
        if isinstance(prompt, str):
            if not self._warned:
                self._warned = True
                eval_logger.warning(
                    "Prompts are plain text, and each is sent as one user message; --apply_chat_template sends system "
                    "prompt, few-shot examples and question as separate messages."
                )
            return [{"role": "user", "content": prompt}]
        return [dict(message) for message in prompt]

    def _create_payload(
        self,
        messages: object,
        generate: bool = False,
        gen_kwargs: dict[str, Any] | None = None,
        seed: int | None = 1234,
        eos: str | None = None,
        **kwargs: object,
    ) -> dict[str, object]:
        """Build the body: messages and the settings."""
        settings = to_payload(gen_kwargs or {}, default_max_tokens=self._max_gen_toks, seed=seed, eos=eos)
        return {"model": self.model, "messages": messages} | settings

    @staticmethod
    def parse_generations(outputs: object, **kwargs: object) -> list[str]:
        """Read the text of the message; see ``TemplateAPI.parse_generations``."""
        return _texts(outputs, kwargs.get("count"))


class _OpenAI(TemplateAPI):
    """The part that OpenAI's own APIs share: the URL, and a required API key."""

    defaults: ClassVar[Mapping[str, object]] = {"base_url": "https://api.openai.com/v1"}

    @overridable
    def api_key(self) -> str:
        """The API key.

        Raises:
            ConfigError: There is none.
        """
        key = super().api_key
        if not key:
            raise ConfigError("No key for OpenAI; set OPENAI_API_KEY, or auth_token= in model_args.")
        return key


class OpenAICompletionsAPI(_OpenAI, LocalCompletionsAPI):
    """OpenAI's completions; an API key is required."""


class OpenAIChatCompletion(_OpenAI, LocalChatCompletion):
    """OpenAI's chat completions; an API key is required, and reasoning models take other settings."""

    _small_call_tokens = 16

    @property
    def reasons(self) -> bool:
        """Whether the model is of a family that takes no stop sequences and only temperature 1."""
        return _REASONING_FAMILY.search(self.model) is not None

    def _create_payload(
        self,
        messages: object,
        generate: bool = False,
        gen_kwargs: dict[str, Any] | None = None,
        seed: int | None = 1234,
        eos: str | None = None,
        **kwargs: object,
    ) -> dict[str, object]:
        """Build the body with ``max_completion_tokens``, and for reasoning models without ``stop``."""
        payload: dict[str, object] = {}
        for name, value in super()._create_payload(messages, generate, gen_kwargs, seed, eos, **kwargs).items():
            if name == "max_tokens":
                payload.setdefault("max_completion_tokens", value)
            elif self.reasons and name == "stop":
                continue
            else:
                payload[name] = 1 if self.reasons and name == "temperature" else value
        return payload
