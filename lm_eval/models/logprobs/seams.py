"""Where a continuation starts among the tokens of an answer: the seam.

A token that spans the seam belongs to the continuation. ``split_pair`` moves trailing white space of a context to its
continuation, so the seam can be found even where a server decodes tokens without white space.

A token that holds only some bytes of a character decodes to an empty text, and the complete character is the text of
the token that ends it. Such empty tokens belong to the character that follows them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from lm_eval.models.logprobs.blocks import Block

__all__ = [
    "common_prefix",
    "prompt_tokens_of",
    "seam_by_offsets",
    "seam_by_pieces",
    "seam_by_texts",
    "split_pair",
    "unescaped",
    "without_spaces",
]

_ESCAPE = "bytes:"


def split_pair(context: str, continuation: str) -> tuple[str, str]:
    """Move the trailing white space of a context to the front of its continuation.

    Args:
        context: The context.
        continuation: The continuation.

    Returns:
        Both; their concatenation is unchanged.
    """
    stripped = context.rstrip()
    return stripped, context[len(stripped) :] + continuation


def without_spaces(text: str) -> str:
    """Return a text without any white space."""
    return "".join(text.split())


def common_prefix(left: Sequence[object], right: Sequence[object]) -> int:
    """Count the equal items at the start of two sequences."""
    for place, (item, other) in enumerate(zip(left, right, strict=False)):
        if item != other:
            return place
    return min(len(left), len(right))


def prompt_tokens_of(block: Block, prompt: str, listed: int | None, *, generates: bool = False) -> int | None:
    """Count the prompt's tokens in an echo, which may end in one generated token.

    Args:
        block: The echo.
        prompt: The prompt that was sent, as the echo's text starts.
        listed: How many prompt tokens the block should list, from the answer's ``usage``; None when unknown.
        generates: Whether the server is known to list the generated token too. Default False.

    Returns:
        The count, or None when it is uncertain or contradicts the number of tokens in the block or their texts.
    """
    count = len(block.tokens)
    generated = block.text[len(prompt) :] if block.text.startswith(prompt) else ""
    if listed is not None:
        if not 0 <= count - listed <= 1 or not listed:
            return None
        # The prompt ends with a complete character, so its last token is never an empty text.
        if listed == count and (block.tokens[-1] == "" or (generates and generated)):
            return None
        return listed if _ends_after(block.tokens, prompt, listed) else None
    if not block.tokens:
        return None
    if generated or block.tokens[-1] == "":
        return count - 1
    if prompt.endswith(block.tokens[-1]) or without_spaces(prompt).endswith(without_spaces(block.tokens[-1])):
        return count
    return count - 1


def _ends_after(tokens: Sequence[str], prompt: str, count: int) -> bool:
    """Return whether no other number of tokens spells the end of a prompt exactly, where this number does not."""
    ends = [prompt.endswith("".join(tokens[max(stop - 8, 0) : stop])) for stop in (count, count - 1, count + 1)]
    return ends[0] or not (ends[1] or (ends[2] and count < len(tokens)))


def seam_by_texts(tokens: Sequence[str], context: str, continuation: str) -> int | None:
    """Find a continuation's first token from the texts of the tokens, read from the right.

    The texts of the context's tokens are not compared, so special tokens that decode to nothing, normalised text and
    dropped bytes in the context do no harm.

    Args:
        tokens: The prompt's tokens, without a generated one.
        context: The context, without trailing white space.
        continuation: The continuation.

    Returns:
        The index of the first token, or None when the texts leave it uncertain.
    """
    if _has_escapes(tokens):
        return _seam_by_escapes(tokens, continuation)
    seam = _last_start(tokens, continuation)
    if seam is not None:
        before = "".join(tokens[seam:])[: -len(continuation)]
        if not context.endswith(before):
            return None
        return seam if before else _with_first_bytes(tokens, seam, context, continuation)
    # Some servers decode tokens without white space: compare everything without it.
    bare_continuation = without_spaces(continuation)
    bare = [without_spaces(token) for token in tokens]
    seam = _last_start(bare, bare_continuation)
    if seam is None or not bare_continuation:
        return None
    before = "".join(bare[seam:])[: -len(bare_continuation)]
    if before:
        return seam if without_spaces(context).endswith(before) else None
    while seam and tokens[seam - 1] and not bare[seam - 1]:
        seam -= 1
    return _with_first_bytes(tokens, seam, context, continuation)


def _last_start(tokens: Sequence[str], text: str) -> int | None:
    """Return the last index from which the joined tokens end with the text."""
    length, start = 0, len(tokens)
    while start and length < len(text):
        start -= 1
        length += len(tokens[start])
    return start if text and "".join(tokens[start:]).endswith(text) else None


def _with_first_bytes(tokens: Sequence[str], seam: int, context: str, continuation: str) -> int | None:
    """Move the seam left over the empty tokens that hold the first bytes of the continuation's first character."""
    empty = 0
    while seam - empty and tokens[seam - empty - 1] == "":
        empty += 1
    if not empty:
        return seam
    max_empty = len(continuation[0].encode("utf-8", "surrogatepass")) - 1
    if max_empty == 0:
        return seam
    if empty > max_empty or (context and not context[-1].isascii()):
        # Either bytes of two characters meet here, or a special token decodes to nothing. Texts cannot separate them.
        return None
    return seam - empty


