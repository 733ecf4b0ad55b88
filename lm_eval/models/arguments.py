"""The arguments of a model: names, types, defaults and checks, in this one place."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lm_eval.config.redact import redact, remember
from lm_eval.errors import ConfigError, did_you_mean

__all__ = ["ModelArguments", "check_headers", "faults_of"]

eval_logger = logging.getLogger("lm_eval")

_IGNORED = {"trust_remote_code", "revision", "use_fast_tokenizer", "device", "max_batch_size", "dtype"}
_LOCAL_TOKENIZERS = ("huggingface", "tiktoken", "hf")
_TRUTH = {"true": True, "false": False}
_REMOTE_TOKENIZERS = ("remote", "none")
_SMALLEST = {
    1: "batch_size max_gen_toks max_length max_images num_logprobs max_tokens_total",
    0: "thinking_budget max_retries retry_time price_in price_out custom_prefix_token_id",
}
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(slots=True)
class ModelArguments:
    """The arguments that ``--model_args`` accepts."""

    model: str = ""
    """The name by which the server knows the model. ``pretrained`` is the same."""
    base_url: str | Sequence[str] = ""
    """The URL of the server, with or without ``/v1`` and the API path; several as ``URL1;URL2`` or a list."""
    num_concurrent: int | str = "auto"
    """Maximum number of requests in flight: a number, or ``auto``, which adapts it between 1 and 256."""
    max_retries: int = 6
    """Maximum number of further attempts after a failed one. HTTP 429 does not count; only ``retry_time`` limits it."""
    retry_time: float = 900.0
    """Seconds after the first failure of a request in which it is tried again; an outage may last as long."""
    batch_size: int = 1
    """Maximum number of prompts in one request, for endpoints that take lists of prompts."""
    max_gen_toks: int = 256
    """Maximum number of tokens to generate, for tasks that do not set it."""
    max_length: int | None = None
    """The model's window in tokens; by default the one that the server reports."""
    truncate: bool | None = None
    """Cut prompts on the left: true, false, or auto: only to make room for ``max_gen_toks``; too long is an error."""
    seed: int | None = 1234
    """The seed of every request; repeat number n of a request sends the seed plus n. ``none`` sends no seed."""
    timeout: float = 300.0
    """Maximum seconds for a complete answer."""
    connect_timeout: float = 10.0
    """Maximum seconds for a connection."""
    header: dict[str, str] = field(default_factory=dict)
    """Additional HTTP headers, whose values may be ``env:NAME`` or ``file:PATH``; an authentication header replaces the
    default one."""
    verify_certificate: bool = True
    """Whether the server's certificate is checked."""
    ca_cert_path: str | None = None
    """A PEM file of certificates to trust."""
    client_cert: str | None = None
    """A PEM file with the client's certificate, for servers that ask for one."""
    client_key: str | None = None
    """A PEM file with the key of ``client_cert``, without a password, if the key is in a separate file."""
    auth_token: str | None = None
    """The API key, ``env:NAME`` or ``file:PATH``; by default the variable OPENAI_API_KEY. ``api_key`` is the same."""
    eos_string: str | None = None
    """One more stop sequence for every generation."""
    max_images: int = 1
    """Maximum number of images in one request."""
    max_media_mb: float | None = None
    """Maximum size in MB of the media of one request, as they are sent; by default the server alone decides."""
    tokenizer: str | None = None
    """The tokenizer that sizes made documents, such as RULER's; no part in prompts: the server tokenizes them."""
    tokenizer_backend: str | None = None
    """``remote`` or ``none``: the server's tokenizer. A local one is refused for log-likelihoods, else ignored."""
    tokenized_requests: bool | None = None
    """Ignored; kept for compatibility with the reference harness. The probe decides what is sent."""
    add_bos_token: bool | None = None
    """Whether a BOS token precedes prompts: true, false, or auto: none where that can be chosen, except for Gemma."""
    custom_prefix_token_id: int | None = None
    """The token that replaces an empty context."""
    think_end_token: str | None = None
    """The text that ends the model's reasoning; the response is what follows its last occurrence."""
    reasoning_effort: str | None = None
    """How much the model thinks: ``none``, ``minimal``, ``low``, ``medium``, ``high``, or what the endpoint knows."""
    enable_thinking: bool | None = None
    """Whether the model thinks before it answers, where the endpoint or its chat template has a switch for it."""
    thinking_budget: int | None = None
    """Maximum number of tokens of a thought, where the endpoint limits it."""
    chat_template_kwargs: dict[str, object] = field(default_factory=dict)
    """Variables for the server's chat template."""
    score_reasoning: bool = False
    """Score the reasoning text where the answer is empty, for servers that put whole answers there."""
    scoring: str | None = None
    """The name of the log-likelihood strategy; by default a probe of the server chooses it."""
    num_logprobs: int | None = None
    """Number of most likely tokens that the one-token strategies ask for; by default 20, or the server's maximum."""
    chat_template: str | None = None
    """A file with a Jinja chat template, for completions with ``--apply_chat_template``; default: the server's own."""
    stream: bool = False
    """Stream the answers: measures the time to the first token, and no proxy drops a long silent connection."""
    extra_body: dict[str, object] = field(default_factory=dict)
    """Additional fields of the JSON body of every request."""
    requests_per_minute: float | None = None
    """Maximum number of requests per minute."""
    tokens_per_minute: float | None = None
    """Maximum number of tokens per minute, prompt and completion together."""
    price_in: float | None = None
    """Price per million prompt tokens."""
    price_out: float | None = None
    """Price per million completion tokens."""
    batch_discount: float = 0.0
    """By what fraction of these prices requests in batches are cheaper, such as 0.5."""
    max_cost: float | None = None
    """Stop the run when it has cost this much; it can be resumed."""
    max_tokens_total: int | None = None
    """Stop the run after this number of tokens; it can be resumed."""
    max_time: float | None = None
    """Stop the run after this number of seconds, whatever is under way; it can be resumed."""

    @classmethod
    def parse(
        cls, given: Mapping[str, object], defaults: Mapping[str, object] | None = None, *, passes_more: str = ""
    ) -> ModelArguments:
        """Check and convert the arguments that a user wrote.

        Args:
            given: Names to values, from the command line or from Python.
            defaults: Default values of the model class.
            passes_more: The name of a class that may pass on arguments of its own: these are left out with a warning.

        Returns:
            The arguments with the right types.

        Raises:
            ConfigError: A name does not exist, or a value has a wrong type or range.
        """
        remember(given)
        values = {**(defaults or {}), **{name: value for name, value in given.items() if name not in _IGNORED}}
        pretrained = values.pop("pretrained", None)
        if pretrained is not None and not values.get("model"):
            values["model"] = pretrained
        api_key = values.pop("api_key", None)
        if api_key is not None and values.get("auth_token") is None:
            values["auth_token"] = api_key
        fields = {item.name: item for item in dataclasses.fields(cls)}
        for name in list(values):
            if name not in fields:
                hint = did_you_mean(name, [*fields, "pretrained", "api_key"])
                if passes_more:
                    eval_logger.warning("%s passes on %s, which is no model argument.%s", passes_more, name, hint)
                    del values[name]
                    continue
                hint = hint or f" These exist: {', '.join(sorted(fields))}."
                raise ConfigError(f"Unknown model argument {name!r}.{hint}")
        return cls(**{name: _convert(name, value, str(fields[name].type)) for name, value in values.items()})

    def changed(self, values: Mapping[str, object]) -> ModelArguments:
        """Return the arguments with some other values.

        Args:
            values: Names to values.

        Returns:
            The arguments.

        Raises:
            ConfigError: A value has a wrong type or range.
        """
        remember(values)
        kinds = {item.name: str(item.type) for item in dataclasses.fields(self)}
        return dataclasses.replace(self, **{name: _convert(name, value, kinds[name]) for name, value in values.items()})

    def __post_init__(self) -> None:
        """Check the ranges of values."""
        if self.num_concurrent != "auto" and (not isinstance(self.num_concurrent, int) or self.num_concurrent < 1):
            raise ConfigError(f"num_concurrent is a number from 1 on, or auto, not {self.num_concurrent!r}.")
        for smallest, names in _SMALLEST.items():
            for name in names.split():
                value = getattr(self, name)
                if value is not None and value < smallest:
                    raise ConfigError(f"{name} is at least {smallest}, not {value}.")
        for name in ("timeout", "connect_timeout", "requests_per_minute", "tokens_per_minute", "max_time", "max_cost"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ConfigError(f"{name} is above 0, not {value}.")
        if self.seed is not None and abs(self.seed) >= 2**63:
            raise ConfigError(f"seed is a number of 64 bits, not {self.seed}.")
        check_headers({"auth_token": self.auth_token or "", **self.header})
        backend = str(self.tokenizer_backend or "none").lower()
        if backend not in (*_LOCAL_TOKENIZERS, *_REMOTE_TOKENIZERS):
            raise ConfigError(f"tokenizer_backend is none or remote, not {self.tokenizer_backend!r}.")
        if self.max_cost is not None and self.price_in is None and self.price_out is None:
            raise ConfigError("max_cost needs price_in and price_out (per million tokens).")

    @property
    def local_tokenizer(self) -> str | None:
        """Why a tokenizer on this side is not used for log-likelihoods; None if the user asks for none."""
        if str(self.tokenizer_backend or "none").lower() not in _LOCAL_TOKENIZERS:
            return None
        return (
            f"tokenizer_backend={self.tokenizer_backend} needs a tokenizer on this side, which may differ from the "
            "server's; leave it out (or say none or remote): the server's own tokens are used and checked."
        )


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse HTTP headers that cannot be sent; the message holds no value, because it may be secret.

    Args:
        headers: Names to values.

    Raises:
        ConfigError: A name is no name of a header, or a value has a line break, another control character, or bytes
            that are no UTF-8.
    """
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise ConfigError(f"header: {name!r} cannot be the name of an HTTP header.")
        what = "The API key" if name.lower() in ("auth_token", "authorization") else f"header {name}"
        if _SURROGATE.search(value):
            raise ConfigError(f"{what} has bytes that are no UTF-8.")
        if _CONTROL.search(value):
            raise ConfigError(
                f"{what} has a line break or another control character, perhaps of a file with Windows line ends."
            )


def faults_of(given: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """List all errors of single arguments.

    Args:
        given: As for ``ModelArguments.parse``.

    Yields:
        The name of an argument and the error.
    """
    for name, value in given.items():
        # `max_cost` alone would be an error, because it needs a price.
        prices = {"price_in": 0.0} if name == "max_cost" else {}
        try:
            ModelArguments.parse({name: value, **prices})
        except ConfigError as error:
            yield name, str(error)


def _convert(name: str, value: Any, kind: str) -> Any:
    """Convert a value to the type of its field, whose annotation is given as text."""
    try:
        return _converted(name, value, kind)
    except ConfigError:
        raise  # It says more, and is a ValueError, too.
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        raise ConfigError(f"{name}={redact(value, name)!r} does not fit; {name} is {_in_words(kind)}.") from None


def _converted(name: str, value: Any, kind: str) -> Any:
    if name in ("add_bos_token", "truncate") and value == "auto":
        return None
    if name == "reasoning_effort" and isinstance(value, str):
        return value  # "none" is one of its values
    if value is None or (isinstance(value, str) and value.lower() == "none" and "None" in kind):
        if "None" in kind:
            return None
        raise ValueError
    if name == "batch_size" and isinstance(value, str) and value.startswith("auto"):
        return 1
    if name == "base_url" and not isinstance(value, str):
        return [str(url) for url in value]
    if name == "auth_token":
        return _secret(name, str(value))
    if kind.startswith("bool"):
        if isinstance(value, bool) or value in (0, 1):
            return bool(value)
        return _TRUTH[str(value).lower()]
    if kind.startswith("int"):
        if value == "auto" and "str" in kind:
            return value
        return _whole(value)
    if kind.startswith("float"):
        if isinstance(value, bool) or not math.isfinite(float(value)):
            raise ValueError
        return float(value)
    if kind.startswith("dict"):
        parsed = json.loads(value) if isinstance(value, str) else value
        if not isinstance(parsed, Mapping):
            raise ValueError
        json.dumps(parsed, allow_nan=False)
        if name == "header":
            return {str(key): _secret(f"header {key}", str(item)) for key, item in parsed.items()}
        return {str(key): str(item) if "str, str" in kind else item for key, item in parsed.items()}
    return str(value)


def _whole(value: Any) -> int:
    """Convert to a whole number; a long one keeps all its digits."""
    if isinstance(value, bool):
        raise ValueError
    if isinstance(value, int) or (isinstance(value, str) and re.fullmatch(r"\s*[-+]?[0-9]+\s*", value)):
        return int(value)
    if not float(value).is_integer():
        raise ValueError
    return int(float(value))


def _secret(name: str, given: str) -> str:
    """Return a key or a header that is given as it is, or by the name of a variable or a file."""
    source, _, where = given.partition(":")
    if source == "env":
        found = os.environ.get(where, "").strip()
        if not found:
            raise ConfigError(f"{name}={given}: the environment variable {where!r} is not set.")
    elif source == "file":
        try:
            found = Path(where).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise ConfigError(f"{name}={given}: the file cannot be read: {reason}.") from None
        if not found:
            raise ConfigError(f"{name}={given}: the file is empty.")
    else:
        return given
    remember(found, "auth_token")
    return found


def _in_words(kind: str) -> str:
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
