"""MathQA: the options are in one text, ``a ) 5 , b ) 6 , …``."""

from __future__ import annotations

import re
from typing import Any

# An option ends at the first comma with a space before it; the last one at the end.
_OPTION = re.compile(r"[abcd] \) .*?, |e \) .*?$")


def choices(doc: dict[str, Any]) -> list[str]:
    """Return the options without their letters.

    Args:
        doc: A row with ``options``.
    """
    return [option[len("a ) ") :].rstrip(" ,") for option in _OPTION.findall(doc["options"])]


# The name that task folders import from here.
doc_to_choice = choices
