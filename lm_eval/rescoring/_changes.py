"""Which scores are no longer what they were."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["change_lines", "changed_scores"]


def changed_scores(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Compare the rows of two results.

    Args:
        before: Task or group to row.
        after: The same; only its tasks and groups are compared.

    Returns:
        ``{"task", "score", "before", "after"}`` for each ``"metric,filter"`` that differs; None stands for a score
        that is not there.
    """
    changed = []
    for task, row in after.items():
        old = before.get(task) or {}
        for key in dict.fromkeys([*_scores(old), *_scores(row)]):
            if not _same(old.get(key), row.get(key)):
                changed.append({"task": task, "score": key, "before": old.get(key), "after": row.get(key)})
    return changed


def _scores(row: Mapping[str, Any]) -> Iterable[str]:
    return (key for key in row if "," in key and not key.partition(",")[0].endswith("_stderr"))


def _same(before: Any, after: Any) -> bool:
    """Compare two scores; the last digits of a sum depend on its order."""
    if isinstance(before, float) and isinstance(after, float):
        return math.isclose(before, after, rel_tol=1e-9, abs_tol=1e-12) or (before != before and after != after)
    return bool(before == after)


def change_lines(results: Mapping[str, Any]) -> Sequence[str]:
    """Say what rescoring changed, a line a score.

    Args:
        results: What ``rescore`` returned.

    Returns:
        Such as ``gsm8k exact_match,strict-match: 0.1000 → 0.2400``; one line that says so when nothing changed.
    """
    source = results["config"]["rescored_from"]
    if not source["changes"]:
        return [f"No score differs from {source['file']}."]
    lines = [f"Changed from {source['file']}:"]
    for change in source["changes"]:
        old, new = _shown(change["before"]), _shown(change["after"])
        lines.append(f"  {change['task']} {change['score']}: {old} → {new}")
    return lines


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
