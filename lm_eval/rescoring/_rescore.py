"""A saved run scored again: select its tasks, replay their answers, score, aggregate, compare."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval.config.run import RunSettings
from lm_eval.errors import ConfigError
from lm_eval.preparation import configure, seed_generators
from lm_eval.rescoring._changes import changed_scores
from lm_eval.rescoring._checks import changed_prompt_keys, check_complete, check_requests
from lm_eval.rescoring._replay import instances_of
from lm_eval.rescoring._tasks import load_tasks, select

if TYPE_CHECKING:
    from lm_eval.api.task import Task
    from lm_eval.results import Run, TaskOutput
    from lm_eval.task_files.manager import TaskManager

__all__ = ["rescore"]

eval_logger = logging.getLogger("lm_eval")

# What a results file says of who asked, and when; the rest is computed anew.
_CARRIED = (
    *("model_source", "model_name", "model_name_sanitized", "leaderboard_url", "point_of_contact"),
    *("system_instruction", "system_instruction_sha", "fewshot_as_multiturn", "chat_template", "chat_template_sha"),
)
_NOTE = "Prompts and answers are those of that file: no prompt was rebuilt, no model was asked."


def rescore(
    path: str | Path | Run,
    tasks: str | Sequence[str] | None = None,
    include_path: str | Path | Sequence[str | Path] | None = None,
    *,
    confirm_run_unsafe_code: bool = False,
    bootstrap_iters: int | None = None,
    task_manager: TaskManager | None = None,
) -> dict[str, Any]:
    """Score a saved run again with the present filters and metrics of its tasks.

    Docs, prompts and responses come from the saved samples: no dataset is loaded and no model is asked. Docs that were
    lost stay lost.

    Args:
        path: The folder of the run, its results file, or what ``lm_eval.results.load`` returned.
        tasks: Names or patterns of the run's tasks and groups; all of them when None.
        include_path: Folders with more task files, when no ``task_manager`` is given.
        confirm_run_unsafe_code: Allow tasks that run what the model wrote.
        bootstrap_iters: Resamples for bootstrapped standard errors; the run's own number when None.
        task_manager: Knows the tasks; one is made when absent.

    Returns:
        Results as ``simple_evaluate`` returns them, with samples; ``config.rescored_from`` tells which file they come
        from, what has changed in the tasks' prompts since, and which scores differ.

    Raises:
        UserError: The run has no samples, a task no longer exists, or it would ask something else now.
    """
    from lm_eval.results import Run, collect, environment, load
    from lm_eval.results.collect import count_errors
    from lm_eval.results.sample import task_hash
    from lm_eval.task_files.manager import TaskManager

    run = path if isinstance(path, Run) else load(path)
    saved, config = run.results, dict(run.results.get("config") or {})
    names = select(run, tasks)
    seed_generators(config.get("random_seed"), config.get("numpy_seed"))
    loaded, groups = load_tasks(run, names, task_manager or TaskManager(include_path=include_path))
    changed_prompts: dict[str, list[str]] = {}
    outputs: dict[str, TaskOutput] = {}
    for name, task in loaded.items():
        _configure(task, run, confirm_run_unsafe_code)
        outputs[name] = _score(task, run)
        if keys := changed_prompt_keys(task, _saved_config(run, name), compare_functions=not _is_reference(run)):
            changed_prompts[name] = keys
            eval_logger.warning("Task %s: %s changed since the model was asked. %s", name, ", ".join(keys), _NOTE)
    iterations = config.get("bootstrap_iters", 100_000) if bootstrap_iters is None else bootstrap_iters
    results = collect(outputs, groups, bootstrap_iters=iterations or 0)
    results["samples"] = {name: output.samples for name, output in outputs.items()}
    results["task_hashes"] = {name: task_hash(output.samples or []) for name, output in outputs.items()}
    if tasks is None and saved.get("refused"):
        results["refused"] = saved["refused"]
    results["config"] = {
        **config,
        **({"predict_only": False} if config.get("predict_only") else {}),
        "bootstrap_iters": iterations,
        "rescored_from": {
            "file": run.path.name,
            "sha256": hashlib.sha256(run.path.read_bytes()).hexdigest(),
            "date": saved.get("date"),
            "lm_eval_version": saved.get("lm_eval_version"),
            "note": _NOTE,
            "changed_prompts": changed_prompts,
            "changes": changed_scores(saved["results"], results["results"]),
        },
    }
    results["errors"] = count_errors(results, (saved.get("errors") or {}).get("allowed", 0))
    return {
        **results,
        **environment.describe(),
        **{key: saved[key] for key in _CARRIED if key in saved},
        # The reference harness writes a text.
        "total_evaluation_time_seconds": float(saved.get("total_evaluation_time_seconds") or 0.0),
    }


def _saved_config(run: Run, task: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (run.results.get("configs") or {}).get(task) or {}
    return found


def _is_reference(run: Run) -> bool:
    """Tell files of the reference harness by a key only it writes."""
    return "transformers_version" in run.results


def _configure(task: Task, run: Run, confirmed: bool) -> None:
    """Lay the run's settings over the task's own, as they were."""
    from lm_eval.utils import simple_parse_args_string

    name, config = str(task.task_name), run.results.get("config") or {}
    settings = config.get("gen_kwargs") or {}
    settings = simple_parse_args_string(settings) if isinstance(settings, str) else settings
    arguments = {"gen_kwargs": settings, "fewshot_random_seed": config.get("fewshot_seed") or 0}
    configure(task, RunSettings.from_call({**arguments, "confirm_run_unsafe_code": confirmed}))
    shots, saved = (run.results.get("n-shot") or {}).get(name), _saved_config(run, name)
    if isinstance(shots, int):
        task.set_config("num_fewshot", shots)
    if isinstance(saved.get("repeats"), int):
        task.set_config("repeats", saved["repeats"])
    before, now = saved.get("metadata") or {}, task.get_config("metadata") or {}
    # The run's arguments are in the saved metadata; the version and the file are those of the present task.
    own = {key: now[key] for key in ("version", "config_source") if key in now}
    if metadata := {**before, **{key: value for key, value in now.items() if key not in before}, **own}:
        task.set_config("metadata", metadata)


def _score(task: Task, run: Run) -> TaskOutput:
    """Score a task's saved answers; hashes of docs and prompts stay those of what was asked."""
    from lm_eval.results.per_doc import score_task

    name = str(task.task_name)
    hashes: dict[Any, dict[str, Any]] = {}

    def noting_hashes() -> Any:
        for sample in run.iter_samples(name):
            kept: dict[str, Any] = {key: sample[key] for key in ("doc_hash", "prompt_hash") if key in sample}
            hashes.setdefault(sample.get("doc_id"), kept)
            yield sample

    instances = instances_of(noting_hashes(), name)
    if not instances:
        raise ConfigError(f"{run.sample_files[name].name} holds no samples.")
    check_complete(name, run.results["results"].get(name) or {}, instances)
    task.replay(instances)
    check_requests(task, _saved_config(run, name), instances)
    output = score_task(task, log_samples=True)
    inexact = 0
    for sample in output.samples or ():
        inexact += any(sample[key] != value for key, value in hashes[sample["doc_id"]].items())
        sample.update(hashes[sample["doc_id"]])
    if inexact:
        eval_logger.warning(
            "Task %s: %d samples hold their docs or prompts only in part, since JSON cannot keep them.", name, inexact
        )
    counts = (run.results.get("n-samples") or {}).get(name) or {}
    return replace(output, n_original=counts.get("original", output.n_original))