def seam_by_offsets(block: Block, count: int, context: str, continuation: str) -> int | None:
    """Find a continuation's first token from the server's ``text_offset``.

    Args:
        block: An echo with offsets and text.
        count: The number of its tokens that are the prompt's.
        context: The context, without trailing white space.
        continuation: The continuation.

    Returns:
        The index of the first token, or None when the offsets contradict the text.
    """
    offsets, tokens = block.offsets, block.tokens
    if offsets is None or not count:
        return None
    prompt = context + continuation
    shift = _bos_characters(tokens, prompt, count) if tokens[0].startswith("<") else 0
    # The last token that starts at or before the end of the context.
    seam = bisect_right(offsets, len(context) + shift, 0, count) - 1
    start = offsets[seam] - shift if seam >= 0 else -1
    ends_in_context = start < 0 or start + len(tokens[seam]) <= len(context)
    if ends_in_context or not _spell_the_end(tokens, offsets, seam, count, prompt, shift):
        if _has_escapes(tokens[:count]):
            return _seam_by_escapes(tokens[:count], continuation)
        return None
    return seam if start < len(context) else _with_first_bytes(tokens, seam, context, continuation)


def _spell_the_end(
    tokens: Sequence[str], offsets: Sequence[int], seam: int, count: int, prompt: str, shift: int
) -> bool:
    """Return whether the tokens from the seam on, each at its offset, are exactly the end of the prompt.

    If they are, the seam is certain, whatever the offsets and texts of earlier tokens are.
    """
    start = offsets[seam] - shift
    for place in range(seam, count):
        if offsets[place] - shift != start or not prompt.startswith(tokens[place], start):
            return False
        start += len(tokens[place])
    return start == len(prompt)


def _bos_characters(tokens: Sequence[str], prompt: str, count: int) -> int:
    """Count the characters of BOS tokens that the offsets include and the prompt does not."""
    bos = tokens[0]
    if count < 2 or not (bos.startswith("<") and bos.endswith(">")):
        return 0
    listed = next((place for place, token in enumerate(tokens[:count]) if token != bos), count)
    sent = 0
    while prompt.startswith(bos, sent * len(bos)):
        sent += 1
    return max(listed - sent, 0) * len(bos)


def _has_escapes(tokens: Sequence[str]) -> bool:
    # The search in the joined text is fast and nearly always says no.
    return _ESCAPE in "".join(tokens) and any(token.startswith(_ESCAPE) for token in tokens)


def _seam_by_escapes(tokens: Sequence[str], continuation: str) -> int | None:
    """Find the seam where incomplete characters are written as ``bytes:`` and escapes, as OpenAI does."""
    pieces = [unescaped(token) for token in tokens]
    known = [piece for piece in pieces if piece is not None]
    return seam_by_pieces(known, continuation) if len(known) == len(pieces) else None


def unescaped(token: str) -> bytes | None:
    """Return the bytes of a token that may be written as ``bytes:`` and escapes; None where they cannot be read."""
    if not token.startswith(_ESCAPE):
        return token.encode("utf-8", "surrogatepass")
    try:
        return token.removeprefix(_ESCAPE).encode("ascii").decode("unicode_escape").encode("latin-1")
    except UnicodeError:
        return None


def seam_by_pieces(pieces: Sequence[bytes], continuation: str) -> int | None:
    """Find a continuation's first token from the bytes of the tokens.

    Args:
        pieces: The bytes of each token of context and continuation.
        continuation: The continuation.

    Returns:
        The index of the first token, or None when the tokens do not end with the continuation.
    """
    wanted = continuation.encode("utf-8", "surrogatepass")
    length, seam = 0, len(pieces)
    while seam and length < len(wanted):
        seam -= 1
        length += len(pieces[seam])
    return seam if wanted and b"".join(pieces[seam:]).endswith(wanted) else None
