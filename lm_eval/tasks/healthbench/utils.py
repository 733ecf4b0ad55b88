"""HealthBench: conversations with rubrics, and the mean score of a run."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from lm_eval.api.current_run import current_run
from lm_eval.api.task_parts.documents import load_task_dataset

__all__ = ["clipped_mean", "load"]

_FOLDER = "hf://datasets/openai/healthbench"
_KEYS = ("prompt_id", "prompt", "rubrics", "example_tags")


def load(file: str, **metadata: Any) -> dict[str, list[dict[str, Any]]]:
    """Load conversations.

    Args:
        file: The name of the file in the dataset.
        **metadata: Ignored.

    Returns:
        The one split, ``test``.
    """
    # Each line is read as text: the other columns have different types in different lines.
    files = {"data_files": {"test": f"{_FOLDER}/{file}"}}
    splits: Any = load_task_dataset("healthbench", "text", None, files, data_dir=current_run().data_dir)
    rows = [json.loads(line["text"]) for line in splits["test"] if line["text"].strip()]
    return {"test": [{key: row.get(key) for key in _KEYS} for row in rows]}


def clipped_mean(scores: Sequence[float]) -> float:
    """Return the mean of scores, within 0 and 1.

    Args:
        scores: The score of each conversation; below 0 where undesirable criteria outweigh the others.
    """
    return min(1.0, max(0.0, math.fsum(scores) / len(scores)))
