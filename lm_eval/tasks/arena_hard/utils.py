"""Arena-Hard: questions, joined with the saved answers of a baseline."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from lm_eval.api.current_run import current_run
from lm_eval.api.task_parts.documents import load_task_dataset
from lm_eval.errors import DatasetError

__all__ = ["load"]

_FOLDER = "hf://datasets/lmarena-ai/arena-hard-auto/data"


def load(version: str, baseline: str, category: str | None = None, **metadata: Any) -> dict[str, list[dict[str, Any]]]:
    """Load the questions of a version.

    Args:
        version: The folder of the version.
        baseline: The model whose answers are the baseline.
        category: The category of questions to keep; None keeps all.
        **metadata: Ignored.

    Returns:
        The one split, ``test``.

    Raises:
        DatasetError: The baseline has no answer to a question.
    """
    # Each line is read as text: the columns of the files have different types.
    files = {
        "questions": f"{_FOLDER}/{version}/question.jsonl",
        "answers": f"{_FOLDER}/{version}/model_answer/{baseline}.jsonl",
    }
    splits: Any = load_task_dataset("arena_hard", "text", None, {"data_files": files}, data_dir=current_run().data_dir)
    answers = {_id(row): _answer(row) for row in _rows(splits["answers"])}
    docs = []
    for row in _rows(splits["questions"]):
        if category is not None and row.get("category") != category:
            continue
        if _id(row) not in answers:
            raise DatasetError(f"Task arena_hard: {baseline} has no answer to question {_id(row)} of {version}.")
        docs.append(
            {"id": _id(row), "group": row.get("cluster"), "question": _question(row), "baseline": answers[_id(row)]}
        )
    return {"test": docs}


def _rows(lines: Iterable[Mapping[str, str]]) -> list[dict[str, Any]]:
    return [json.loads(line["text"]) for line in lines if line["text"].strip()]


def _id(row: Mapping[str, Any]) -> str:
    """Return the id of a question; the first version of the files names it otherwise."""
    return str(row.get("uid") or row.get("question_id"))


def _question(row: Mapping[str, Any]) -> str:
    return str(row["prompt"] if "prompt" in row else row["turns"][0]["content"])


def _answer(row: Mapping[str, Any]) -> str:
    if "messages" not in row:
        return str(row["choices"][0]["turns"][-1]["content"])
    content = row["messages"][-1]["content"]
    return str(content["answer"] if isinstance(content, Mapping) else content)
