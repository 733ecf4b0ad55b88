"""The text that the mock server's language model and tokenizer are trained on."""

from __future__ import annotations

from pathlib import Path

__all__ = ["documents"]

_FOLDER = Path(__file__).with_name("text")
_SEPARATOR = "\n====\n"


def documents() -> list[str]:
    """Read the training documents: the files in name order, their documents in file order.

    Returns:
        One string a document, without the line break that ends a file.
    """
    found: list[str] = []
    for path in sorted(_FOLDER.glob("*.txt")):
        found.extend(path.read_text(encoding="utf-8").removesuffix("\n").split(_SEPARATOR))
    return found
