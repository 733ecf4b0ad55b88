"""Where a continuation starts among the tokens of an answer, and where rolling windows start and end.

Pure functions. A token that reaches over the seam belongs to the continuation. After ``split_pair`` a context never
ends in white space, so the seam can be found even where a server decodes tokens without their white space.

A token that holds only some bytes of a character decodes to nothing; the whole character is then on the token that
completes it. Such empty tokens belong to the character that follows them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from lm_eval.models.logprobs.blocks import Block

__all__ = [
    "Window",
    "common_prefix",
    "prompt_tokens_of",
    "seam_by_offsets",
    "seam_by_pieces",
    "seam_by_texts",
    "split_pair",
    "squash",
    "windows",
]


_ESCAPE = "bytes:"


class Window(NamedTuple):
    """A window over a document's tokens.

    Attributes:
        start: The first token given as context; -1 stands for the prefix token.
        first: The first token predicted.
        stop: The place after the last token predicted.
    """

    start: int
    first: int
    stop: int


def split_pair(context: str, continuation: str) -> tuple[str, str]:
    """Move the trailing white space of a context to the front of its continuation.

    Args:
        context: The context.
        continuation: The continuation.

    Returns:
        Both, with the same concatenation.
    """
    stripped = context.rstrip()
    return stripped, context[len(stripped) :] + continuation


def squash(text: str) -> str:
    """Take all white space out of a text."""
    return "".join(text.split())


def common_prefix(left: Sequence[object], right: Sequence[object]) -> int:
    """Count the equal items two sequences start with."""
    for place, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return place
    return min(len(left), len(right))


def prompt_tokens_of(block: Block, prompt: str, listed: int | None) -> int | None:
    """Count the prompt's tokens in an echoed block, which may end in one generated token.

    Args:
        block: The echoed block.
        prompt: The prompt that was sent.
        listed: How many tokens of the prompt the block lists by the server's own usage count, when that is known.

    Returns:
        The count, or None when it cannot be told, or contradicts the number of tokens.
    """
    count = len(block.tokens)
    if listed is not None:
        return listed if 0 <= count - listed <= 1 else None
    if not block.tokens:
        return None
    tail = block.text[len(prompt) :] if block.text.startswith(prompt) else ""
    if tail or block.tokens[-1] == "":
        # A prompt is whole characters, so its last token never decodes to nothing.
        return count - 1
    if prompt.endswith(block.tokens[-1]) or squash(prompt).endswith(squash(block.tokens[-1])):
        return count
    return count - 1


def seam_by_texts(tokens: Sequence[str], context: str, continuation: str) -> int | None:
    """Find a continuation's first token from the texts of the tokens, read from the right.

    What the tokens of the context decode to does not matter: special tokens that decode to nothing, normalised
    text and dropped bytes on that side are harmless.

    Args:
        tokens: The prompt's tokens, without a generated one.
        context: The context, without trailing white space.
        continuation: The continuation.

    Returns:
        The index of the first token, or None when the texts do not settle it.
    """
    if any(token.startswith(_ESCAPE) for token in tokens):
        return _seam_by_escapes(tokens, continuation)
    seam = _cover(tokens, continuation)
    if seam is not None:
        extra = "".join(tokens[seam:])[: -len(continuation)]
        if not context.endswith(extra):
            return None
        return seam if extra else _with_first_bytes(tokens, seam, context, continuation)
    want = squash(continuation)
    bare = [squash(token) for token in tokens]
    seam = _cover(bare, want)
    if seam is None or not want:
        return None
    extra = "".join(bare[seam:])[: -len(want)]
    if extra:
        return seam if squash(context).endswith(extra) else None
    while seam and tokens[seam - 1] and not bare[seam - 1]:
        seam -= 1
    return _with_first_bytes(tokens, seam, context, continuation)


def _cover(tokens: Sequence[str], text: str) -> int | None:
    """Find the last index from which the tokens, joined, end in the text."""
    length, seam = 0, len(tokens)
    while seam and length < len(text):
        seam -= 1
        length += len(tokens[seam])
    return seam if text and "".join(tokens[seam:]).endswith(text) else None


def _with_first_bytes(tokens: Sequence[str], seam: int, context: str, continuation: str) -> int | None:
    """Take in the empty tokens that hold the first bytes of the continuation's first character."""
    empty = 0
    while seam - empty and tokens[seam - empty - 1] == "":
        empty += 1
    if not empty:
        return seam
    most = len(continuation[0].encode("utf-8", "surrogatepass")) - 1
    if most == 0:
        return seam
    if empty > most or (context and not context[-1].isascii()):
        # The bytes of two characters meet, or a special token decodes to nothing: texts cannot tell them apart.
        return None
    return seam - empty


