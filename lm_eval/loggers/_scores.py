"""The results as experiment trackers take them: flat names and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["flat_scores", "run_config", "sample_rows"]

SAMPLE_COLUMNS = ["doc_id", "filter", "prompt", "response", "filtered_response", "target"]


def flat_scores(results: Mapping[str, Any]) -> dict[str, float]:
    """Name every number of the results.

    Args:
        results: The result dict of a run.

    Returns:
        ``"task/metric"`` to value, ``"task/metric_stderr"`` to standard error; with another filter than ``none`` it
        stands after the metric, ``"task/metric,filter"``.
    """
    flat: dict[str, float] = {}
    for name, row in (results.get("results") or {}).items():
        for key, value in row.items():
            metric, comma, pipeline = key.partition(",")
            if comma and isinstance(value, (int, float)) and not isinstance(value, bool):
                flat[f"{name}/{metric}" if pipeline == "none" else f"{name}/{metric},{pipeline}"] = value
        if row.get("n_errors"):
            flat[f"{name}/n_errors"] = row["n_errors"]
    return flat


def run_config(results: Mapping[str, Any]) -> dict[str, Any]:
    """Gather what was run, without secrets.

    Args:
        results: The result dict of a run.

    Returns:
        ``task_configs`` and ``cli_configs``.
    """
    from lm_eval.results.redact import redact

    return {"task_configs": results.get("configs") or {}, "cli_configs": redact(results.get("config") or {})}


def sample_rows(samples: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    """Lay a task's samples out as a table.

    Args:
        samples: The samples.

    Returns:
        The columns and the rows; the metrics' columns come last.
    """
    metrics = list(dict.fromkeys(metric for sample in samples for metric in sample.get("metrics", ())))
    rows = [
        [
            sample.get("doc_id"),
            sample.get("filter"),
            _text(sample.get("arguments")),
            _text(sample.get("resps")),
            _text(sample.get("filtered_resps")),
            _text(sample.get("target")),
            *(_cell(sample.get(metric)) for metric in metrics),
        ]
        for sample in samples
    ]
    return [*SAMPLE_COLUMNS, *metrics], rows


def _text(value: Any) -> str:
    from lm_eval.loggers._files import to_json

    return value if isinstance(value, str) else to_json(value)


def _cell(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str)) else _text(value)
