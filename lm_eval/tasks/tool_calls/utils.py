"""Small tool calls: the questions and the functions that lie beside this file."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


def load(**metadata: Any) -> dict[str, list[dict[str, Any]]]:
    """Read the questions.

    Args:
        **metadata: Ignored.

    Returns:
        The one split, ``test``.
    """
    lines = (_HERE / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return {"test": [json.loads(line) for line in lines]}


@lru_cache(maxsize=1)
def _functions() -> dict[str, dict[str, Any]]:
    functions = json.loads((_HERE / "functions.json").read_text(encoding="utf-8"))
    return {function["name"]: function for function in functions}


def tools(doc: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the functions that a question offers.

    Args:
        doc: The document.
    """
    return [_functions()[name] for name in doc["offered"]]