def seam_by_offsets(block: Block, count: int, context: str, continuation: str) -> int | None:
    """Find a continuation's first token from the server's offsets.

    Args:
        block: An echoed block with offsets and text.
        count: How many of its tokens are the prompt's.
        context: The context, without trailing white space.
        continuation: The continuation.

    Returns:
        The index of the first token, or None when the offsets contradict the text.
    """
    offsets, tokens = block.offsets, block.tokens
    if offsets is None or not count:
        return None
    prompt = context + continuation
    shift = _shift(tokens, prompt, count) if tokens[0].startswith("<") else 0
    # The last token that does not start beyond the context.
    seam = bisect_right(offsets, len(context) + shift, 0, count) - 1
    start = offsets[seam] - shift if seam >= 0 else -1
    if start < 0 or start + len(tokens[seam]) <= len(context) or not _spells(block, seam, count, prompt, shift):
        if any(token.startswith(_ESCAPE) for token in tokens[:count]):
            return _seam_by_escapes(tokens[:count], continuation)
        return None
    return seam if start < len(context) else _with_first_bytes(tokens, seam, context, continuation)


def _spells(block: Block, seam: int, count: int, prompt: str, shift: int) -> bool:
    """Tell whether the tokens from the seam on, each at its offset, make up the prompt from there to its end.

    If they do, the place of the seam is certain, whatever the offsets and texts of the tokens before it are.
    """
    offsets, tokens = block.offsets or [], block.tokens
    start = offsets[seam] - shift
    for place in range(seam, count):
        if offsets[place] - shift != start or not prompt.startswith(tokens[place], start):
            return False
        start += len(tokens[place])
    return start == len(prompt)


def _shift(tokens: Sequence[str], prompt: str, count: int) -> int:
    """Count the characters of a BOS token that offsets include and the text does not."""
    bos = tokens[0]
    if count < 2 or not (bos.startswith("<") and bos.endswith(">")):
        return 0
    listed = next((place for place, token in enumerate(tokens[:count]) if token != bos), count)
    sent = 0
    while prompt.startswith(bos, sent * len(bos)):
        sent += 1
    return max(listed - sent, 0) * len(bos)


def _seam_by_escapes(tokens: Sequence[str], continuation: str) -> int | None:
    """Find the seam where incomplete characters are written as ``bytes:`` and escapes, as OpenAI does."""
    pieces = []
    for token in tokens:
        if token.startswith(_ESCAPE):
            try:
                pieces.append(token.removeprefix(_ESCAPE).encode("ascii").decode("unicode_escape").encode("latin-1"))
            except UnicodeError:
                return None
        else:
            pieces.append(token.encode("utf-8", "surrogatepass"))
    return seam_by_pieces(pieces, continuation)


def seam_by_pieces(pieces: Sequence[bytes], continuation: str) -> int | None:
    """Find a continuation's first token from the bytes of the tokens.

    Args:
        pieces: The bytes of each token of context and continuation.
        continuation: The continuation.

    Returns:
        The index of the first token, or None when the tokens do not end in the continuation.
    """
    want = continuation.encode("utf-8", "surrogatepass")
    length, seam = 0, len(pieces)
    while seam and length < len(want):
        seam -= 1
        length += len(pieces[seam])
    return seam if want and b"".join(pieces[seam:]).endswith(want) else None


def windows(count: int, most: int) -> list[Window]:
    """Cut a document in windows that predict each token exactly once.

    All windows but the last follow one another; the last keeps a full window of context and predicts only what is
    new. Each has one token of context more than it needs to predict ``most`` tokens.

    Args:
        count: The document's tokens.
        most: The most tokens a window predicts, at least 1.

    Returns:
        The windows, in order.
    """
    cuts = []
    for first in range(0, count, most):
        stop = min(first + most, count)
        cuts.append(Window(stop - most - 1 if first else -1, first, stop))
    return cuts
