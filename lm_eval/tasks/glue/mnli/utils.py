"""The prompt of MNLI, as a function."""

from __future__ import annotations

from typing import Any


def doc_to_text(doc: dict[str, Any]) -> str:
    """Ask whether a premise entails a hypothesis, which gets a full stop if it has none.

    Args:
        doc: A row with ``premise`` and ``hypothesis``.
    """
    hypothesis = doc["hypothesis"].strip()
    stop = "" if hypothesis.endswith(".") else "."
    return f"{doc['premise']}\nQuestion: {hypothesis}{stop} True, False or Neither?\nAnswer:"
