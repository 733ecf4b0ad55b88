"""The results as trackers take them: numbers with flat names, and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lm_eval.api.result_keys import NOT_AVAILABLE
from lm_eval.config.redact import redact
from lm_eval.results.json_values import as_number
from lm_eval.results.run import Results

__all__ = ["flat_scores", "run_config", "saved_form", "score_table", "score_tables"]

_RUN_COUNTS = ("requests", "cached_answers", "retries", "failed_calls", "prompt_tokens", "completion_tokens", "cost")


def flat_scores(run: Results) -> dict[str, float]:
    """Name every number of the results.

    Args:
        run: The results of a run.

    Returns:
        ``"task/metric"`` to value, ``"task/metric_stderr"`` to standard error, ``"task/metric_ci_low"`` and
        ``…_ci_high`` to the ends of the 95 % interval; a filter other than ``none`` is added to the name,
        ``"task/metric,filter"``. Also ``"task/sample_len"`` and ``"task/n_errors"`` (documents lost), and what the
        run took: ``run/requests``, ``run/prompt_tokens``, ``run/cost``, ``run/seconds``, ….
    """
    flat: dict[str, float | None] = {}
    for name, member in run.members.items():
        for key in ("sample_len", "n_errors"):
            flat[f"{name}/{key}"] = as_number(run.at("results", name, key))
        for score in member.scores:
            ending = "" if score.filter in ("", "none") else f",{score.filter}"
            low, high = score.interval or (None, None)
            values = {"": score.value, "_stderr": score.stderr, "_ci_low": low, "_ci_high": high}
            flat |= {f"{name}/{score.metric}{what}{ending}": value for what, value in values.items()}
    flat |= {f"run/{key}": as_number(run.usage.get(key)) for key in _RUN_COUNTS}
    flat |= {"run/docs_lost": as_number(run.at("errors", "lost")), "run/seconds": run.seconds}
    return {name: value for name, value in flat.items() if value is not None}


def score_table(run: Results, column: str = "results") -> tuple[list[str], list[list[object]]]:
    """Lay scores out as a table with one row per score.

    Args:
        run: The results of a run.
        column: ``results`` for tasks, ``groups`` for groups.

    Returns:
        The columns and the rows; None where there is no number. The columns of the 95 % interval and of lost documents
        are present when the run has any.
    """
    groups, statistics = run.section("groups"), run.section("statistics")
    names = groups if column == "groups" else [name for name in run.members if name not in groups]
    members = [run.members[name] for name in names]
    lossy = any(member.lost for member in members)
    head = ["Groups" if column == "groups" else "Tasks", "Version", "Filter", "num_fewshot", "Metric", "Value"]
    head += ["Stderr", *(["Low", "High"] if statistics else []), *(["Errors"] if lossy else [])]
    rows = [
        [
            *(member.name, NOT_AVAILABLE if member.version is None else str(member.version)),
            *(score.filter, member.shots, score.metric, score.value, score.stderr),
            *((score.interval or (None, None)) if statistics else ()),
            *([member.lost] if lossy else ()),
        ]
        for member in members
        for score in member.scores
    ]
    return head, rows


def score_tables(run: Results) -> Iterator[tuple[str, list[str], list[list[object]]]]:
    """Lay out the tables of tasks and of groups.

    Args:
        run: The results of a run.

    Yields:
        The name, the columns and the rows of each table that has rows.
    """
    for name, column in (("eval_results", "results"), ("group_eval_results", "groups")):
        columns, rows = score_table(run, column)
        if rows:
            yield name, columns, rows


def run_config(run: Results) -> dict[str, object]:
    """Gather what was run, without secrets.

    Args:
        run: The results of a run.

    Returns:
        ``task_configs`` and ``cli_configs``.
    """
    saved = saved_form(run)
    return {"task_configs": saved["configs"], "cli_configs": saved["config"]}


def saved_form(run: Results) -> Mapping[str, object]:
    """Return the results as they may leave the machine.

    Args:
        run: The results of a run.

    Returns:
        All but the samples, without secrets.
    """
    content = {key: value for key, value in run.results.items() if key != "samples"}
    return {**content, "config": redact(run.config), "configs": redact(run.section("configs"))}
