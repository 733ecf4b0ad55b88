"""Counts tokens with the server of a model: its tokenizer, or else the usage that it reports for a prompt."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from lm_eval.errors import CapabilityError
from lm_eval.models.http.runner import run
from lm_eval.models.server.tokenizer import RemoteTokenizer, find_tokenizer
from lm_eval.models.work import Ask, Call

if TYPE_CHECKING:
    from lm_eval.models.http.engine import Engine

__all__ = ["ServerCounter"]

_CONCURRENCY = 8
_PROBE = "The quick brown fox jumps over 13 lazy dogs; Ünïcode costs more."


class ServerCounter:
    """Counts tokens as the server does.

    Attributes:
        identity: The kind of the tokenizer, the model and a digest of the tokens of a text; or ``usage`` and the model.
        is_free: Whether the server has a tokenizer endpoint. Else each count is a request for one token.
    """

    def __init__(
        self,
        model: str,
        engine: Callable[[], AbstractAsyncContextManager[Engine]],
        usage_call: Callable[[str], Call],
        *,
        special: bool,
    ) -> None:
        """Find the server's tokenizer, with at most two requests.

        Args:
            model: The model's name.
            engine: Opens an engine.
            usage_call: Builds the request that generates one token after a text.
            special: Whether special tokens such as BOS are counted.
        """
        self._model, self._engine, self._usage_call, self._special = model, engine, usage_call, special
        self._tokenizer: RemoteTokenizer | None = None
        self.identity = run(self._find)
        self.is_free = self._tokenizer is not None

    def count(self, texts: Sequence[str]) -> list[int]:
        """Count the tokens of texts.

        Args:
            texts: The texts.

        Returns:
            The number of tokens of each.

        Raises:
            APIError: A request was lost.
            CapabilityError: The server has no tokenizer, and reports no usage.
        """
        return run(lambda: self._count(texts))

    async def _find(self) -> str:
        async with self._engine() as engine:
            self._tokenizer, tokens = await find_tokenizer(engine.ask, self._model, _PROBE, self._special)
        if self._tokenizer is None or tokens is None:
            return f"usage:{self._model}"
        digest = hashlib.sha256(json.dumps(tokens.ids).encode()).hexdigest()[:12]
        return f"{self._tokenizer.kind}:{self._model}:{digest}"

    async def _count(self, texts: Sequence[str]) -> list[int]:
        free = asyncio.Semaphore(_CONCURRENCY)

        async def one(ask: Ask, text: str) -> int:
            async with free:
                if self._tokenizer is not None:
                    return len((await self._tokenizer.encode(ask, text, self._special)).ids)
                return await self._reported(ask, text)

        async with self._engine() as engine:
            return await asyncio.gather(*(one(engine.ask, text) for text in texts))

    async def _reported(self, ask: Ask, text: str) -> int:
        reply = await ask(self._usage_call(text))
        if reply.usage is None or not reply.usage.prompt:
            raise CapabilityError("The server has no tokenizer endpoint, and its answers have no usage.prompt_tokens.")
        return reply.usage.prompt
