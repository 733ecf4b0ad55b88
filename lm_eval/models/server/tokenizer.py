"""The server's own tokenizer, where it offers one.

Four kinds are known: ``vllm`` (SGLang too), ``llamacpp`` and ``tgi`` at ``/tokenize``, and ``extras``
(llama-cpp-python) at ``/extras/tokenize``. They differ in the fields of requests and answers.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lm_eval.errors import APIError, CheckFailed, MalformedResponse
from lm_eval.models.logprobs.blocks import reading
from lm_eval.models.work import Ask, Call

__all__ = ["KINDS", "RemoteTokenizer", "Tokens", "find_tokenizer", "read_tokens", "same_text"]

KINDS = ("vllm", "llamacpp", "extras", "tgi")


@dataclass(frozen=True, slots=True)
class Tokens:
    """A tokenized text.

    Attributes:
        ids: Token ids.
        pieces: The bytes of each token; None when the server does not list them.
        max_length: The model's window in tokens; None when the server does not say.
    """

    ids: list[int]
    pieces: list[bytes] | None = None
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class RemoteTokenizer:
    """Tokenizes through the server.

    Attributes:
        kind: Whose fields it uses, one of ``KINDS``.
        model: The model's name.
    """

    kind: str
    model: str

    @property
    def takes_special(self) -> bool:
        """Whether it can be asked to add no special tokens, by a server that also takes token ids as prompts."""
        return self.kind in ("vllm", "llamacpp")

    def call(self, text: str, special: bool = True) -> Call:
        """Build the request that tokenizes a text.

        Args:
            text: The text.
            special: Whether special tokens such as BOS are added as for a prompt. Default True.

        Returns:
            The call.
        """
        if self.kind == "extras":
            return Call("//extras/tokenize", {"input": text})
        if self.kind == "llamacpp":
            return Call("//tokenize", {"content": text, "add_special": special, "with_pieces": True})
        if self.kind == "tgi":
            return Call("//tokenize", {"inputs": text, "add_special_tokens": special})
        return Call("//tokenize", {"model": self.model, "prompt": text, "add_special_tokens": special})

    async def encode(self, ask: Ask, text: str, special: bool = True) -> Tokens:
        """Tokenize a text.

        Args:
            ask: Sends the call.
            text: The text.
            special: Whether special tokens such as BOS are added as for a prompt. Default True.

        Returns:
            Its tokens.

        Raises:
            APIError: The call was lost, or its answer contains no tokens.
        """
        if not text and not special:
            return Tokens([], [])
        reply = await ask(self.call(text, special))
        tokens = read_tokens(reply.body)
        if tokens is None:
            raise MalformedResponse("The tokenizer's answer has no tokens", endpoint=reply.endpoint)
        if tokens.pieces is not None and not _spell(tokens.pieces, text):
            raise CheckFailed("The tokenizer's answer does not spell the text", endpoint=reply.endpoint, retryable=True)
        return tokens

    async def decode(self, ask: Ask, ids: Sequence[int]) -> str:
        """Turn token ids into text.

        Args:
            ask: Sends the call.
            ids: Token ids.

        Returns:
            The text.

        Raises:
            APIError: The call was lost, or its answer contains no text.
        """
        path = "//extras/detokenize" if self.kind == "extras" else "//detokenize"
        payload: dict[str, object] = {"tokens": list(ids)}
        reply = await ask(Call(path, {"model": self.model, **payload} if self.kind == "vllm" else payload))
        body = reply.body if isinstance(reply.body, Mapping) else {}
        text = next((body[key] for key in ("prompt", "content", "text") if isinstance(body.get(key), str)), None)
        if text is None:
            raise MalformedResponse("The detokenizer's answer has no text", endpoint=reply.endpoint)
        return str(text)


@reading
def read_tokens(body: object) -> Tokens | None:
    """Read the answer of a tokenizer of any kind.

    Args:
        body: The parsed JSON.

    Returns:
        The tokens, or None when the answer contains none.
    """
    tokens = body.get("tokens") if isinstance(body, Mapping) else body
    if not isinstance(tokens, list):
        return None
    if isinstance(body, Mapping) and body.get("count", len(tokens)) != len(tokens):
        return None
    limit = body.get("max_model_len") if isinstance(body, Mapping) else None
    limit = limit if isinstance(limit, int) and limit > 0 else None
    if all(isinstance(token, int) for token in tokens):
        return Tokens(tokens, None, limit)
    if not all(isinstance(token, Mapping) and isinstance(token.get("id"), int) for token in tokens):
        return None
    pieces = [_bytes(token.get("piece")) for token in tokens]
    known = [piece for piece in pieces if piece is not None]
    if known and len(known) < len(pieces):
        return None
    return Tokens([token["id"] for token in tokens], known or None, limit)


def _spell(pieces: Sequence[bytes], text: str) -> bool:
    """Return whether the bytes of tokens are those of a text, after a BOS token or none."""
    wanted = text.encode("utf-8", "surrogatepass")
    starts = b"".join(pieces), b"".join(pieces[1:])
    return wanted in starts or any(same_text(start, text) for start in starts)


def same_text(raw: bytes, text: str) -> bool:
    """Return whether the bytes of tokens are a text, apart from what tokenizers change.

    Args:
        raw: The joined bytes.
        text: The text.
    """
    return _normal(raw) == _normal(text.encode("utf-8", "surrogatepass"))


def _normal(raw: bytes) -> str:
    """Return a text without what tokenizers change: white space, capital letters, forms of the same character."""
    text = unicodedata.normalize("NFKC", raw.decode("utf-8", "replace")).lower()
    return "".join(text.split())


def _bytes(piece: object) -> bytes | None:
    if isinstance(piece, str):
        return piece.encode("utf-8", "surrogatepass")
    if isinstance(piece, list) and all(isinstance(byte, int) and 0 <= byte < 256 for byte in piece):
        return bytes(piece)
    return None


def _kind_of(body: object) -> str | None:
    if isinstance(body, list):
        return "tgi"
    if not isinstance(body, Mapping) or not isinstance(body.get("tokens"), list):
        return None
    tokens = body["tokens"]
    return "llamacpp" if tokens and isinstance(tokens[0], Mapping) else "vllm"


async def find_tokenizer(
    ask: Ask, model: str, text: str, special: bool = True
) -> tuple[RemoteTokenizer | None, Tokens | None]:
    """Find the tokenizer that a server offers, with at most two requests.

    Args:
        ask: Sends calls.
        model: The model's name.
        text: The text to tokenize.
        special: Whether special tokens such as BOS are added as for a prompt. Default True.

    Returns:
        The tokenizer and the text's tokens; None for both when there is none.
    """
    # One body that every kind of server understands: each reads its own fields and ignores the others.
    body = {
        "model": model, "prompt": text, "content": text, "inputs": text,
        "add_special": special, "add_special_tokens": special, "with_pieces": True,
    }  # fmt: skip
    for path, payload in (("//tokenize", body), ("//extras/tokenize", {"input": text})):
        for _ in range(2):  # An answer without tokens may be a slip, and is asked for once more.
            try:
                reply = await ask(Call(path, payload))
            except APIError:
                break
            tokens, kind = read_tokens(reply.body), _kind_of(reply.body)
            right = tokens is not None and tokens.ids and (tokens.pieces is None or _spell(tokens.pieces, text))
            if tokens is not None and right and kind is not None:
                return RemoteTokenizer("extras" if "extras" in path else kind, model), tokens
    return None, None
