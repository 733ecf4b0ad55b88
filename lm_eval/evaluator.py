"""A whole run on one page: load tasks, build requests, ask the model, filter, score, aggregate."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval import _setup
from lm_eval.errors import CapabilityError, ConfigError

if TYPE_CHECKING:
    from lm_eval.api.model import LM
    from lm_eval.api.task import Task
    from lm_eval.loggers.evaluation_tracker import EvaluationTracker
    from lm_eval.task_files.manager import TaskManager

__all__ = ["evaluate", "simple_evaluate"]

eval_logger = logging.getLogger("lm_eval")


def simple_evaluate(
    model: str | LM,
    model_args: str | Mapping[str, Any] | None = None,
    tasks: str | Sequence[Any] | None = None,
    num_fewshot: int | None = None,
    batch_size: int | str | None = None,
    max_batch_size: int | None = None,
    device: str | None = None,
    use_cache: str | None = None,
    cache_requests: bool = False,
    rewrite_requests_cache: bool = False,
    delete_requests_cache: bool = False,
    limit: int | float | None = None,
    samples: Mapping[str, Sequence[int]] | None = None,
    bootstrap_iters: int = 100_000,
    check_integrity: bool = False,
    write_out: bool = False,
    log_samples: bool = True,
    evaluation_tracker: EvaluationTracker | None = None,
    system_instruction: str | None = None,
    apply_chat_template: bool | str = False,
    fewshot_as_multiturn: bool | None = None,
    gen_kwargs: str | Mapping[str, Any] | None = None,
    task_manager: TaskManager | None = None,
    verbosity: str | None = None,
    predict_only: bool = False,
    random_seed: int = 0,
    numpy_random_seed: int = 1234,
    torch_random_seed: int = 1234,
    fewshot_random_seed: int = 1234,
    confirm_run_unsafe_code: bool = False,
    metadata: Mapping[str, Any] | None = None,
    *,
    data_dir: str | Path | None = None,
    include_path: str | Path | Sequence[str | Path] | None = None,
    fresh: bool = False,
    max_errors: int | float = 0,
    progress: bool | None = None,
) -> dict[str, Any]:
    """Evaluate a model on tasks.

    Args:
        model: A registered name, or an ``LM``.
        model_args: Its arguments, ``"a=1,b=2"`` or a mapping, when ``model`` is a name.
        tasks: Names, glob patterns, paths of task files, dicts, ``Task`` or ``Group`` objects.
        num_fewshot: Shots, in place of each task's own number; a task that says 0 keeps it.
        batch_size: Prompts a request, where the endpoint takes lists of prompts.
        max_batch_size: Accepted for compatibility.
        device: Accepted for compatibility; the model is behind an API.
        use_cache: A file of answers shared between runs.
        cache_requests: Accepted for compatibility; building requests is faster than reading a cache of them.
        rewrite_requests_cache: Accepted for compatibility.
        delete_requests_cache: Accepted for compatibility.
        limit: The first so many docs of each task, or that fraction of them when below 1.
        samples: Task name to the ids of the docs to evaluate, an id being the index in the split; tasks that are
            not named are evaluated whole.
        bootstrap_iters: Resamples for bootstrapped standard errors; 0 computes no standard errors.
        check_integrity: Validate the files of the tasks first.
        write_out: Log the first prompt of each task.
        log_samples: Keep a sample a doc in the result.
        evaluation_tracker: Where results will be saved; its folder also holds the journal a run resumes from.
        system_instruction: Opens every prompt.
        apply_chat_template: Send chat messages; a string names the template.
        fewshot_as_multiturn: Few-shot examples as turns of their own; on with the chat template unless False.
        gen_kwargs: Generation settings laid over those of each generation task.
        task_manager: Knows the tasks; one is made when absent.
        verbosity: A log level's name.
        predict_only: Ask and log, score nothing.
        random_seed: Seed of ``random``.
        numpy_random_seed: Seed of ``numpy.random``.
        torch_random_seed: Recorded only.
        fewshot_random_seed: Seed of each task's few-shot sampler.
        confirm_run_unsafe_code: Allow tasks that run what the model writes.
        metadata: Merged, with ``model_args``, into each task's metadata.
        data_dir: A folder with datasets as ``<dataset_path>``, looked at before the Hub.
        include_path: Folders with more task files, when no ``task_manager`` is given.
        fresh: Start over although an interrupted run could be resumed.
        max_errors: Lost docs that are put up with: a number, or a fraction of all docs when below 1.
        progress: Show a progress line; None means on a terminal only.

    Returns:
        The results, as described in ``docs/results.md``.

    Raises:
        UserError: The arguments, a task or the endpoint's abilities do not allow the run.
        APIError: The endpoint cannot be used at all.
    """
    from lm_eval.api.model import LM, RunContext
    from lm_eval.config.redact import redact
    from lm_eval.results import environment
    from lm_eval.results.collect import count_errors
    from lm_eval.task_files.manager import TaskManager
    from lm_eval.text import sha256
    from lm_eval.utils import setup_logging, simple_parse_args_string

    started = time.perf_counter()
    if verbosity is not None:
        setup_logging(verbosity)
    if not tasks:
        raise ConfigError("No tasks given; 'lm_eval ls tasks' lists them.")
    if limit is not None and samples is not None:
        raise ConfigError("limit and samples exclude each other; give one of them.")
    multiturn = bool(apply_chat_template) and fewshot_as_multiturn is not False
    gen_kwargs = simple_parse_args_string(gen_kwargs) if isinstance(gen_kwargs, str) else dict(gen_kwargs or {})
    arguments = simple_parse_args_string(model_args) if isinstance(model_args, str) else dict(model_args or {})
    _setup.seed_generators(random_seed, numpy_random_seed)

    manager = task_manager or TaskManager(
        include_path=include_path, metadata={**redact(arguments), **(metadata or {})}, data_dir=data_dir
    )
    loaded = manager.load([tasks] if isinstance(tasks, str | dict) else list(tasks))
    if check_integrity:
        _setup.check_integrity_of(manager, loaded["tasks"])
    for task in loaded["tasks"].values():
        if data_dir is not None:
            task.set_data_dir(data_dir)
        _setup.configure(task, num_fewshot, gen_kwargs, predict_only, fewshot_random_seed, confirm_run_unsafe_code)

    config: dict[str, Any] = {
        "model": model if isinstance(model, str) else type(model).__name__,
        "model_args": redact(arguments),
        "batch_size": batch_size,
        "use_cache": use_cache,
        "limit": limit,
        "samples": samples,
        "bootstrap_iters": bootstrap_iters,
        "gen_kwargs": gen_kwargs or None,
        "num_fewshot": num_fewshot,
        "predict_only": predict_only,
        "max_errors": max_errors,
        "random_seed": random_seed,
        "numpy_seed": numpy_random_seed,
        "torch_seed": torch_random_seed,
        "fewshot_seed": fewshot_random_seed,
    }
    lm = _setup.make_model(model, arguments, batch_size=batch_size, max_batch_size=max_batch_size, device=device)
    try:
        lm.prepare(
            RunContext(
                request_types=frozenset(_setup.request_type(task) for task in loaded["tasks"].values()),
                chat=bool(apply_chat_template),
                use_cache=Path(use_cache).expanduser() if use_cache else None,
                journal=_setup.journal_of(evaluation_tracker, config["model"], arguments, loaded["tasks"]),
                fresh=fresh,
                progress=progress,
            )
        )
        results = evaluate(
            _setup.with_cache(lm, use_cache),
            loaded,
            limit=limit,
            samples=samples,
            bootstrap_iters=bootstrap_iters,
            write_out=write_out,
            log_samples=log_samples or predict_only,
            system_instruction=system_instruction,
            apply_chat_template=apply_chat_template,
            fewshot_as_multiturn=multiturn,
            confirm_run_unsafe_code=confirm_run_unsafe_code,
        )
        results["config"] = {**config, **_described(lm)}
    finally:
        if not isinstance(model, LM):
            lm.close()
    results["errors"] = count_errors(results, max_errors)
    template = lm.chat_template(apply_chat_template) if apply_chat_template else None
    results |= {
        **environment.describe(),
        "system_instruction": system_instruction,
        "system_instruction_sha": sha256(system_instruction) if system_instruction else None,
        "fewshot_as_multiturn": multiturn,
        "chat_template": template,
        "chat_template_sha": sha256(template) if template else None,
        "model_source": config["model"],
        "model_name": str(arguments.get("model") or arguments.get("pretrained") or config["model"]),
        "total_evaluation_time_seconds": round(time.perf_counter() - started, 3),
    }
    return results


def evaluate(
    lm: LM,
    task_dict: Mapping[str, Any],
    limit: int | float | None = None,
    samples: Mapping[str, Sequence[int]] | None = None,
    cache_requests: bool = False,
    rewrite_requests_cache: bool = False,
    bootstrap_iters: int | None = 100_000,
    write_out: bool = False,
    log_samples: bool = True,
    system_instruction: str | None = None,
    apply_chat_template: bool | str = False,
    fewshot_as_multiturn: bool = False,
    verbosity: str | None = None,
    confirm_run_unsafe_code: bool = False,
) -> dict[str, Any]:
    """Evaluate a model on loaded tasks.

    Args:
        lm: The model.
        task_dict: What ``TaskManager.load`` or ``get_task_dict`` returned.
        limit: The first so many docs of each task, or that fraction of them when below 1.
        samples: Task name to the ids of the docs to evaluate.
        cache_requests: Accepted for compatibility.
        rewrite_requests_cache: Accepted for compatibility.
        bootstrap_iters: Resamples for bootstrapped standard errors; 0 computes no standard errors.
        write_out: Log the first prompt of each task.
        log_samples: Keep a sample a doc in the result.
        system_instruction: Opens every prompt.
        apply_chat_template: Send chat messages.
        fewshot_as_multiturn: Few-shot examples as turns of their own.
        verbosity: Accepted for compatibility.
        confirm_run_unsafe_code: Allow tasks that run what the model writes.

    Returns:
        The results without what only ``simple_evaluate`` knows.

    Raises:
        CapabilityError: The model can answer none of the tasks.
        UserError: A task cannot be built or scored.
    """
    from lm_eval.results.collect import collect
    from lm_eval.results.hashes import task_hash
    from lm_eval.results.per_doc import score_task

    tasks, groups, refused = _answerable(lm, *_setup.flatten(task_dict))
    for name, task in tasks.items():
        _setup.refuse_unsafe(task, confirm_run_unsafe_code)
        chosen = samples.get(name) if samples else None
        _setup.build_requests(lm, task, limit, chosen, system_instruction, apply_chat_template, fewshot_as_multiturn)
        if write_out:
            _setup.show_first_prompt(task)
    lm.respond([instance for task in tasks.values() for instance in task.instances])
    outputs = {name: score_task(task, log_samples=log_samples) for name, task in tasks.items()}
    results = collect(outputs, groups, bootstrap_iters=bootstrap_iters or 0)
    if log_samples:
        results["samples"] = {name: output.samples for name, output in outputs.items()}
        results["task_hashes"] = {name: task_hash(output.samples or []) for name, output in outputs.items()}
    if refused:
        results["refused"] = refused
    return results


def _answerable(
    lm: LM, tasks: Mapping[str, Task], groups: Mapping[str, Any]
) -> tuple[dict[str, Task], dict[str, Any], dict[str, str]]:
    """Set aside the tasks the model cannot answer, and the groups whose mean would lack them."""
    from lm_eval.reports.table import refusals

    reasons = {name: reason for name, task in tasks.items() if (reason := lm.refuses(_setup.request_type(task)))}
    kept = {name: task for name, task in tasks.items() if name not in reasons}
    if not kept:
        raise CapabilityError(next(iter(reasons.values()), "No task to evaluate."))
    for line in refusals(reasons):
        eval_logger.error(line)
    whole = {n: g for n, g in groups.items() if not any(t.task_name in reasons for t in g.get_all_tasks())}
    return kept, whole, reasons


def _described(lm: LM) -> dict[str, Any]:
    described = lm.describe()
    return {"model_info": described} if described else {}
