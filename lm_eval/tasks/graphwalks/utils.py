"""Graphwalks: its data files, and F1 over the nodes that an answer lists."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from lm_eval.api.current_run import current_run
from lm_eval.api.task_parts.documents import load_task_dataset

_DATASET = "openai/graphwalks"
_LIST = re.compile(r"Final Answer:\s*\[(.*)\]")


def load_dataset(**kwargs: Any) -> Mapping[str, Sequence[dict[str, Any]]]:
    """Load one data file.

    Args:
        **kwargs: ``data_file``, its name.

    Returns:
        The documents, as the split ``train``.
    """
    arguments = {"data_files": kwargs["data_file"], "split": "train"}
    rows = load_task_dataset("graphwalks", _DATASET, None, arguments, data_dir=current_run().data_dir)
    return {"train": rows}  # type: ignore[dict-item]


def process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Compare the listed nodes with the right ones.

    Args:
        doc: The document.
        results: The answer.

    Returns:
        ``f1`` of a list in the last line, and ``flexible_f1`` of the last list in any line.
    """
    lines = results[0].rstrip("\n").split("\n")
    right = set(doc["answer_nodes"])
    return {"f1": _f1(_last_list(lines[-1:]), right), "flexible_f1": _f1(_last_list(lines), right)}


def _last_list(lines: Sequence[str]) -> set[str]:
    """Return the nodes of the last line that has a final answer."""
    for line in reversed(lines):
        found = _LIST.search(line)
        if found:
            return set(_nodes(found.group(1).split(",")))
    return set()


def _nodes(parts: Iterable[str]) -> Iterable[str]:
    return (part.strip().strip("'\"") for part in parts if part.strip())


def _f1(listed: Collection[str], right: Collection[str]) -> float:
    shared = len(set(listed) & set(right))
    if not shared:
        return 0.0
    precision, recall = shared / len(listed), shared / len(right)
    return 2 * (recall * precision) / (recall + precision)
