"""Berkeley Function Calling Leaderboard: the questions of a set, joined with the calls that are accepted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lm_eval.api.current_run import current_run
from lm_eval.api.task_parts.documents import load_task_dataset
from lm_eval.errors import DatasetError

_FILES = "hf://datasets/gorilla-llm/Berkeley-Function-Calling-Leaderboard"
_FIXED: Mapping[str, object] = {"none": [], "any": "any"}
"""What every question of a set without accepted calls asks for."""


def load(name: str, calls: str | None = None, **metadata: Any) -> dict[str, list[dict[str, Any]]]:
    """Load a set.

    Args:
        name: The name of the set in its files.
        calls: ``none`` or ``any``, for a set that has no accepted calls.
        **metadata: Ignored.

    Returns:
        The one split, ``test``.

    Raises:
        DatasetError: A question has no accepted calls.
    """
    # Each line is read as text: the same argument has other types in other lines.
    files = {"questions": f"{_FILES}/BFCL_v3_{name}.json"}
    if calls is None:
        files["answers"] = f"{_FILES}/possible_answer/BFCL_v3_{name}.json"
    splits: Any = load_task_dataset(
        f"bfcl_{name}", "text", None, {"data_files": files}, data_dir=current_run().data_dir
    )
    answers = {} if calls is not None else {row["id"]: row["ground_truth"] for row in _rows(splits["answers"])}
    docs = []
    for row in _rows(splits["questions"]):
        gold = answers.get(row["id"]) if calls is None else _FIXED[calls]
        if gold is None:
            raise DatasetError(f"Task bfcl_{name}: question {row['id']} has no accepted calls.")
        system, question = _texts(row["question"][0])
        docs.append(
            {"id": row["id"], "system": system, "question": question, "functions": row["function"], "calls": gold}
        )
    return {"test": docs}


def _rows(lines: Iterable[Mapping[str, str]]) -> list[dict[str, Any]]:
    return [json.loads(line["text"]) for line in lines if line["text"].strip()]


def _texts(messages: Sequence[Mapping[str, str]]) -> tuple[str, str]:
    """Return the system message and the question; several turns become one text with the roles."""
    system = "\n\n".join(message["content"] for message in messages if message["role"] == "system")
    turns = [message for message in messages if message["role"] != "system"]
    if len(turns) == 1:
        return system, turns[0]["content"]
    return system, "\n\n".join(f"{turn['role'].capitalize()}: {turn['content']}" for turn in turns)
