"""The OpenAI completions and chat completions APIs, of any server that speaks them."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from lm_eval.api.instance import Instance
from lm_eval.errors import ConfigError
from lm_eval.models.api_models import TemplateAPI
from lm_eval.models.generation import text_of, to_payload
from lm_eval.models.http.replies import choices_in_order
from lm_eval.models.messages import ChatPrompt, with_images

__all__ = ["LocalChatCompletion", "LocalCompletionsAPI", "OpenAIChatCompletion", "OpenAICompletionsAPI"]

eval_logger = logging.getLogger("lm_eval")

_REASONING_FAMILY = re.compile(r"(?:^|/)(?:o1|o3|o4|gpt-5)(?![a-z0-9])", re.IGNORECASE)
_OPENAI = "https://api.openai.com/v1"


def _texts(outputs: Any, count: int | None) -> list[str]:
    if count == 1:
        return [text_of(choices_in_order(outputs, 1)[0])]
    if isinstance(outputs, list):
        return [text for output in outputs for text in _texts(output, None)]
    if count is None:
        choices = outputs.get("choices") if isinstance(outputs, dict) else None
        count = len(choices) if isinstance(choices, list) else 1
    return [text_of(choice) for choice in choices_in_order(outputs, count)]


class LocalCompletionsAPI(TemplateAPI):
    """A server with ``/v1/completions``."""

    path = "/completions"

    def __init__(self, *args: Any, **arguments: Any) -> None:
        """Check the arguments; see ``ModelArguments``."""
        super().__init__(*args, **arguments)
        if not self.model:
            raise ConfigError("model is missing; name it as the server does: model=NAME (GET /v1/models lists names).")

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
        """Build the body: a prompt or a list of prompts, and the settings."""
        body: dict[str, Any] = {"model": self.model, "prompt": messages}
        if not generate:
            body |= {"temperature": 0, "max_tokens": 1, "logprobs": 1}
            return body | ({} if seed is None else {"seed": seed}) | {"echo": True}
        return body | to_payload(gen_kwargs or {}, default_max_tokens=self.args.max_gen_toks, seed=seed, eos=eos)

    @staticmethod
    def parse_generations(outputs: Any, **kwargs: Any) -> list[str]:
        """Read the texts, in the order of the prompts; see ``TemplateAPI.parse_generations``."""
        return _texts(outputs, kwargs.get("count"))


class OpenAICompletionsAPI(LocalCompletionsAPI):
    """OpenAI's completions; a key is needed."""

    defaults: ClassVar[Mapping[str, Any]] = {"base_url": _OPENAI}

    @property
    def api_key(self) -> str:
        """The key.

        Raises:
            ConfigError: There is none.
        """
        return _required(super().api_key)


class LocalChatCompletion(TemplateAPI):
    """A server with ``/v1/chat/completions``."""

    path = "/chat/completions"
    chat = True
    _warned = False

    def __init__(self, *args: Any, **arguments: Any) -> None:
        """Check the arguments; see ``ModelArguments``."""
        super().__init__(*args, **arguments)
        if not self.model:
            raise ConfigError("model is missing; name it as the server does: model=NAME (GET /v1/models lists names).")
        if self.args.batch_size > 1:
            eval_logger.warning("A chat request holds one prompt: batch_size is 1; num_concurrent is what adds speed.")

    def apply_chat_template(self, chat_history: list[dict[str, Any]], add_generation_prompt: bool = True) -> ChatPrompt:
        """Keep the messages as they are: the server applies its template.

        Args:
            chat_history: Messages ``{"role", "content"}``.
            add_generation_prompt: Not sent: servers decide by the role of the last message.

        Returns:
            The messages, as a prompt that hashes.
        """
        return ChatPrompt(chat_history)

    def chat_template(self, chat_template: bool | str = False) -> str | None:
        """None: the template is the server's."""
        return None

    def create_message(self, instances: Sequence[Instance]) -> list[dict[str, Any]]:
        """Turn an Instance into messages, with its images.

        Args:
            instances: One Instance.

        Returns:
            The messages.
        """
        args = instances[0].args
        messages = self._messages(args[0])
        media = args[2] if len(args) > 2 and isinstance(args[2], Mapping) else {}
        if media.get("audio"):
            raise ConfigError("Audio cannot be sent to a chat API; leave the task out.")
        if media.get("visual"):
            return with_images(messages, media["visual"], self.args.max_images)
        return messages

    def _messages(self, prompt: Any) -> list[dict[str, Any]]:
        if isinstance(prompt, str):
            if not self._warned:
                self._warned = True
                eval_logger.warning(
                    "Prompts are plain text and go out as one user message each; --apply_chat_template sends system, "
                    "few-shot examples and question as messages of their own."
                )
            return [{"role": "user", "content": prompt}]
        return [dict(message) for message in prompt]

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
        """Build the body: messages and the settings."""
        settings = to_payload(gen_kwargs or {}, default_max_tokens=self.args.max_gen_toks, seed=seed, eos=eos)
        return {"model": self.model, "messages": messages} | settings

    @staticmethod
    def parse_generations(outputs: Any, **kwargs: Any) -> list[str]:
        """Read the text of the message; see ``TemplateAPI.parse_generations``."""
        return _texts(outputs, kwargs.get("count"))


class OpenAIChatCompletion(LocalChatCompletion):
    """OpenAI's chat completions; a key is needed, and reasoning models take other settings."""

    defaults: ClassVar[Mapping[str, Any]] = {"base_url": _OPENAI}

    @property
    def api_key(self) -> str:
        """The key.

        Raises:
            ConfigError: There is none.
        """
        return _required(super().api_key)

    @property
    def reasons(self) -> bool:
        """Whether the model is of a family that takes no stop sequences and only temperature 1."""
        return _REASONING_FAMILY.search(self.model) is not None

    def _create_payload(self, messages: Any, **kwargs: Any) -> dict[str, Any]:
        """Build the body with ``max_completion_tokens``, and for reasoning models without ``stop``."""
        payload: dict[str, Any] = {}
        for name, value in super()._create_payload(messages, **kwargs).items():
            if name == "max_tokens":
                payload.setdefault("max_completion_tokens", value)
            elif self.reasons and name == "stop":
                continue
            else:
                payload[name] = 1 if self.reasons and name == "temperature" else value
        return payload

    @property
    def _light_tokens(self) -> int:
        return 16


def _required(key: str) -> str:
    if not key:
        raise ConfigError("No key for OpenAI; set OPENAI_API_KEY, or auth_token= in model_args.")
    return key
