"""``.eval_results/*.yaml`` of a model's repository on the Hub, which feed the leaderboards of benchmark data sets.

The format is that of ``huggingface_hub.EvalResultEntry``, described in the Hub's documentation of evaluation results.
"""

from __future__ import annotations

from collections.abc import Iterator

from lm_eval.reports.exports.facts import About, dataset_of, safe_name, score_name, settings_of
from lm_eval.reports.exports.parts import Part, yaml_writer
from lm_eval.results import Run, Score

__all__ = ["parts"]


def parts(run: Run, scores: list[Score], about: About, left_out: list[str]) -> Iterator[Part]:
    """Write one file per task, with one value: that of its first score.

    Args:
        run: The run.
        scores: The scores to write; of a task the first counts.
        about: What the results file does not know.
        left_out: Gets what the format cannot hold.

    Yields:
        The files.
    """
    seen: set[str] = set()
    for score in scores:
        if score.task in seen or score.is_group:
            continue
        seen.add(score.task)
        dataset = dataset_of(run.members[score.task].config)
        if not dataset.on_hub:
            left_out.append(f"{score.task}: its documents are not a data set on the Hub.")
            continue
        data = {"id": dataset.path, "task_id": dataset.config or "default"}
        if dataset.revision:
            data["revision"] = dataset.revision
        entry: dict[str, object] = {"dataset": data, "value": score.value}
        if run.date is not None:
            entry["date"] = run.date.isoformat(timespec="seconds").replace("+00:00", "Z")
        if about.source_url:
            name = {"name": about.organization} if about.organization else {}
            entry["source"] = {"url": about.source_url, **name}
        settings = [f"{name}={text}" for name, text in settings_of(run, score.task)]
        spread = [] if score.stderr is None else [f"stderr={score.stderr:.4g}"]
        entry["notes"] = ", ".join([f"{score.task}: {score_name(score)}", *spread, *settings])
        yield f".eval_results/{safe_name(score.task)}.yaml", yaml_writer([entry])
    groups = [name for name in run.groups if any(score.task == name for score in scores)]
    if groups:
        left_out.append(f"A leaderboard takes no groups: {', '.join(groups)}.")
