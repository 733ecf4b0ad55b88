"""LongProc: its documents, with the metadata read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


def process_docs(dataset: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add ``metadata_parsed``, the content of the JSON text in ``metadata``.

    Args:
        dataset: The rows.

    Returns:
        The documents.
    """
    return [{**doc, "metadata_parsed": json.loads(doc["metadata"])} for doc in dataset]
