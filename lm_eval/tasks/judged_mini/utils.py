"""Twenty short questions with their answers, for trying out a judge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["load"]


def load(**metadata: Any) -> dict[str, list[dict[str, Any]]]:
    """Read the questions.

    Args:
        **metadata: Ignored.

    Returns:
        The one split, ``test``.
    """
    lines = (Path(__file__).parent / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return {"test": [json.loads(line) for line in lines]}
