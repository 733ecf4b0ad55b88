"""Make up many saved runs, quickly and the same each time."""

from __future__ import annotations

import hashlib
import json
import random
from datetime import datetime, timedelta, timezone
from pathlib import Path

__all__ = ["make_runs"]

_QUESTION = "Question: A train leaves station {} at {} o'clock and rides {} km. How long does it ride?\nAnswer:"
_ANSWER = "It rides {} km at a constant speed, so the time is the distance divided by the speed. The answer is {}."


def make_runs(folder: Path, models: int, tasks: int, docs: int, *, seed: int = 1, shots: tuple[int, ...] = (0,)) -> int:
    """Save runs of made-up models on made-up tasks, one task per run.

    Args:
        folder: The folder; each model gets one in it.
        models: Number of models.
        tasks: Number of tasks.
        docs: Number of documents per task.
        seed: Seed of the scores.
        shots: Settings of ``num_fewshot``; each gets its own runs.

    Returns:
        Number of runs.
    """
    rng = random.Random(seed)
    hashes = [hashlib.sha256(str(doc).encode()).hexdigest() for doc in range(docs)]
    runs = 0
    for model in range(models):
        name = f"org/model-{model:03}"
        place = folder / name.replace("/", "__")
        place.mkdir(parents=True, exist_ok=True)
        skill = 0.3 + 0.5 * rng.random()
        for task in range(tasks):
            for shot in shots:
                date = datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(hours=runs)
                right = [int(rng.random() < skill + 0.05 * (shot > 0)) for _ in range(docs)]
                _save(place, name, f"task_{task:02}", date, right, hashes, shot)
                runs += 1
    return runs


def _save(folder: Path, model: str, task: str, date: datetime, right: list[int], hashes: list[str], shots: int) -> None:
    stamp = date.strftime("%Y-%m-%dT%H-%M-%S.%f")
    lines = []
    for doc, value in enumerate(right):
        prompt = _QUESTION.format(doc, doc % 24, doc * 7)
        answer = _ANSWER.format(doc * 7, doc if value else doc + 1)
        sample = {
            "doc_id": doc,
            "doc": {"question": prompt, "answer": str(doc)},
            "target": str(doc),
            "arguments": {"gen_args_0": {"arg_0": prompt, "arg_1": {"until": ["\n\n"], "temperature": 0}}},
            "resps": [[answer]],
            "filtered_resps": [answer],
            "filter": "none",
            "metrics": ["exact_match"],
            "doc_hash": hashes[doc],
            "prompt_hash": hashes[-1 - doc],
            "target_hash": hashes[doc],
            "exact_match": value,
        }
        lines.append(json.dumps(sample))
    (folder / f"samples_{task}_{stamp}.jsonl").write_text("\n".join(lines) + "\n")
    mean = sum(right) / len(right)
    stderr = (mean * (1 - mean) / len(right)) ** 0.5
    row = {"alias": task, "sample_len": len(right), "exact_match,none": mean, "exact_match_stderr,none": stderr}
    results = {
        "results": {task: row},
        "group_subtasks": {},
        "configs": {task: {"task": task, "output_type": "generate_until", "description": "x" * 2000}},
        "versions": {task: 1.0},
        "n-shot": {task: shots},
        "higher_is_better": {task: {"exact_match": True}},
        "n-samples": {task: {"original": len(right), "effective": len(right)}},
        "config": {"model": "local-chat-completions", "num_fewshot": shots, "model_args": {"model": model}},
        "model_name": model,
        "date": date.timestamp(),
        "total_evaluation_time_seconds": 12.5,
    }
    (folder / f"results_{stamp}.json").write_text(json.dumps(results))
