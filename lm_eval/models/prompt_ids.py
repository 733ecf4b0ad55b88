"""Prompts of generation as token ids, where text cannot say what is wanted: no BOS token, or a cut on the left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lm_eval.errors import ContextLengthExceeded
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.server.tokenizer import RemoteTokenizer
from lm_eval.models.work import Ask

__all__ = ["PromptIds"]


@dataclass(frozen=True, slots=True)
class PromptIds:
    """Turns prompts into token ids.

    Attributes:
        tokenizer: The server's tokenizer.
        settings: Says whether BOS is added, and counts cut prompts.
        window: The model's window in tokens, in which prompt and response must fit; None cuts nothing.
    """

    tokenizer: RemoteTokenizer
    settings: ScoringSettings
    window: int | None = None

    async def of(self, ask: Ask, prompts: Sequence[str], max_tokens: int) -> list[list[int]] | None:
        """Tokenize the prompts of a request, and cut the left end of those that leave no room for the response.

        The room for a prompt is the window without ``max_tokens`` and without one more token, as in the reference
        harness.

        Args:
            ask: Sends the calls to the server's tokenizer.
            prompts: The prompts.
            max_tokens: The maximum number of tokens to generate.

        Returns:
            Token ids; None when the prompts can be sent as text.

        Raises:
            ContextLengthExceeded: With ``truncate=true``, ``max_tokens`` alone fills the window.
            APIError: A call was lost, or its answer contains no tokens.
        """
        settings, room = self.settings, None if self.window is None else self.window - 1 - max_tokens
        if room is not None and room < 1 and not settings.truncate:
            room = None
        if room is not None and room < 1:
            message = f"max_gen_toks={max_tokens} leaves no room for a prompt in a window of {self.window} tokens"
            raise ContextLengthExceeded(message, advice="lower max_gen_toks")
        # A token has at least one byte, and one place is needed for a BOS token.
        fits = room is None or all(len(text.encode("utf-8", "surrogatepass")) < room for text in prompts)
        if fits and not settings.ids_only:
            return None
        special = [settings.special and not settings.starts_with_bos(text) for text in prompts]
        ids = [(await self.tokenizer.encode(ask, *pair)).ids for pair in zip(prompts, special, strict=True)]
        # Without truncate=true, a prompt that fits the window is cut, and one that does not is left to be an error.
        longest = None if settings.truncate or self.window is None else self.window - 1
        fitting = [room is not None and (longest is None or len(tokens) <= longest) for tokens in ids]
        cuts = [max(len(tokens) - (room or 0), 0) if fits else 0 for tokens, fits in zip(ids, fitting, strict=True)]
        if not any(cuts) and not settings.ids_only:
            return None
        for text, cut in zip(prompts, cuts, strict=True):
            if cut:
                settings.cuts.add(text, cut)
        return [tokens[cut:] for tokens, cut in zip(ids, cuts, strict=True)]
