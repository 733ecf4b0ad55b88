"""Write log-probabilities of tokens as JSON, in the shapes that APIs use."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass

from lm_eval.mock_server.json_text import JsonObject, RawJSON
from lm_eval.mock_server.ngram import Context
from lm_eval.mock_server.profiles import Profile
from lm_eval.mock_server.token_text import lone_token_text, token_texts
from lm_eval.mock_server.tokenizer import Tokenizer

__all__ = ["LogprobWriter", "ScoredTokens"]

_CACHED_PIECES = 200_000


@dataclass
class ScoredTokens:
    """Tokens, and the context that each was drawn from.

    Attributes:
        ids: The tokens.
        contexts: The context of each token; None if the server gives no log-probability.
        texts: The text of each token, as the server writes it.
    """

    ids: list[int]
    contexts: list[Context | None]
    texts: list[str]

    def extend(self, other: ScoredTokens) -> None:
        """Append tokens.

        Args:
            other: The tokens.
        """
        self.ids += other.ids
        self.contexts += other.contexts
        self.texts += other.texts


class LogprobWriter:
    """Writes log-probabilities as a profile does, and caches the pieces, since the same tokens occur again."""

    def __init__(self, profile: Profile, tokenizer: Tokenizer) -> None:
        """Start with an empty cache.

        Args:
            profile: The profile of the server.
            tokenizer: The tokenizer.
        """
        self._profile, self._tokenizer = profile, tokenizer
        self._pieces: dict[tuple[int, int, int, str], tuple[str, str]] = {}
        self._prompt_pieces: dict[tuple[int, int, int, str], str] = {}

    def legacy(self, tokens: ScoredTokens, top: int, *, as_ids: bool = False) -> RawJSON:
        """Write the four lists of the completions API.

        Args:
            tokens: Prompt tokens, generated tokens, or both.
            top: The number of alternatives to list in addition to the token itself.
            as_ids: Write tokens as ``token_id:N``.

        Returns:
            An object of ``text_offset``, ``token_logprobs``, ``tokens`` and ``top_logprobs``.
        """
        texts = [f"token_id:{token}" for token in tokens.ids] if as_ids else tokens.texts
        values: list[str] = []
        tops: list[str] = []
        pieces = self._pieces
        for token, context, text in zip(tokens.ids, tokens.contexts, texts, strict=True):
            if context is None:
                values.append("null")
                tops.append("null")
                continue
            key = (id(context), token, top, text)
            piece = pieces.get(key)
            if piece is None:
                piece = self._legacy_piece(context, token, text, top, as_ids)
                if len(pieces) >= _CACHED_PIECES:
                    pieces.clear()
                pieces[key] = piece
            values.append(piece[0])
            tops.append(piece[1])
        offsets = self._offsets(tokens, texts)
        names = json.dumps(texts, ensure_ascii=False, separators=(",", ":"))
        return RawJSON(
            f'{{"text_offset":{offsets},"token_logprobs":[{",".join(values)}],"tokens":{names},'
            f'"top_logprobs":[{",".join(tops)}]}}'
        )

    def _legacy_piece(self, context: Context, token: int, text: str, top: int, as_ids: bool) -> tuple[str, str]:
        profile = self._profile
        logprob = context.logprob(token)
        listed = {text: logprob} if profile.always_lists_token else {}
        for other, value in context.top(top):
            if other == token and profile.always_lists_token:
                continue
            name = f"token_id:{other}" if as_ids else lone_token_text(self._tokenizer, other, profile.token_style)
            if profile.merges_colliding_texts or name not in listed:
                listed[name] = value
        return repr(logprob), json.dumps(listed, ensure_ascii=False, separators=(",", ":"))

    def _offsets(self, tokens: ScoredTokens, texts: Sequence[str]) -> list[int]:
        profile = self._profile
        if profile.offsets == "minus-one":
            return [-1] * len(texts)
        measured = tokens.texts if profile.offsets == "exact" else texts
        if profile.offsets == "exact" and profile.token_style in ("escape", "replace"):
            measured = token_texts(self._tokenizer, tokens.ids, "carry", show_special=profile.shows_special)
        return list(itertools.accumulate(map(len, measured), initial=0))[:-1]

    def content(self, tokens: ScoredTokens, top: int) -> list[JsonObject]:
        """Write the entries of the chat API.

        Args:
            tokens: Generated tokens.
            top: The number of alternatives to list.

        Returns:
            One entry per token. Some profiles add ids, and omit a token that ends inside a character.
        """
        raw, with_ids = self._tokenizer.token_bytes, self._profile.logprobs_with_ids
        entries: list[JsonObject] = []
        for token, context, text in zip(tokens.ids, tokens.contexts, tokens.texts, strict=True):
            if context is None or (with_ids and _ends_inside_character(raw[token])):
                continue
            entry = self._entry(token, text, context.logprob(token))
            entry["top_logprobs"] = [
                self._entry(other, lone_token_text(self._tokenizer, other, self._profile.token_style), value)
                for other, value in context.top(top)
            ]
            entries.append(entry)
        return entries

    def _entry(self, token: int, text: str, logprob: float) -> JsonObject:
        token_bytes = list(self._tokenizer.token_bytes[token])
        entry: JsonObject = {"token": text, "logprob": logprob, "bytes": token_bytes}
        return {"id": token, **entry} if self._profile.logprobs_with_ids else entry

    def prompt(self, tokens: ScoredTokens, top: int) -> RawJSON:
        """Write vLLM's ``prompt_logprobs``.

        Args:
            tokens: Prompt tokens, including a shown ``<s>``.
            top: The number of alternatives to list in addition to the token itself.

        Returns:
            A list of one object per token, keyed by token id; null for the first token.
        """
        pieces = self._prompt_pieces
        entries: list[str] = []
        for token, context, text in zip(tokens.ids, tokens.contexts, tokens.texts, strict=True):
            if context is None:
                entries.append("null")
                continue
            key = (id(context), token, top, text)
            piece = pieces.get(key)
            if piece is None:
                piece = self._prompt_piece(context, token, text, top)
                if len(pieces) >= _CACHED_PIECES:
                    pieces.clear()
                pieces[key] = piece
            entries.append(piece)
        return RawJSON(f"[{','.join(entries)}]")

    def _prompt_piece(self, context: Context, token: int, text: str, top: int) -> str:
        listed = {str(token): {"logprob": context.logprob(token), "rank": context.rank(token), "decoded_token": text}}
        for rank, (other, value) in enumerate(context.top(top), start=1):
            name = lone_token_text(self._tokenizer, other, "carry")
            listed.setdefault(str(other), {"logprob": value, "rank": rank, "decoded_token": name})
        return json.dumps(listed, ensure_ascii=False, separators=(",", ":"))


def _ends_inside_character(piece: bytes) -> bool:
    """Check whether a token starts a character without ending it."""
    for length in range(1, min(4, len(piece)) + 1):
        byte = piece[-length]
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return needed > length
        if byte < 0x80:
            return False
    return False
