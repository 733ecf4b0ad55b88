"""The text that the mock server's language model and tokenizer are trained on."""

from __future__ import annotations

from pathlib import Path

__all__ = ["documents"]

_FOLDER = Path(__file__).with_name("text")
_SEPARATOR = "\n====\n"


def documents() -> list[str]:
    """Read the training documents: files by name, and in each file the documents in order.

    Returns:
        One string per document, without the line break at the end of a file.
    """
    texts: list[str] = []
    for path in sorted(_FOLDER.glob("*.txt")):
        texts.extend(path.read_text(encoding="utf-8").removesuffix("\n").split(_SEPARATOR))
    return texts
