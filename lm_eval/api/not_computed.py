"""The value of a metric that nothing on this machine can compute."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass

__all__ = ["NotComputed", "take_not_computed"]


@dataclass(frozen=True, slots=True)
class NotComputed:
    """What a metric or an aggregation returns instead of a number when it lacks a package or a model.

    The score is then ``"N/A"`` and the results say why. The task's other scores stand, and the run counts as complete.

    Attributes:
        reason: Why, such as ``"needs bert-score: pip install bert-score"``.
    """

    reason: str

    def __str__(self) -> str:
        return f"not computed: {self.reason}"


def take_not_computed(values: MutableMapping[str, object]) -> dict[str, str]:
    """Take the metrics that were not computed out of a document's values.

    Args:
        values: Metric to value; changed in place.

    Returns:
        Metric to why it was not computed.
    """
    found = {metric: value.reason for metric, value in values.items() if isinstance(value, NotComputed)}
    for metric in found:
        del values[metric]
    return found
