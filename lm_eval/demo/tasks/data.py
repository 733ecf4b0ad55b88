"""Rows of the demo tasks, from the JSON Lines files beside this one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["load"]


def load(file: str, **_: Any) -> dict[str, list[dict[str, Any]]]:
    """Read a file and sort its rows into splits.

    Args:
        file: The file's name; each line is a JSON object with a ``split`` key.
        **_: Other metadata of the run.

    Returns:
        Split name to rows.
    """
    splits: dict[str, list[dict[str, Any]]] = {}
    for line in (Path(__file__).parent / file).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        splits.setdefault(row.pop("split"), []).append(row)
    return splits
