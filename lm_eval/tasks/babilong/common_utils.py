"""BABILong: its dataset at one length, and whether an answer contains the right word."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval.api.current_run import current_run
from lm_eval.api.task_parts.documents import load_task_dataset

_DATASET = "RMT-team/babilong-1k-samples"


def load_dataset(**kwargs: Any) -> Mapping[str, Sequence[dict[str, Any]]]:
    """Load one task at one length.

    Args:
        **kwargs: ``qa_split``, the task; ``max_seq_lengths``, a length such as ``4k``, by default ``0k``: the facts
            without the text that hides them.

    Returns:
        The documents, under the name of the task.
    """
    length, task = str(kwargs.get("max_seq_lengths", "0k")), str(kwargs["qa_split"])
    splits = load_task_dataset(f"babilong_{task}", _DATASET, length, {"split": task}, data_dir=current_run().data_dir)
    return {task: splits}  # type: ignore[dict-item]


def process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Score 1 if the answer contains the right one, in any case.

    Args:
        doc: The document.
        results: The answer.
    """
    answer = re.sub(r"[\x00-\x1f]", "\n", results[0].strip()).strip()
    return {"acc": float(doc.get("target", "").strip().lower() in answer.lower())}
