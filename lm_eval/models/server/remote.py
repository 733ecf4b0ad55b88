"""A tokenizer behind a server's endpoints, for code of other people that tokenizes by itself.

Evaluations here do not use it: they take tokens from the server's own answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from lm_eval.errors import APIError, ConfigError
from lm_eval.models.arguments import ModelArguments
from lm_eval.models.http.runner import run
from lm_eval.models.http.session import Session
from lm_eval.models.work import Call

__all__ = ["RemoteTokenizer", "check_remote_tokenizer_support"]


class RemoteTokenizer:
    """The tokenizer of a server with ``/tokenize``, ``/detokenize`` and ``/tokenizer_info``, as vLLM has them."""

    def __init__(
        self,
        base_url: str,
        timeout: float = 30,
        verify_certificate: bool = True,
        ca_cert_path: str | None = None,
        auth_token: str | None = None,
        max_retries: int = 3,
    ) -> None:
        """Ask the server for its description.

        Args:
            base_url: The URL of the server, with or without the API path.
            timeout: Maximum seconds for an answer.
            verify_certificate: Whether the server's certificate is checked.
            ca_cert_path: A PEM file of certificates to trust.
            auth_token: The API key.
            max_retries: Maximum number of further attempts after a failed one.

        Raises:
            APIError: The server has no ``/tokenizer_info``.
        """
        arguments = {
            "base_url": base_url, "timeout": timeout, "verify_certificate": verify_certificate,
            "ca_cert_path": ca_cert_path, "auth_token": auth_token, "max_retries": max_retries,
        }  # fmt: skip
        args = ModelArguments.parse(arguments)
        self._session = Session(args, "/completions")
        self._headers = {"Authorization": f"Bearer {args.auth_token}"} if args.auth_token else {}
        self.tokenizer_info = self._ask("//tokenizer_info")

    def _ask(self, path: str, **body: object) -> Mapping[str, Any]:
        async def ask() -> object:
            async with self._session.engine(self._headers, checking=True) as engine:
                return (await engine.ask(Call(path, body))).body

        answer = run(ask)
        if not isinstance(answer, Mapping):
            raise APIError(f"The answer of {path[1:]} is no JSON object")
        return answer

    @property
    def eos_token(self) -> str | None:
        """The text of the end-of-text token."""
        return self.tokenizer_info.get("eos_token")

    @property
    def bos_token(self) -> str | None:
        """The text of the BOS token."""
        return self.tokenizer_info.get("bos_token")

    @property
    def pad_token(self) -> str | None:
        """The text of the padding token."""
        return self.tokenizer_info.get("pad_token")

    @cached_property
    def eos_token_id(self) -> int | None:
        """The id of the end-of-text token."""
        return self._id_of(self.eos_token)

    @cached_property
    def bos_token_id(self) -> int | None:
        """The id of the BOS token."""
        return self._id_of(self.bos_token)

    @property
    def eot_token(self) -> int | None:
        """The id of the end-of-text token, as tiktoken names it."""
        return self.eos_token_id

    def _id_of(self, token: str | None) -> int | None:
        return self.encode(token)[0] if token else None

    def encode(self, text: str) -> list[int]:
        """Turn text into token ids, without special tokens.

        Args:
            text: The text.

        Returns:
            Token ids.

        Raises:
            APIError: The server has no ``/tokenize``, or does not answer.
        """
        tokens = self._ask("//tokenize", prompt=text, add_special_tokens=False).get("tokens")
        if not isinstance(tokens, list):
            raise APIError("The answer of /tokenize has no tokens")
        return tokens

    def decode(self, tokens: Sequence[int]) -> str:
        """Turn token ids into text.

        Args:
            tokens: Token ids.

        Returns:
            The text.

        Raises:
            APIError: The server has no ``/detokenize``, or does not answer.
        """
        text = self._ask("//detokenize", tokens=list(tokens)).get("prompt")
        if not isinstance(text, str):
            raise APIError("The answer of /detokenize has no text")
        return text

    def batch_decode(self, tokens_list: Sequence[Sequence[int]]) -> list[str]:
        """Turn several lists of token ids into texts; see ``decode``."""
        return [self.decode(tokens) for tokens in tokens_list]

    def apply_chat_template(
        self, chat_history: Sequence[Mapping[str, Any]], add_generation_prompt: bool = True, **kwargs: Any
    ) -> str:
        """Turn messages into text with the server's chat template.

        Args:
            chat_history: Messages ``{"role", "content"}``.
            add_generation_prompt: Whether to open an assistant turn at the end.
            **kwargs: Further variables of the template.

        Returns:
            The text.

        Raises:
            ConfigError: The server does not show its template.
        """
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        template = self.tokenizer_info.get("chat_template")
        if not template:
            raise ConfigError("The server's /tokenizer_info shows no chat template.")
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        return environment.from_string(template).render(
            messages=list(chat_history), add_generation_prompt=add_generation_prompt, **kwargs
        )

    def __call__(self, text: str, add_special_tokens: bool = False, **kwargs: Any) -> dict[str, list[int]]:
        """Turn text into token ids, as tokenizers of Hugging Face do."""
        return {"input_ids": self.encode(text)}


def check_remote_tokenizer_support(
    base_url: str,
    timeout: float = 5,
    verify_certificate: bool = True,
    ca_cert_path: str | None = None,
    auth_token: str | None = None,
    max_retries: int = 3,
) -> bool:
    """Say whether a server has the endpoints of ``RemoteTokenizer``.

    Args:
        base_url: As for ``RemoteTokenizer``, like the other arguments.
        timeout: Maximum seconds for an answer.
        verify_certificate: Whether the server's certificate is checked.
        ca_cert_path: A PEM file of certificates to trust.
        auth_token: The API key.
        max_retries: Maximum number of further attempts after a failed one.

    Returns:
        Whether ``/tokenizer_info`` and ``/tokenize`` answer.
    """
    if not base_url:
        return False
    try:
        tokenizer = RemoteTokenizer(base_url, timeout, verify_certificate, ca_cert_path, auth_token, max_retries)
        return "eos_token" in tokenizer.tokenizer_info and bool(tokenizer.encode("test"))
    except (APIError, ConfigError):
        return False
