r"""The last ``\boxed{...}`` of a solution, under the names that task folders import."""

from __future__ import annotations

__all__ = ["last_boxed_only_string", "remove_boxed"]


def last_boxed_only_string(string: str) -> str | None:
    r"""Return the last ``\boxed{...}`` of a text with its braces; without one, the last ``\fbox{...}``.

    Args:
        string: LaTeX text.

    Returns:
        The part of the text; None if there is none, or it is not closed. After ``\boxed`` and a space it ends at the
        next dollar sign.
    """
    if "\\boxed " in string:
        return "\\boxed " + string.rpartition("\\boxed ")[2].partition("$")[0]
    start = string.rfind("\\boxed")
    start = string.rfind("\\fbox") if start < 0 else start
    depth = 0
    for place in range(start, len(string)) if start >= 0 else ():
        depth += {"{": 1, "}": -1}.get(string[place], 0)
        if string[place] == "}" and depth == 0:
            return string[start : place + 1]
    return None


def remove_boxed(s: str) -> str:
    r"""Return what is in a ``\boxed{...}``.

    Args:
        s: A part of a text, as ``last_boxed_only_string`` returns it.

    Raises:
        AssertionError: The text is not all of a ``\boxed``.
    """
    left, right = ("\\boxed ", "") if "\\boxed " in s else ("\\boxed{", "}")
    assert s.startswith(left) and s.endswith(right), f"{s!r} is no \\boxed{{...}}."
    return s[len(left) : len(s) - len(right)]
