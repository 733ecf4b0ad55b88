"""Berkeley Function Calling Leaderboard: the questions of a set, joined with the calls that are accepted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lm_eval.api.current_run import current_run
from lm_eval.api.task_parts.documents import load_task_dataset
from lm_eval.api.task_parts.tools import calls_are_right, calls_in, safe_name
from lm_eval.errors import DatasetError
from lm_eval.tasks.bfcl.languages import described, schema_of, value_of

_FILES = "hf://datasets/gorilla-llm/Berkeley-Function-Calling-Leaderboard"
_FIXED: Mapping[str, object] = {"none": [], "any": "any"}
"""What every question of a set without accepted calls asks for."""


def load(
    name: str, calls: str | None = None, language: str = "python", **metadata: Any
) -> dict[str, list[dict[str, Any]]]:
    """Load a set.

    Args:
        name: The name of the set in its files.
        calls: ``none`` or ``any``, for a set that has no accepted calls.
        language: What arguments are written in: ``python``, ``java`` or ``javascript``.
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
        functions = [described(function, language) for function in row["function"]]
        doc = {"id": row["id"], "system": system, "question": question, "functions": functions, "calls": gold}
        docs.append(doc if language == "python" else {**doc, "language": language, "typed": row["function"]})
    return {"test": docs}


def process_results(doc: Mapping[str, Any], results: Sequence[Any]) -> dict[str, float]:
    """Compare calls whose arguments are written in Java or JavaScript with those that are accepted.

    Args:
        doc: A document.
        results: The response.

    Returns:
        ``tool_calls``: 1.0 if all calls are right.
    """
    functions = {safe_name(function["name"]): function for function in doc["typed"]}
    calls = [
        {"name": name, "arguments": _values(arguments, functions.get(safe_name(name)), doc["language"])}
        for name, arguments in calls_in(results[0])
    ]
    tools = [{"function": {"name": name, "parameters": schema_of(function)}} for name, function in functions.items()]
    return {"tool_calls": float(calls_are_right({"tool_calls": calls}, doc["calls"], tools, ordered=False))}


def _values(arguments: object, function: Mapping[str, Any] | None, language: str) -> object:
    """Read the arguments of a call; one that is no text is wrong, whatever its value."""
    if not isinstance(arguments, Mapping) or function is None:
        return arguments
    described = function["parameters"]["properties"]
    if any(not isinstance(arguments[name], str) for name in described if name in arguments):
        return None
    return {
        name: value_of(value, described[name], language) if name in described else value
        for name, value in arguments.items()
    }


def _rows(lines: Iterable[Mapping[str, str]]) -> list[dict[str, Any]]:
    return [json.loads(line["text"]) for line in lines if line["text"].strip()]


def _texts(messages: Sequence[Mapping[str, str]]) -> tuple[str, str]:
    """Return the system message and the question; several turns become one text with the roles."""
    system = "\n\n".join(message["content"] for message in messages if message["role"] == "system")
    turns = [message for message in messages if message["role"] != "system"]
    if len(turns) == 1:
        return system, turns[0]["content"]
    return system, "\n\n".join(f"{turn['role'].capitalize()}: {turn['content']}" for turn in turns)
