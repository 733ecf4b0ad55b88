"""Saved runs for reports: a few docs of each kind, and many docs with long prompts."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

__all__ = ["chat", "choice", "generation", "many", "save"]

TIME = "2026-01-02T03-04-05.678901"


def save(
    folder: Path,
    samples: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    model: str = "tiny",
    shots: int = 0,
    **results: Any,
) -> Path:
    """Save a run's files.

    Args:
        folder: Where.
        samples: Task → samples; a task without samples has no file.
        model: The model's name.
        shots: The number of examples of every task.
        **results: Additional keys of the results file; they replace the default ones.

    Returns:
        The results file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, dict[str, Any]] = {}
    for task, logged in samples.items():
        values: dict[str, list[float]] = {}
        for sample in logged:
            for metric in sample["metrics"]:
                if isinstance(sample[metric], int | float):
                    values.setdefault(f"{metric},{sample['filter']}", []).append(sample[metric])
        row: dict[str, Any] = {"alias": task, "name": task, "sample_len": len({s["doc_id"] for s in logged})}
        for key, column in values.items():
            metric, _, pipeline = key.partition(",")
            mean = sum(column) / len(column)
            row[key] = mean
            row[f"{metric}_stderr,{pipeline}"] = (mean * (1 - mean) / len(column)) ** 0.5 if 0 <= mean <= 1 else "N/A"
        rows[task] = row
        if logged:
            place = folder / f"samples_{re.sub(r'[^0-9A-Za-z_]', '_', task)}_{TIME}.jsonl"
            with place.open("w", encoding="utf-8", errors="surrogatepass") as file:
                file.writelines(f"{json.dumps(sample)}\n" for sample in logged)
    content = {
        "results": rows,
        "configs": {task: {"task": task, "target_delimiter": " "} for task in samples},
        "versions": dict.fromkeys(samples, 1),
        "n-shot": dict.fromkeys(samples, shots),
        "higher_is_better": {task: {"acc": True, "exact_match": True} for task in samples},
        "n-samples": {task: {"original": 100, "effective": row["sample_len"]} for task, row in rows.items()},
        "config": {"model": "local-completions", "model_args": {"model": model, "api_key": "sk-very-secret-123"}},
        "date": 1767323045.0,
        "model_name": model,
        "total_evaluation_time_seconds": 12.5,
        **results,
    }
    path = folder / f"results_{TIME}.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def generation(
    doc_id: int,
    answer: str,
    score: float,
    *,
    prompt: Any = "Question: how many?\nAnswer:",
    doc: Any = None,
    target: str = "3",
    pipelines: Sequence[str] = ("none",),
    filtered: str | None = None,
    **keys: Any,
) -> list[dict[str, Any]]:
    """Build the samples of a generated answer, one per filter."""
    doc = {"question": "how many?"} if doc is None else doc
    return [
        {
            "doc_id": doc_id,
            "doc": doc,
            "target": target,
            "arguments": {"gen_args_0": {"arg_0": prompt, "arg_1": {"until": ["\n\n"], "temperature": 0}}},
            "resps": [[answer]],
            "filtered_resps": [answer.strip() if filtered is None else filtered],
            "filter": name,
            "metrics": ["exact_match"],
            "exact_match": score,
            **_hashes(doc, prompt, target),
            **keys,
        }
        for name in pipelines
    ]


def chat(doc_id: int, turns: Sequence[tuple[str, str]], answer: str, score: float, **keys: Any) -> list[dict[str, Any]]:
    """Build the samples of a chat."""
    prompt = [{"role": role, "content": content} for role, content in turns]
    return generation(doc_id, answer, score, prompt=prompt, **keys)


def choice(
    doc_id: int, question: str, choices: Mapping[str, float], gold: int, *, as_text: bool = False, **keys: Any
) -> dict[str, Any]:
    """Build a multiple-choice sample; ``as_text`` writes numbers as the reference harness does."""
    best = max(range(len(choices)), key=lambda place: list(choices.values())[place])
    pairs: list[list[Any]] = [[value, False] for value in choices.values()]
    if as_text:
        pairs = [[str(value), str(greedy)] for value, greedy in pairs]
    doc = {"question": question, "choices": list(choices)}
    return {
        "doc_id": doc_id,
        "doc": doc,
        "target": str(gold) if as_text else gold,
        "arguments": {
            f"gen_args_{place}": {"arg_0": question, "arg_1": f" {text}"} for place, text in enumerate(choices)
        },
        "resps": [[pair] for pair in pairs],
        "filtered_resps": pairs,
        "filter": "none",
        "metrics": ["acc", "acc_norm"],
        "acc": float(best == gold),
        "acc_norm": float(best == gold),
        **_hashes(doc, question, str(gold)),
        **keys,
    }


def _hashes(*parts: Any) -> dict[str, str]:
    names = ("doc_hash", "prompt_hash", "target_hash")
    return {
        name: sha256(str(part).encode("utf-8", "surrogatepass")).hexdigest()
        for name, part in zip(names, parts, strict=True)
    }


def many(count: int, shots: int = 5) -> list[dict[str, Any]]:
    """Build samples like those of a task with word problems: prompts of about 4 KB, examples drawn from 7,000.

    Args:
        count: How many.
        shots: Examples in a prompt.

    Returns:
        The samples; only doc 7 contains ``zeppelin``.
    """
    draw = random.Random(0)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 9))) for _ in range(3000)]
    words += [str(number) for number in range(700)]

    def text(length: int) -> str:
        return " ".join(draw.choices(words, k=length))

    examples = [f"Question: {text(60)}?\nAnswer: {text(70)}\n#### {draw.randint(1, 99)}\n\n" for _ in range(7000)]
    samples = []
    for doc_id in range(count):
        question = text(58) + (" zeppelin" if doc_id == 7 else "")
        answer, right = f" {text(75)}\n#### {draw.randint(1, 99)}\n", float(draw.random() < 0.6)
        prompt = "".join(draw.sample(examples, shots)) + f"Question: {question}?\nAnswer:"
        target = f"{text(40)}\n#### {draw.randint(1, 99)}"
        doc = {"question": f"{question}?", "answer": target}
        samples += generation(
            doc_id, answer, right, prompt=prompt, doc=doc, target=target, filtered=str(draw.randint(1, 99))
        )
    return samples
