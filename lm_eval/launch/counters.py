"""The counters of several processes of a run as those of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["summed"]

_SPREAD = {"requests", "mean", "p50"}
"""Keys of the times of requests, such as ``latency``."""


def summed(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Add up what ``model_info.run`` of each process counts.

    Args:
        parts: The ``model_info`` of each process.

    Returns:
        The ``model_info`` of the first, with the sums; numbers add up, also inside of mappings and of lists of
        endpoints, and everything else is that of the first.
    """
    if not parts:
        return {}
    found = dict(parts[0])
    runs = [part["run"] for part in parts if isinstance(part.get("run"), Mapping)]
    if runs:
        found["run"] = _sum(runs)
    return found


def _sum(values: Sequence[Any]) -> Any:
    first = values[0]
    if isinstance(first, Mapping) and first.keys() >= _SPREAD:
        return _spread(values)
    if isinstance(first, Mapping):
        keys = dict.fromkeys(key for value in values if isinstance(value, Mapping) for key in value)
        return {
            key: first[key] if key == "concurrency" else _sum([value[key] for value in values if key in value])
            for key in keys
        }
    if isinstance(first, list) and all(isinstance(value, list) and len(value) == len(first) for value in values):
        return [_sum(column) for column in zip(*values, strict=True)]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return sum(values)
    return next((value for value in values if value is not None), None)


def _spread(values: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Join the times of several processes, without percentiles: those of the parts do not give those of the whole."""
    if len(values) == 1:
        return dict(values[0])
    requests = sum(value["requests"] for value in values)
    return {"requests": requests, "mean": round(sum(v["mean"] * v["requests"] for v in values) / requests, 4)}
