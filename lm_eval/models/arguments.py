"""The arguments of a model, typed and checked; the single place where they are listed."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lm_eval.errors import ConfigError, did_you_mean

__all__ = ["ModelArguments", "faults_of"]

eval_logger = logging.getLogger("lm_eval")

_NOT_NEEDED = {"trust_remote_code", "revision", "use_fast_tokenizer", "device", "max_batch_size", "dtype"}
_LOCAL_TOKENIZERS = ("huggingface", "tiktoken", "hf")
_TRUTH = {"true": True, "false": False}
_REMOTE_TOKENIZERS = ("remote", "none")


@dataclass(slots=True)
class ModelArguments:
    """What ``--model_args`` accepts."""

    model: str = ""
    """The model's name, as the server knows it. ``pretrained`` is the same."""
    base_url: str | Sequence[str] = ""
    """The server's URL, with or without ``/v1`` and the API's path; several as ``URL1;URL2`` or a list."""
    num_concurrent: int | str = "auto"
    """Requests in flight: a number, or ``auto`` to find it (between 1 and 256)."""
    max_retries: int = 6
    """Further attempts after a failed one. Refusals for the rate (429) are bounded by ``retry_time`` alone."""
    retry_time: float = 900.0
    """No new attempt of a request begins after so many seconds."""
    batch_size: int = 1
    """Prompts a request, where the endpoint takes lists of prompts."""
    max_gen_toks: int = 256
    """Most tokens to generate, for tasks that do not say."""
    max_length: int | None = None
    """The model's window in tokens; the server's own when absent."""
    truncate: bool = False
    """Cut a prompt that is too long on the left; without it such a prompt is a counted error."""
    seed: int | None = 1234
    """Sent with every request; each repeat of a request adds its number. ``none`` sends none."""
    timeout: float = 300.0
    """Seconds for a whole answer."""
    connect_timeout: float = 10.0
    """Seconds for a connection."""
    header: dict[str, str] = field(default_factory=dict)
    """Further HTTP headers; one that authenticates replaces ours."""
    verify_certificate: bool = True
    """Whether the server's certificate is checked."""
    ca_cert_path: str | None = None
    """A file of certificates to trust, as PEM."""
    client_cert: str | None = None
    """The client's certificate, as PEM, for a server that asks for one."""
    client_key: str | None = None
    """Its key, without a password, when it is in a file of its own."""
    auth_token: str | None = None
    """The key, in place of OPENAI_API_KEY."""
    eos_string: str | None = None
    """One more stop sequence for every generation."""
    max_images: int = 1
    """Most images in one request."""
    tokenizer: str | None = None
    """Accepted for compatibility; the server's own tokenizer counts."""
    tokenizer_backend: str | None = None
    """``remote``, ``none`` or absent: tokens are the server's; there is no local tokenizer."""
    tokenized_requests: bool | None = None
    """Accepted for compatibility: what is sent follows from what the server can do."""
    add_bos_token: bool | None = None
    """Whether the server adds its special tokens to a text; absent leaves it to the server."""
    custom_prefix_token_id: int | None = None
    """The token an empty context is replaced by."""
    think_end_token: str | None = None
    """What ends the model's reasoning; only what follows its last occurrence is the response."""
    scoring: str | None = None
    """The log-likelihood strategy, by name; chosen by a probe of the server when absent."""
    num_logprobs: int | None = None
    """How many of the likeliest tokens the one-token strategies ask for; 20, or what the server allows, when absent."""
    extra_body: dict[str, Any] = field(default_factory=dict)
    """Further fields of every request's JSON body."""
    requests_per_minute: float | None = None
    """The most requests a minute."""
    tokens_per_minute: float | None = None
    """The most tokens a minute, prompt and completion together."""
    price_in: float | None = None
    """Price of a million prompt tokens."""
    price_out: float | None = None
    """Price of a million completion tokens."""
    max_cost: float | None = None
    """Stop the run, resumably, when it has cost so much."""
    max_tokens_total: int | None = None
    """Stop the run, resumably, after so many tokens."""
    max_time: float | None = None
    """Stop the run, resumably, after so many seconds."""

    @classmethod
    def parse(cls, given: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> ModelArguments:
        """Check arguments as a user wrote them.

        Args:
            given: Names to values, as parsed from the command line or given in Python.
            defaults: What a model class sets where the user does not.

        Returns:
            The arguments with the right types.

        Raises:
            ConfigError: A name that does not exist, or a value that does not fit.
        """
        values = {**(defaults or {}), **{name: value for name, value in given.items() if name not in _NOT_NEEDED}}
        pretrained = values.pop("pretrained", None)
        if pretrained is not None and not values.get("model"):
            values["model"] = pretrained
        fields = {item.name: item for item in dataclasses.fields(cls)}
        for name in values:
            if name not in fields:
                hint = did_you_mean(name, [*fields, "pretrained"])
                hint = hint or f" These exist: {', '.join(sorted(fields))}."
                raise ConfigError(f"Unknown model argument {name!r}.{hint}")
        return cls(**{name: _convert(name, value, str(fields[name].type)) for name, value in values.items()})

    def __post_init__(self) -> None:
        """Check what types do not say."""
        if self.num_concurrent != "auto" and (not isinstance(self.num_concurrent, int) or self.num_concurrent < 1):
            raise ConfigError(f"num_concurrent is a number from 1 on, or auto, not {self.num_concurrent!r}.")
        for name in ("batch_size", "max_gen_toks", "max_images", "num_logprobs"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ConfigError(f"{name} is at least 1, not {getattr(self, name)}.")
        for name in ("timeout", "connect_timeout", "requests_per_minute", "tokens_per_minute", "max_time"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ConfigError(f"{name} is above 0, not {value}.")
        backend = str(self.tokenizer_backend or "none").lower()
        if backend in _LOCAL_TOKENIZERS:
            raise ConfigError(
                f"tokenizer_backend={self.tokenizer_backend} needs a tokenizer on this side, which may differ from the "
                "server's; leave it out (or say none or remote): the server's own tokens are used and checked."
            )
        if backend not in _REMOTE_TOKENIZERS:
            raise ConfigError(f"tokenizer_backend is none or remote, not {self.tokenizer_backend!r}.")
        if self.max_cost is not None and self.price_in is None and self.price_out is None:
            raise ConfigError("max_cost needs price_in and price_out (per million tokens).")


def faults_of(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Go through all that is wrong with single arguments.

    Args:
        given: As for ``ModelArguments.parse``.

    Yields:
        An argument's name and what is wrong with it.
    """
    for name, value in given.items():
        # A budget in money needs prices, which are arguments of their own.
        beside = {"price_in": 0.0} if name == "max_cost" else {}
        try:
            ModelArguments.parse({name: value, **beside})
        except ConfigError as error:
            yield name, str(error)


def _convert(name: str, value: Any, kind: str) -> Any:
    """Bring a value to the type of its field, given as the annotation's text."""
    try:
        return _converted(name, value, kind)
    except (KeyError, TypeError, ValueError):
        raise ConfigError(f"{name}={value!r} does not fit; {name} is {_spoken(kind)}.") from None


def _converted(name: str, value: Any, kind: str) -> Any:
    if value is None or (isinstance(value, str) and value.lower() == "none" and "None" in kind):
        if "None" in kind:
            return None
        raise ValueError
    if name == "batch_size" and isinstance(value, str) and value.startswith("auto"):
        return 1
    if name == "base_url" and not isinstance(value, str):
        return [str(url) for url in value]
    if kind.startswith("bool"):
        if isinstance(value, bool) or value in (0, 1):
            return bool(value)
        return _TRUTH[str(value).lower()]
    if kind.startswith("int"):
        if value == "auto" and "str" in kind:
            return value
        if isinstance(value, bool) or int(float(value)) != float(value):
            raise ValueError
        return int(float(value))
    if kind.startswith("float"):
        if isinstance(value, bool):
            raise ValueError
        return float(value)
    if kind.startswith("dict"):
        parsed = json.loads(value) if isinstance(value, str) else value
        if not isinstance(parsed, Mapping):
            raise ValueError
        return {str(key): str(item) if "str, str" in kind else item for key, item in parsed.items()}
    return str(value)


def _spoken(kind: str) -> str:
    for start, words in (
        ("bool", "true or false"),
        ("int | str", "a whole number or auto"),
        ("int", "a whole number"),
        ("float", "a number"),
        ("dict", "a mapping (JSON on the command line)"),
    ):
        if kind.startswith(start):
            return words
    return "text"
