"""How servers write single tokens as text: they differ in tokens that hold part of a character."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Literal

from lm_eval.mock_server.tokenizer import Tokenizer

__all__ = ["TokenStyle", "lone_token_text", "token_texts"]

TokenStyle = Literal["carry", "drop", "escape", "replace"]
"""``carry``: the complete character on its last token, nothing before. ``drop``: incomplete bytes are left out.
``escape``: ``bytes:\\xe6\\x97``. ``replace``: U+FFFD for each token with incomplete bytes."""


def token_texts(
    tokenizer: Tokenizer, ids: Sequence[int], style: TokenStyle = "carry", *, show_special: bool = True
) -> list[str]:
    """Write each token of a sequence.

    Args:
        tokenizer: The tokenizer.
        ids: The tokens.
        style: How to write incomplete characters.
        show_special: Write special tokens by name; otherwise as an empty text.

    Returns:
        One text per token.
    """
    complete = tokenizer.token_text
    texts: list[str] = []
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    pending = False
    for token in ids:
        text = complete[token]
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
    """Write one token without its neighbours, as in a list of alternatives.

    Args:
        tokenizer: The tokenizer.
        token: The token.
        style: How to write an incomplete character.
        show_special: Write a special token by name; otherwise as an empty text.

    Returns:
        The text.
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
