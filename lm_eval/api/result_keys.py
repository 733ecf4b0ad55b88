"""The names and words in results: keys of scores, the mark of a missing score, outcomes, unconditional choices."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import TypeVar

__all__ = [
    "MUTUAL_INFORMATION",
    "NOT_AVAILABLE",
    "OUTCOME_WORDS",
    "parse_score_key",
    "score_key",
    "score_keys",
    "split_unconditional",
    "stderr_key",
]

T = TypeVar("T")

NOT_AVAILABLE = "N/A"
"""Stands for a score or a standard error that cannot be computed."""

MUTUAL_INFORMATION = "acc_mutual_info"
"""The metric that asks about each choice a second time, without the question."""

OUTCOME_WORDS = {
    "length": "cut at the token limit",
    "empty": "empty",
    "refusal": "refused by the model",
    "filtered": "stopped by a content filter",
    "reasoning_only": "reasoning without an answer",
    "unknown_finish": "ended for an unknown reason",
}
"""``ResponseInfo.outcome`` to how it is shown; a complete response has the outcome ``ok``."""

_STDERR = "_stderr"


def score_key(metric: str, pipeline: str) -> str:
    """Write the key of a score in a row of the results.

    Args:
        metric: The metric's name.
        pipeline: The filter pipeline's name.

    Returns:
        ``"metric,filter"``.
    """
    return f"{metric},{pipeline}"


def stderr_key(metric: str, pipeline: str) -> str:
    """Write the key of a score's standard error in a row of the results.

    Args:
        metric: The metric's name.
        pipeline: The filter pipeline's name.

    Returns:
        ``"metric_stderr,filter"``.
    """
    return f"{metric}{_STDERR},{pipeline}"


def parse_score_key(key: str) -> tuple[str, str] | None:
    """Read a key of a row of the results.

    Args:
        key: Any key of the row.

    Returns:
        Metric and filter pipeline; None when the key belongs to a standard error or to something else, such as
        ``alias``.
    """
    metric, comma, pipeline = key.partition(",")
    return (metric, pipeline) if comma and not metric.endswith(_STDERR) else None


def score_keys(row: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """List the scores of a row of the results.

    Args:
        row: The row, or its keys.

    Yields:
        Key, metric and filter pipeline of each score, in the row's order.
    """
    for key in row:
        if (parts := parse_score_key(key)) is not None:
            yield key, *parts


def split_unconditional(entries: Sequence[T], metrics: Container[str]) -> tuple[Sequence[T], Sequence[T]]:
    """Split what belongs to a document's requests into those with the question and those without it.

    ``acc_mutual_info`` needs the log-likelihood of each choice without the question, too: those requests come second.

    Args:
        entries: One entry per request of the document.
        metrics: The metrics of the document.

    Returns:
        The entries of requests with the question, and of those without; the second is empty for other metrics.
    """
    half = len(entries) // 2 if MUTUAL_INFORMATION in metrics else len(entries)
    return entries[:half], entries[half:]
