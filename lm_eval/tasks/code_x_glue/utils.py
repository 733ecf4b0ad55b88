"""CodeXGLUE, code to text: the tokens of functions and of their descriptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["doc_to_target", "doc_to_text"]


def doc_to_text(doc: Mapping[str, Sequence[str]]) -> str:
    """Return the code on one line.

    Args:
        doc: A row with ``code_tokens``.
    """
    return " ".join(" ".join(doc["code_tokens"]).split())


def doc_to_target(doc: Mapping[str, Sequence[str]]) -> str:
    """Return the description on one line; a line break inside a token vanishes.

    Args:
        doc: A row with ``docstring_tokens``.
    """
    return " ".join(" ".join(doc["docstring_tokens"]).replace("\n", "").split())
