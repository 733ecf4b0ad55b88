"""Score a saved run again: select its tasks, replay their answers, score, aggregate, compare."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval.config.run import RunSettings
from lm_eval.errors import ConfigError
from lm_eval.preparation import configure, seed_generators
from lm_eval.rescoring._changes import changed_scores
from lm_eval.rescoring._checks import changed_prompt_keys, check_complete, check_requests
from lm_eval.rescoring._judges import judged_again
from lm_eval.rescoring._replay import instances_of
from lm_eval.rescoring._tasks import load_tasks, select
from lm_eval.results import Member, Results, Run, Sample, TaskOutput, collect, environment, load
from lm_eval.results.collect import count_errors
from lm_eval.results.json_values import as_count, as_mapping, as_number
from lm_eval.results.per_doc import score_task
from lm_eval.results.sample import task_hash
from lm_eval.task_files.manager import TaskManager
from lm_eval.utils import simple_parse_args_string

if TYPE_CHECKING:
    from lm_eval.api.model import LM
    from lm_eval.api.task import Task
    from lm_eval.loggers.evaluation_tracker import EvaluationTracker

__all__ = ["rescore"]

eval_logger = logging.getLogger("lm_eval")

_CARRIED = (
    *("model_source", "model_name", "model_name_sanitized", "leaderboard_url", "point_of_contact"),
    *("system_instruction", "system_instruction_sha", "fewshot_as_multiturn", "chat_template", "chat_template_sha"),
)
"""The keys of the saved results about the model and the prompts, which are copied; the rest is computed again."""

_Hashes = dict[int | str | None, dict[str, str | None]]
"""Document to the hashes of its sample."""

_NOTE = "Prompts and answers are those of that file: no prompt was rebuilt, no model was asked."


def rescore(
    path: str | Path | Run,
    tasks: str | Sequence[str] | None = None,
    include_path: str | Path | Sequence[str | Path] | None = None,
    *,
    confirm_run_unsafe_code: bool = False,
    bootstrap_iters: int | None = None,
    task_manager: TaskManager | None = None,
    sandbox: str | None = None,
    judge: LM | Sequence[LM] | None = None,
    judge_model: str | Sequence[str] | None = None,
    judge_model_args: str | Mapping[str, object] | Sequence[str | Mapping[str, object]] | None = None,
    judge_template: str | Path | None = None,
    judge_baseline: str | Path | None = None,
    tracker: EvaluationTracker | None = None,
) -> dict[str, Any]:
    """Score a saved run again with the present filters and metrics of its tasks.

    Documents, prompts and responses come from the saved samples: no dataset is loaded and no model is asked, unless a
    judge is named, which then judges the answers again. Without one, saved verdicts are combined again. Lost documents
    stay lost.

    Args:
        path: The folder of the run, its results file, or what ``lm_eval.results.load`` returned.
        tasks: Names or patterns of the run's tasks and groups; all of them when None.
        include_path: Folders with more task files, when no ``task_manager`` is given.
        confirm_run_unsafe_code: Allow tasks that run what the model wrote.
        bootstrap_iters: Number of resamples for bootstrapped standard errors; the number of the run when None.
        task_manager: Finds the tasks; None builds one.
        sandbox: Where that code is run, as for ``simple_evaluate``.
        judge: Judges as objects, as for ``simple_evaluate``, like the following.
        judge_model: Kind of model of the judge.
        judge_model_args: Arguments of the judge.
        judge_template: A file with the template of the judge's prompt.
        judge_baseline: A run whose saved answers the judge compares with.
        tracker: Where the results will be saved; the judge's replies are kept there until then. None keeps none.

    Returns:
        Results as ``simple_evaluate`` returns them, with samples; ``config.rescored_from`` names the file they come
        from, what has changed in the tasks' prompts since, and which scores differ.

    Raises:
        UserError: The run has no samples, a task no longer exists, or it would ask something else now.
    """
    run = path if isinstance(path, Run) else load(path)
    names = select(run, tasks)
    seed_generators(_seed(run, "random_seed"), _seed(run, "numpy_seed"))
    loaded, groups = load_tasks(run, names, task_manager or TaskManager(include_path=include_path))
    hashes = {}
    for name, task in loaded.items():
        _configure(
            task, run.members[name], run, {"confirm_run_unsafe_code": confirm_run_unsafe_code, "sandbox": sandbox}
        )
        hashes[name] = _replay(task, run.members[name], run)
    settings = RunSettings.from_call(
        {
            "judge_model": judge_model,
            "judge_model_args": judge_model_args,
            "judge_template": judge_template,
            "judge_baseline": judge_baseline,
        }
    )
    judging = judged_again(run, loaded, settings, judge, tracker)
    changed_prompts: dict[str, list[str]] = {}
    outputs: dict[str, TaskOutput] = {}
    for name, task in loaded.items():
        saved = run.members[name]
        outputs[name] = _score(task, saved, run, hashes[name])
        if keys := changed_prompt_keys(task, saved.config, compare_functions=not _is_reference(run)):
            changed_prompts[name] = keys
            eval_logger.warning("Task %s: %s changed since the model was asked. %s", name, ", ".join(keys), _NOTE)
    if bootstrap_iters is None:
        bootstrap_iters = as_count(run.config.get("bootstrap_iters", 100_000))
    results = collect(outputs, groups, bootstrap_iters=bootstrap_iters)
    results["samples"] = {name: output.samples for name, output in outputs.items()}
    results["task_hashes"] = {name: task_hash(output.samples or []) for name, output in outputs.items()}
    if tasks is None and run.refused:
        results["refused"] = run.refused
    results["config"] = _config(run, bootstrap_iters, changed_prompts, changed_scores(run, Results(results)))
    judging.add_to(results)
    results["errors"] = count_errors(results, as_number(run.at("errors", "allowed")) or 0)
    return {
        **results,
        **environment.describe(),
        **{key: run.at(key) for key in _CARRIED if key in run.results},
        "total_evaluation_time_seconds": run.seconds or 0.0,
    }


def _config(
    run: Run, bootstrap_iters: int, changed_prompts: Mapping[str, list[str]], changes: Sequence[Mapping[str, object]]
) -> dict[str, object]:
    """Return the arguments of the saved run, and where the answers come from."""
    return {
        **run.config,
        **({"predict_only": False} if run.config.get("predict_only") else {}),
        "bootstrap_iters": bootstrap_iters,
        "rescored_from": {
            "file": run.path.name,
            "sha256": hashlib.sha256(run.path.read_bytes()).hexdigest(),
            "date": run.at("date"),
            "lm_eval_version": run.at("lm_eval_version"),
            "note": _NOTE,
            "changed_prompts": changed_prompts,
            "changes": changes,
        },
    }


def _seed(run: Run, name: str) -> int | None:
    seed = run.config.get(name)
    return seed if isinstance(seed, int) else None


def _is_reference(run: Run) -> bool:
    """Recognise files of the reference harness by a key that only it writes."""
    return "transformers_version" in run.results


def _configure(task: Task, saved: Member, run: Run, allowed: Mapping[str, object]) -> None:
    """Lay the settings of the saved run over those of the task."""
    given = run.config.get("gen_kwargs")
    arguments = {
        "gen_kwargs": simple_parse_args_string(given) if isinstance(given, str) else as_mapping(given),
        "fewshot_random_seed": _seed(run, "fewshot_seed") or 0,
        **allowed,
    }
    configure(task, RunSettings.from_call(arguments))
    if saved.shots is not None:
        task.set_config("num_fewshot", saved.shots)
    if isinstance(saved.config.get("repeats"), int):
        task.set_config("repeats", saved.config["repeats"])
    # The saved metadata hold the run's arguments; the version and the file are those of the present task.
    before, present = as_mapping(saved.config.get("metadata")), as_mapping(task.get_config("metadata"))
    added = {key: present[key] for key in present if key not in before or key in ("version", "config_source")}
    # A suffix says that documents were made in another way.
    if str(before.get("version")).startswith(f"{added.get('version')}-"):
        added["version"] = task.VERSION = str(before["version"])
    if metadata := {**before, **added}:
        task.set_config("metadata", metadata)


def _replay(task: Task, saved: Member, run: Run) -> _Hashes:
    """Give a task its saved answers; return the hashes of documents and prompts in the saved samples."""
    hashes: _Hashes = {}

    def with_hashes() -> Iterator[Sample]:
        for sample in run.read(saved.name):
            known = {"doc_hash": sample.doc_hash, "prompt_hash": sample.prompt_hash}
            hashes.setdefault(sample.doc_id, {key: value for key, value in known.items() if value is not None})
            yield sample

    instances = instances_of(with_hashes(), saved.name)
    if not instances:
        raise ConfigError(f"{run.sample_files[saved.name].name} holds no samples.")
    check_complete(saved, instances)
    task.replay(instances)
    check_requests(task, saved.config, instances)
    task.notes = list(saved.notes)  # of the prompts, which are those of the saved run
    return hashes


def _score(task: Task, saved: Member, run: Run, hashes: _Hashes) -> TaskOutput:
    """Score a task's saved answers; the hashes of documents and prompts are copied from the saved samples."""
    output = score_task(task, log_samples=True)
    if isinstance(output.cause, ConfigError):
        raise output.cause
    inexact = 0
    for sample in output.samples or ():
        copied = hashes[sample["doc_id"]]
        inexact += any(sample[key] != value for key, value in copied.items())
        sample.update(copied)
    if inexact:
        eval_logger.warning(
            "Task %s: %d samples hold their docs or prompts only in part, since JSON cannot keep them.",
            saved.name,
            inexact,
        )
    original = run.at("n-samples", saved.name, "original")
    return replace(output, n_original=original) if isinstance(original, int) else output
