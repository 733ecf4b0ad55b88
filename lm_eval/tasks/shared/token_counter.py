"""Chooses what counts the tokens of made documents, without a tokenizer of this package."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lm_eval.api.current_run import current_run
from lm_eval.api.token_counter import TokenCounter
from lm_eval.errors import ConfigError
from lm_eval.text import shorten

__all__ = ["LinearCounter", "LocalCounter", "RatioCounter", "token_counter"]

eval_logger = logging.getLogger("lm_eval")

_CHARACTERS_PER_TOKEN = 3
"""Fewer than most texts have, so that prompts that were sized by it fit."""


def token_counter(metadata: Mapping[str, Any]) -> TokenCounter:
    """Choose a counter of tokens.

    The order: the tokenizer that ``tokenizer=`` names, where the package tokenizers is installed; the tokenizer of the
    run's server; the usage that the server reports; a stated number of characters for each token.

    Args:
        metadata: The metadata of a task, which hold the arguments of the model.

    Returns:
        The counter.

    Raises:
        ConfigError: The named tokenizer cannot be loaded.
        APIError: The run's endpoint cannot be used.
    """
    named = metadata.get("tokenizer")
    if isinstance(named, str) and named:
        if find_spec("tokenizers") is not None:
            return LocalCounter(named)
        eval_logger.info("tokenizer=%s is not used: the package tokenizers is not installed.", named)
    lm = current_run().lm
    counter = lm.harness_token_counter() if lm is not None else None
    if counter is not None:
        return counter
    eval_logger.warning(
        "No tokenizer is known: documents are sized by %d characters for each token. Give tokenizer=NAME with the "
        "package tokenizers, or a server that counts.",
        _CHARACTERS_PER_TOKEN,
    )
    return RatioCounter()


class LocalCounter:
    """Counts with the package tokenizers."""

    is_free = True

    def __init__(self, name: str) -> None:
        """Load the tokenizer.

        Args:
            name: Its name on the Hub, a folder with a ``tokenizer.json``, or such a file.

        Raises:
            ConfigError: It cannot be loaded.
        """
        import tokenizers

        path = Path(name).expanduser()
        file = path / "tokenizer.json" if path.is_dir() else path
        try:
            kind = tokenizers.Tokenizer
            self._tokenizer = kind.from_file(str(file)) if file.is_file() else kind.from_pretrained(name)
        except Exception as error:
            what = shorten(" ".join(str(error).split()), 200)
            raise ConfigError(f"tokenizer={name} cannot be loaded: {what}. Without it the server counts.") from error
        digest = hashlib.sha256(self._tokenizer.to_str().encode()).hexdigest()[:12]
        self.identity = f"tokenizers:{name}:{digest}"

    def count(self, texts: Sequence[str]) -> list[int]:
        """Count the tokens of texts, special tokens included."""
        return [len(found.ids) for found in self._tokenizer.encode_batch(list(texts))]


class RatioCounter:
    """Estimates tokens by a fixed number of characters for each."""

    is_free = True
    version = f"ratio{_CHARACTERS_PER_TOKEN}"
    """What the version of a task ends in: its documents are not those of a tokenizer."""

    identity = f"{_CHARACTERS_PER_TOKEN} characters per token"

    def count(self, texts: Sequence[str]) -> list[int]:
        """Estimate the tokens of texts."""
        return [math.ceil(len(text) / _CHARACTERS_PER_TOKEN) for text in texts]


class LinearCounter:
    """Computes tokens from characters, along a line through a few measured texts of one kind."""

    is_free = True

    def __init__(self, measure: TokenCounter, texts: Sequence[str]) -> None:
        """Measure texts of different lengths, and fit the line.

        Args:
            measure: Counts the tokens of the texts; each count costs.
            texts: At least two texts of the kind that is to be counted.
        """
        self.identity = measure.identity
        xs, ys = [len(text) for text in texts], measure.count(texts)
        x, y = sum(xs) / len(xs), sum(ys) / len(ys)
        spread = sum((a - x) ** 2 for a in xs)
        self._slope = sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / spread if spread else y / x
        self._start = y - self._slope * x

    def count(self, texts: Sequence[str]) -> list[int]:
        """Compute the tokens of texts."""
        return [math.ceil(self._start + self._slope * len(text)) for text in texts]

    def raise_by(self, tokens: int) -> None:
        """Count more tokens for every text, after a measured text had more than was computed.

        Args:
            tokens: How many more.
        """
        self._start += tokens
