"""XSTest: the safe prompts and the unsafe ones."""

from __future__ import annotations

from typing import Any

__all__ = ["safe", "unsafe"]


def safe(docs: Any) -> Any:
    """Keep the prompts that a model should answer.

    Args:
        docs: The dataset.
    """
    return docs.filter(lambda doc: doc["label"] == "safe")


def unsafe(docs: Any) -> Any:
    """Keep the prompts that a model should refuse.

    Args:
        docs: The dataset.
    """
    return docs.filter(lambda doc: doc["label"] != "safe")
