"""How servers write single tokens as text: what happens to bytes that are only part of a character differs."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Literal

from lm_eval.mock_server.tokenizer import Tokenizer

__all__ = ["TokenStyle", "lone_token_text", "token_texts"]

TokenStyle = Literal["carry", "drop", "escape", "replace"]
"""``carry``: nothing until the character is whole, then all of it on its last token. ``drop``: incomplete bytes vanish.
``escape``: ``bytes:\\xe6\\x97``. ``replace``: U+FFFD for each token with incomplete bytes."""


def token_texts(
    tokenizer: Tokenizer, ids: Sequence[int], style: TokenStyle = "carry", *, show_special: bool = True
) -> list[str]:
    """Write each token of a sequence.

    Args:
        tokenizer: The tokenizer.
        ids: The tokens.
        style: What to do with incomplete characters.
        show_special: Write special tokens by name; otherwise as nothing.

    Returns:
        One text a token.
    """
    whole = tokenizer.token_text
    texts: list[str] = []
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    pending = False
    for token in ids:
        text = whole[token]
        if tokenizer.is_special(token):
            texts.append((text or "") if show_special else "")
        elif style != "carry":
            texts.append(lone_token_text(tokenizer, token, style))
        elif text is not None and not pending:
            texts.append(text)
        else:
            texts.append(decoder.decode(tokenizer.token_bytes[token]))
            pending = bool(decoder.getstate()[0])
    return texts


def lone_token_text(tokenizer: Tokenizer, token: int, style: TokenStyle, *, show_special: bool = True) -> str:
    """Write one token out of sequence, as in a list of alternatives.

    Args:
        tokenizer: The tokenizer.
        token: The token.
        style: What to do with an incomplete character.
        show_special: Write a special token by name; otherwise as nothing.

    Returns:
        Its text.
    """
    if tokenizer.is_special(token) and not show_special:
        return ""
    text = tokenizer.token_text[token]
    if text is not None:
        return text
    piece = tokenizer.token_bytes[token]
    if style == "escape":
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in piece)
    if style == "replace":
        return piece.decode("utf-8", "replace")
    return "" if style == "carry" else piece.decode("utf-8", "ignore")
