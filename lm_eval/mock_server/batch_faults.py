"""What can go wrong with a whole batch."""

from __future__ import annotations

from dataclasses import dataclass

from lm_eval.errors import ConfigError, did_you_mean

__all__ = ["BATCH_FAULTS", "BatchFault", "parse_batch_fault"]

BATCH_FAULTS = {
    "none": "nothing goes wrong",
    "failed": "the file does not pass the validation",
    "token-limit": "the queue of the model has no room for the batch",
    "expired": "the time is over after a fraction VALUE of the lines (default 0.5)",
    "cancelled": "somebody cancels the batch after a fraction VALUE of the lines (default 0.5)",
    "slow": "it takes VALUE times as long (default 10)",
    "truncated": "the file of answers ends in the middle of its last line",
    "unknown-ids": "the file of answers has lines of other requests, too",
    "duplicate-ids": "the file of answers has each line twice",
    "without-answers": "a fraction VALUE of the lines (default 0.5) is in no file",
}
"""Kind of failure of a whole batch → what it does."""
_DEFAULT_FRACTION, _DEFAULT_FACTOR = 0.5, 10.0


@dataclass(frozen=True)
class BatchFault:
    """What goes wrong with a batch.

    Attributes:
        kind: One of ``BATCH_FAULTS``.
        value: The fraction of lines, or the factor, for the kinds that have one.
    """

    kind: str = "none"
    value: float = _DEFAULT_FRACTION


def parse_batch_fault(text: str) -> BatchFault:
    """Read ``KIND[=VALUE]``.

    Args:
        text: For example ``"expired=0.3"``.

    Returns:
        The failure.

    Raises:
        ConfigError: The kind is unknown, or the value is no number in its range.
    """
    kind, equals, value = text.partition("=")
    if kind not in BATCH_FAULTS:
        hint = did_you_mean(kind, BATCH_FAULTS) or f" There are: {', '.join(BATCH_FAULTS)}."
        raise ConfigError(f"Unknown batch fault {kind!r} in {text!r}.{hint}")
    try:
        number = float(value) if equals else _DEFAULT_FACTOR if kind == "slow" else _DEFAULT_FRACTION
    except ValueError:
        number = -1.0
    if not 0 <= number <= (float("inf") if kind == "slow" else 1):
        raise ConfigError(f"Batch fault {text!r} does not read as KIND[=VALUE].")
    return BatchFault(kind, number)
