"""The results as services take them: flat names and numbers, and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lm_eval.config.redact import redact

__all__ = ["flat_scores", "run_config", "saved_form", "score_table"]

_RUN_COUNTS = ("requests", "cached_answers", "retries", "failed_calls", "prompt_tokens", "completion_tokens", "cost")


def flat_scores(results: Mapping[str, Any]) -> dict[str, float]:
    """Name every number of the results.

    Args:
        results: The result dict of a run.

    Returns:
        ``"task/metric"`` to value, ``"task/metric_stderr"`` to standard error, ``"task/metric_ci_low"`` and
        ``…_ci_high`` to the ends of the 95 % interval; with another filter than ``none`` it stands after these,
        ``"task/metric,filter"``. Besides, ``"task/sample_len"`` and ``"task/n_errors"`` (docs lost), and what the run
        took: ``run/requests``, ``run/prompt_tokens``, ``run/cost``, ``run/seconds``, ….
    """
    flat: dict[str, float] = {}
    statistics = results.get("statistics") or {}
    for name, row in (results.get("results") or {}).items():
        for key, value in row.items():
            metric, comma, pipeline = key.partition(",")
            if _is_number(value) and (comma or key in ("sample_len", "n_errors")):
                flat[_flat_name(name, metric, pipeline)] = value
        for key, facts in (statistics.get(name) or {}).items():
            metric, _, pipeline = key.partition(",")
            for end, bound in zip(("low", "high"), facts.get("interval") or (), strict=False):
                if _is_number(bound):
                    flat[_flat_name(name, f"{metric}_ci_{end}", pipeline)] = bound
    return flat | dict(_run_numbers(results))


def _flat_name(task: str, metric: str, pipeline: str) -> str:
    return f"{task}/{metric}" if pipeline in ("", "none") else f"{task}/{metric},{pipeline}"


def _run_numbers(results: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    counts = ((results.get("config") or {}).get("model_info") or {}).get("run") or {}
    found = {key: counts.get(key) for key in _RUN_COUNTS}
    found |= {"docs_lost": (results.get("errors") or {}).get("lost")}
    found |= {"seconds": results.get("total_evaluation_time_seconds")}
    for key, value in found.items():
        if value is not None and _is_number(value):
            yield f"run/{key}", value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def score_table(results: Mapping[str, Any], column: str = "results") -> tuple[list[str], list[list[Any]]]:
    """Lay scores out as a table, a row a score.

    Args:
        results: The result dict of a run.
        column: ``results`` for tasks, ``groups`` for groups.

    Returns:
        The columns and the rows; None where there is no number. Columns of the 95 % interval and of lost docs are
        there when the run has any.
    """
    groups, rows_of = results.get("groups") or {}, results.get(column) or {}
    statistics = results.get("statistics") or {}
    lossy = any(row.get("n_errors") for row in rows_of.values())
    head = ["Groups" if column == "groups" else "Tasks", "Version", "Filter", "num_fewshot", "Metric", "Value"]
    head += ["Stderr", *(["Low", "High"] if statistics else []), *(["Errors"] if lossy else [])]
    rows = []
    for name, row in rows_of.items():
        if column == "results" and name in groups:
            continue
        for key in row:
            metric, comma, pipeline = key.partition(",")
            if not comma or metric.endswith("_stderr"):
                continue
            interval = (statistics.get(name) or {}).get(key, {}).get("interval") or (None, None)
            rows.append(
                [
                    name,
                    str((results.get("versions") or {}).get(name, "N/A")),
                    pipeline,
                    (results.get("n-shot") or {}).get(name),
                    metric,
                    _number(row[key]),
                    _number(row.get(f"{metric}_stderr,{pipeline}")),
                    *(map(_number, interval) if statistics else ()),
                    *([row.get("n_errors", 0)] if lossy else ()),
                ]
            )
    return head, rows


def _number(value: Any) -> float | None:
    return float(value) if _is_number(value) else None


def run_config(results: Mapping[str, Any]) -> dict[str, Any]:
    """Gather what was run, without secrets.

    Args:
        results: The result dict of a run.

    Returns:
        ``task_configs`` and ``cli_configs``.
    """
    saved = saved_form(results)
    return {"task_configs": saved["configs"], "cli_configs": saved["config"]}


def saved_form(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return the results as they may leave the machine.

    Args:
        results: The result dict of a run.

    Returns:
        All but the samples, without secrets.
    """
    content = {key: value for key, value in results.items() if key != "samples"}
    return {**content, "config": redact(content.get("config") or {}), "configs": redact(content.get("configs") or {})}
