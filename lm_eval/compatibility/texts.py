"""Constants and a function for texts on a terminal."""

from __future__ import annotations

import inspect
import textwrap
from typing import Any

__all__ = ["HIGHER_IS_BETTER_SYMBOLS", "SPACING", "wrap_text"]

SPACING = " " * 47
"""What indents the second line of a log line in the reference harness."""
HIGHER_IS_BETTER_SYMBOLS = {True: "↑", False: "↓"}
"""Whether a higher score is better, to the arrow in tables."""


def wrap_text(string: str, width: int = 140, **kwargs: Any) -> str:
    """Break a text into lines, all but the first indented by eight spaces.

    Args:
        string: The text; its own indentation is removed.
        width: Maximum length of a line; a longer word stays whole.
        **kwargs: For ``textwrap.fill``.
    """
    options = {"subsequent_indent": " " * 8, "break_long_words": False, "break_on_hyphens": False, **kwargs}
    return textwrap.fill(inspect.cleandoc(string), width=width, **options)
