"""Output to a terminal or file that cannot show every character."""

from __future__ import annotations

import codecs
import sys
import unicodedata

__all__ = ["use_nearest_characters"]

_PAIRS = """
≤ <= ≥ >= ≠ != ≈ ~ ± +- × x · - • - … ... – - — - − - ‘ ' ’ ' “ " ” " « << » >> → -> ← <- ↑ ^ ↓ v
│ | ─ - ├ | └ ` █ # ▏ | Δ d Σ S ß ss ø o Ø O æ ae œ oe € EUR
"""  # noqa: RUF001 - the characters that are replaced
_NEAREST = dict(zip(_PAIRS.split()[::2], _PAIRS.split()[1::2], strict=True))
_HANDLER = "lm_eval.nearest"


def _nearest(error: UnicodeError) -> tuple[str, int]:
    """Replace characters that an encoding lacks; what has no nearest character is shown as its escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = []
    for char in error.object[error.start : error.end]:
        near = _NEAREST.get(char) or unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode()
        found.append(near or char.encode("ascii", "backslashreplace").decode())
    return "".join(found), error.end


def use_nearest_characters() -> None:
    """Let stdout and stderr write the nearest characters instead of failing at those that their encoding lacks."""
    codecs.register_error(_HANDLER, _nearest)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_HANDLER)
