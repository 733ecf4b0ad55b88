"""Humanity's Last Exam: the image of a question, and the questions without one."""

from __future__ import annotations

from typing import Any

__all__ = ["images", "without_images"]


def images(doc: dict[str, Any]) -> list[str]:
    """Return the image of a question as a data URL; an empty list for a question without one.

    Args:
        doc: The document.
    """
    return [doc["image"]] if doc["image"] else []


def without_images(docs: Any) -> Any:
    """Keep the questions without an image.

    Args:
        docs: The dataset.
    """
    return docs.filter(lambda doc: not doc["image"])
