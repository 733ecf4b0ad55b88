"""Whether the tokens of an answer are those of the text that was sent.

The texts of tokens are compared exactly first. Where they differ, because a server drops white space, decodes bytes of
a character on its own or normalises text, only ASCII characters other than white space count, in small letters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence

from lm_eval.models.logprobs.seams import unescaped

__all__ = ["seam_fits", "spells", "spells_end"]

_TAIL = 8
"""The number of tokens at the end of a prompt that are compared."""
_MAX_BYTES = 4
"""The maximum number of bytes of a character."""
_REST = re.compile(r"[^!-~]+")
_NO_LETTER = re.compile(r"[^a-z0-9]+")
_NAME = re.compile(r"<.+>|\[.+\]", re.DOTALL)
"""A token that is written by its name, such as ``<0x0A>`` or ``<s>``."""
_Same = Callable[[str, str], bool]
_SAME: dict[str, _Same] = {"all": str.__eq__, "end": str.endswith, "any": str.__contains__}


def _visible(text: str) -> str:
    return _REST.sub("", text.lower())


def _letters(text: str) -> str:
    return _NO_LETTER.sub("", text.lower())


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _compare(tokens: Sequence[str], text: str, same: _Same) -> bool:
    """Compare tokens with a text: exactly, else by their visible ASCII characters, also of the normalised texts."""
    if same(text, "".join(tokens)):
        return True
    shown = _shown(tokens, text)
    return same(_visible(text), _visible(shown)) or same(_visible(_normal(text)), _visible(_normal(shown)))


def spells(tokens: Sequence[str], text: str, part: str = "all") -> bool:
    """Return whether tokens spell a text.

    Args:
        tokens: The texts of the tokens.
        text: The text.
        part: What they spell: ``all`` of it, its ``end``, or ``any`` part of it. Default ``all``.
    """
    return _compare(tokens, text, _SAME[part])


def spells_end(tokens: Sequence[str], text: str) -> bool:
    """Return whether the last tokens spell the end of a text.

    Args:
        tokens: The texts of the tokens.
        text: The text.
    """
    last = tokens[-_TAIL:]
    joined = "".join(last)
    if text.endswith(joined):
        return True
    # Only the end of a long text is compared; normalised tokens are not much shorter than their text.
    return _compare(last, text[-max(4 * len(joined), 200) :], str.endswith)


def seam_fits(tokens: Sequence[str], seam: int, continuation: str) -> bool:
    """Return whether a continuation can start at a token: the tokens from there on end with it, those after do not.

    Args:
        tokens: The texts of the prompt's tokens.
        seam: The index of the token.
        continuation: The continuation.
    """
    after = "".join(tokens[seam + 1 :])
    if (tokens[seam] + after).endswith(continuation):
        # The texts of a character's first bytes are empty, or say nothing: the token that follows them counts.
        first_shown = next((place for place in range(seam, len(tokens)) if tokens[place].strip("\ufffd")), len(tokens))
        return first_shown - seam < _MAX_BYTES and len("".join(tokens[first_shown + 1 :])) < len(continuation)
    wanted = _letters(continuation)
    first, rest = _shown(tokens[seam : seam + 1], continuation), _shown(tokens[seam + 1 :], continuation)
    letters, others = _letters(first), _letters(rest)
    if not (letters + others).endswith(wanted):
        wanted, letters, others = (_letters(_normal(piece)) for piece in (continuation, first, rest))
    before = len(letters) + len(others) - len(wanted)
    if before < 0 or not (letters + others).endswith(wanted):
        return False
    # Letters of the context are in the first token at most, and that token holds more than the end of the context.
    return before < len(letters) or before == 0 or (before == len(letters) and not first[-1].isalnum())


def _shown(tokens: Sequence[str], text: str) -> str:
    """Join tokens without those that are written by a name that the text does not have."""
    kept = (unescaped(token) or b"" for token in tokens if not _NAME.fullmatch(token) or token in text)
    return b"".join(kept).decode("utf-8", "replace")
