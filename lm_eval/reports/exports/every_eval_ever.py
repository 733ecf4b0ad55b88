"""The JSON schema of Every Eval Ever, version 0.3.0: one record per benchmark, and one line per document and score.

The format is that of ``eval.schema.json`` and ``instance_level_eval.schema.json`` of https://evalevalai.com.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO
from uuid import UUID

from lm_eval.reports.exports.every_eval_ever_lines import VERSION, Lines, result_id
from lm_eval.reports.exports.facts import (
    About,
    dataset_of,
    generation_of,
    safe_name,
    score_name,
    settings_of,
)
from lm_eval.reports.exports.parts import Part, json_bytes
from lm_eval.results import Run, Score
from lm_eval.results.json_values import as_number, at

__all__ = ["parts"]

_SAMPLING = ("temperature", "top_p", "top_k")


def parts(run: Run, scores: list[Score], about: About, left_out: list[str]) -> Iterator[Part]:
    """Write one record per group or task that lies in no group, and a file of its documents.

    Args:
        run: The run.
        scores: The scores to write.
        about: What the results file does not know.
        left_out: Gets what the format cannot hold.

    Yields:
        ``data/<benchmark>/<developer>/<model>/<uuid>.json``, and ``<uuid>_samples.jsonl`` before it.
    """
    unknown = [f"{score.task} {score.key}" for score in scores if score.higher_is_better is None]
    if unknown:
        left_out.append(f"The results do not say which way these are better: {', '.join(unknown)}.")
    known = [score for score in scores if score.higher_is_better is not None]
    lost = sum(run.members[task].lost for task in run.tasks if any(score.task == task for score in known))
    if lost:
        left_out.append(f"{lost} lost documents have no score, which each line must have; the records count them.")
    developer, _, model = about.model(run).rpartition("/")
    for root, members in _benchmarks(run, known).items():
        uuid = UUID(
            bytes=hashlib.sha256(f"{run.path.name} {about.model(run)} {root}".encode()).digest()[:16], version=4
        )
        folder = "/".join(["data", safe_name(root), safe_name(developer or "unknown"), safe_name(model)])
        record = _record(run, root, members, about)
        values = {score.key + score.task: _kind_of_values(run, score) for score in members}
        with_values = [score for score in members if values[score.key + score.task] == "graded"]
        odd = [f"{score.task} {score.key}" for score in members if values[score.key + score.task] == "other"]
        if odd:
            left_out.append(
                f"A line says whether a document is right, which values outside 0 to 1 do not: {', '.join(odd)}."
            )
        if with_values:
            path = f"{folder}/{uuid}_samples.jsonl"
            lines = Lines(run, record, with_values)
            yield path, lines.write
            record["detailed_evaluation_results"] = {
                **{"format": "jsonl", "file_path": path, "hash_algorithm": "sha256"},
                **{"checksum": lines.checksum, "total_rows": lines.count},
            }
        yield f"{folder}/{uuid}.json", _writer(record)


def _kind_of_values(run: Run, score: Score) -> str:
    """Return ``graded`` if all values of documents lie within 0 and 1, ``other`` for other numbers, else ``none``.

    Parts of a score over all documents are no numbers.
    """
    if score.task not in run.sample_files:
        return "none"
    numbers = [sample.number(score.metric) for sample in run.read(score.task) if sample.filter == score.filter]
    known = [number for number in numbers if number is not None]
    if not known:
        return "none"
    return "graded" if all(0 <= number <= 1 for number in known) else "other"


def _writer(record: Mapping[str, object]) -> Callable[[IO[bytes]], object]:
    return lambda file: file.write(json_bytes(record, indent=2) + b"\n")


def _benchmarks(run: Run, scores: Sequence[Score]) -> dict[str, list[Score]]:
    """Sort scores by the group or task that lies in no group."""
    parents = {child: group for group, children in run.group_subtasks.items() for child in children if child != group}
    found: dict[str, list[Score]] = {}
    for score in scores:
        root, seen = score.task, {score.task}
        while (parent := parents.get(root)) is not None and parent not in seen:
            root = parent
            seen.add(root)
        found.setdefault(root, []).append(score)
    return found


def _record(run: Run, root: str, scores: Sequence[Score], about: About) -> dict[str, object]:
    now, model = str(int(time.time())), about.model(run)
    source = {
        "source_name": "lm-eval-api",
        "source_type": "evaluation_run",
        "source_organization_name": about.organization or "unknown",
        "evaluator_relationship": about.evaluator,
        **({"source_organization_url": about.source_url} if about.source_url else {}),
    }
    server = at(run.model_info, "capabilities", "server")
    info: dict[str, object] = {"name": run.model_name or model, "id": model}
    info |= {"developer": model.partition("/")[0]} if "/" in model else {}
    info |= {"inference_engine": {"name": str(server)}} if server else {}
    info["additional_details"] = {"deployment_type": "unknown", "model_availability": "unknown"}
    record: dict[str, object] = {
        "schema_version": VERSION,
        "evaluation_id": f"{root}/{model}/{now}",
        "retrieved_timestamp": now,
        "source_metadata": source,
        "eval_library": {
            "name": "lm_eval",
            "version": str(run.at("lm_eval_version") or "unknown"),
            "additional_details": {"results_file": run.path.name},
        },
        "model_info": info,
        "evaluation_results": [_result(run, score) for score in scores],
    }
    if run.date is not None:
        record["evaluation_timestamp"] = str(int(run.date.timestamp()))
    return record


def _result(run: Run, score: Score) -> dict[str, object]:
    metric: dict[str, object] = {
        "metric_id": score.metric,
        "metric_name": score_name(score),
        "lower_is_better": not score.higher_is_better,
    }
    if score.filter != "none":
        metric["metric_parameters"] = {"filter": score.filter}
    if score.method == "wilson":  # the interval of 0/1 scores
        metric |= {"score_type": "continuous", "min_score": 0, "max_score": 1, "metric_unit": "proportion"}
    result: dict[str, object] = {
        "evaluation_result_id": result_id(score),
        "evaluation_name": score.task,
        "source_data": _source_data(run, score),
        "metric_config": metric,
        "score_details": {"score": score.value, **({"uncertainty": known} if (known := _uncertainty(score)) else {})},
        "generation_config": _generation(run, score.task),
    }
    if run.date is not None:
        result["evaluation_timestamp"] = str(int(run.date.timestamp()))
    return result


def _source_data(run: Run, score: Score) -> dict[str, object]:
    dataset = dataset_of(run.members[score.task].config)
    details = {"config": dataset.config, "revision": dataset.revision, "path": "" if dataset.on_hub else dataset.path}
    data: dict[str, object] = {"dataset_name": dataset.path or score.task, "source_type": "other"}
    if dataset.on_hub:
        data |= {"source_type": "hf_dataset", "hf_repo": dataset.path}
        data |= {"hf_split": dataset.split} if dataset.split else {}
        data |= {"samples_number": score.n} if score.n is not None else {}
    kept = {name: text for name, text in details.items() if text}
    return data | ({"additional_details": kept} if kept else {})


def _uncertainty(score: Score) -> dict[str, object]:
    known: dict[str, object] = {}
    if score.stderr is not None:
        known["standard_error"] = {"value": score.stderr}
    if score.interval is not None:
        low, high = score.interval
        method = {"method": score.method} if score.method else {}
        known["confidence_interval"] = {"lower": low, "upper": high, "confidence_level": score.level, **method}
    if known and score.n is not None:
        known["num_samples"] = score.n
    return known


def _generation(run: Run, task: str) -> dict[str, object]:
    settings = generation_of(run, task)
    given = {name: number for name in _SAMPLING if (number := as_number(settings.get(name))) is not None}
    limit = settings.get("max_gen_toks") or settings.get("max_tokens")
    arguments: dict[str, object] = {**given, **({"max_tokens": limit} if isinstance(limit, int) and limit > 0 else {})}
    others = {name: str(value) for name, value in settings.items() if name not in (*_SAMPLING, "max_gen_toks")}
    details = {**dict(settings_of(run, task)), **others}
    return {
        **({"generation_args": arguments} if arguments else {}),
        **({"additional_details": details} if details else {}),
    }
