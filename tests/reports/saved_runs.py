"""Build the files of saved runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

TIME = "2026-01-01T10-00-00.000001"


def docs(values: Iterable[Any], metric: str = "acc", **more: Any) -> list[dict[str, Any]]:
    """Build one sample per value of a metric."""
    return [_sample(index, {metric: value}, more) for index, value in enumerate(values)]


def _sample(doc_id: int, values: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    def digest(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    return {
        "doc_id": doc_id,
        "doc": {"question": f"q{doc_id}"},
        "target": "yes",
        "arguments": {"gen_args_0": {"arg_0": f"q{doc_id}", "arg_1": {"until": ["\n"]}}},
        "resps": [[f"answer {doc_id}"]],
        "filtered_resps": [f"answer {doc_id}"],
        "filter": "none",
        "metrics": list(values),
        "doc_hash": digest(f"doc {doc_id}"),
        "prompt_hash": digest(f"prompt {doc_id}"),
        "target_hash": digest("yes"),
        **values,
        **more,
    }


def save(
    folder: Path,
    samples: Mapping[str, list[dict[str, Any]]],
    *,
    scores: Mapping[str, Mapping[str, Any]] | None = None,
    better: Mapping[str, Any] | None = None,
    time: str = TIME,
    log_samples: bool = True,
    **more: Any,
) -> Path:
    """Save a run with these samples; a score is the mean of its values by default."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, dict[str, Any]] = {}
    for task, lines in samples.items():
        values: dict[str, list[float]] = {}
        for line in lines:
            for metric in line["metrics"]:
                if isinstance(line[metric], int | float):
                    values.setdefault(f"{metric},{line['filter']}", []).append(line[metric])
        means = {key: sum(found) / len(found) for key, found in values.items()}
        rows[task] = {"alias": task, "sample_len": len({line["doc_id"] for line in lines}), **means}
        if log_samples:
            text = "".join(f"{json.dumps(line)}\n" for line in lines)
            (folder / f"samples_{task}_{time}.jsonl").write_text(text)
    for task, own in (scores or {}).items():
        rows.setdefault(task, {"alias": task}).update(own)
    content = {
        "results": rows,
        "group_subtasks": {},
        "configs": {task: {"task": task} for task in samples},
        "versions": dict.fromkeys(samples, 1.0),
        "n-shot": dict.fromkeys(samples, 0),
        "higher_is_better": {name: {"acc": True, **(better or {})} for name in rows},
        "model_name": "org/m",
        "date": 1767261600.5,
        **more,
    }
    (folder / f"results_{time}.json").write_text(json.dumps(content))
    return folder
