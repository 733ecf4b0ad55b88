"""What has to be in place before a run asks its first question."""

from __future__ import annotations

import hashlib
import json
import logging
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval.errors import ConfigError

if TYPE_CHECKING:
    from lm_eval.api.model import LM
    from lm_eval.api.task import Task
    from lm_eval.loggers.evaluation_tracker import EvaluationTracker
    from lm_eval.task_files.manager import TaskManager

eval_logger = logging.getLogger("lm_eval")


def flatten(task_dict: Mapping[Any, Any]) -> tuple[dict[str, Task], dict[str, Any]]:
    """Read what ``TaskManager.load`` returns, or the nested ``{group: {name: task}}`` of ``get_task_dict``."""
    if isinstance(task_dict.get("tasks"), Mapping):
        return dict(task_dict["tasks"]), dict(task_dict.get("groups") or {})
    tasks: dict[str, Task] = {}
    groups: dict[str, Any] = {}
    for name, item in task_dict.items():
        if isinstance(item, Mapping):
            inner_tasks, inner_groups = flatten(item)
            tasks |= inner_tasks
            groups |= inner_groups
            if not isinstance(name, str):
                groups[name.name] = name
        else:
            tasks[name] = item
    return tasks, groups


def make_model(model: str | LM, arguments: Mapping[str, Any], **more: Any) -> LM:
    """Build a model from its registered name; a model that is built already is used as it is."""
    from lm_eval.api.model import LM
    from lm_eval.api.registry import get_model

    if isinstance(model, LM):
        return model
    if not isinstance(model, str):
        raise ConfigError(f"model is a registered name or an LM, not {type(model).__name__}.")
    return get_model(model).create_from_arg_obj(arguments, more)


def with_cache(lm: LM, use_cache: str | None) -> Any:
    """Give a model without a journal of its own a cache."""
    from lm_eval.api.model import CachingLM

    return lm if use_cache is None or lm.keeps_answers else CachingLM(lm, use_cache)


def configure(
    task: Task,
    num_fewshot: int | None,
    gen_kwargs: Mapping[str, Any],
    predict_only: bool,
    fewshot_seed: int,
    confirm_run_unsafe_code: bool,
) -> None:
    """Lay the run's settings over a task's own."""
    refuse_unsafe(task, confirm_run_unsafe_code)
    if gen_kwargs and task.OUTPUT_TYPE == "generate_until":
        task.set_config("generation_kwargs", dict(gen_kwargs), update=True)
    if predict_only:
        task.override_metric("bypass")
    own = task.get_config("num_fewshot")
    if num_fewshot is not None and own == 0:
        eval_logger.info("Task %s is defined with 0 shots; num_fewshot=%s is ignored.", task.task_name, num_fewshot)
    elif num_fewshot is not None:
        task.set_config("num_fewshot", num_fewshot)
    elif own is None:
        task.set_config("num_fewshot", 0)
    task.set_fewshot_seed(fewshot_seed)


def refuse_unsafe(task: Task, confirmed: bool) -> None:
    """Stop before a task that runs what the model writes, unless that was allowed."""
    if not confirmed and (getattr(task, "UNSAFE_CODE", False) or task.get_config("unsafe_code")):
        raise ConfigError(f"Task {task.task_name!r} runs code the model writes; allow it with confirm_run_unsafe_code.")


def build_requests(
    lm: LM,
    task: Task,
    limit: int | float | None,
    samples: Sequence[int] | None,
    system_instruction: str | None,
    apply_chat_template: bool | str,
    fewshot_as_multiturn: bool,
) -> None:
    """Make a task's Instances as the model wants its prompts."""
    task.build_all_requests(
        limit=limit,
        samples=None if samples is None else list(samples),
        system_instruction=system_instruction,
        apply_chat_template=bool(apply_chat_template),
        fewshot_as_multiturn=fewshot_as_multiturn,
        chat_template=lm.apply_chat_template if apply_chat_template else None,
        tokenizer_name=lm.tokenizer_name if apply_chat_template else "",
    )


def request_type(task: Task) -> str:
    """Name the LM method that answers most of a task's Instances."""
    return "loglikelihood" if task.OUTPUT_TYPE in (None, "multiple_choice") else str(task.OUTPUT_TYPE)


def check_integrity_of(manager: TaskManager, tasks: Mapping[str, Task]) -> None:
    """Validate the files of the tasks."""
    from lm_eval.task_files.validate import validate

    problems = validate(manager, list(tasks))
    if problems:
        raise ConfigError(f"{len(problems)} of the tasks have faults: {problems[0]}")


def show_first_prompt(task: Task) -> None:
    """Log a task's first prompt and what follows it."""
    for instance in task.instances[:1]:
        eval_logger.info("First prompt of %s:\n%s\nTarget: %s", task.task_name, instance.args[0], instance.args[1:])


def seed_generators(random_seed: int | None, numpy_seed: int | None) -> None:
    """Seed the generators task code may use."""
    if random_seed is not None:
        random.seed(random_seed)
    if numpy_seed is not None:
        import numpy as np

        np.random.seed(numpy_seed)


def journal_of(
    tracker: EvaluationTracker | None, model: str, arguments: Mapping[str, Any], tasks: Mapping[str, Task]
) -> Path | None:
    """Name the journal after the model and the tasks.

    An answer in it is found by the whole request, so a run that was cut short resumes also when it is given again
    with another concurrency or limit.
    """
    if tracker is None:
        return None
    named = [model, *(arguments.get(key) for key in ("model", "pretrained", "base_url")), sorted(tasks)]
    return tracker.journal_path(hashlib.sha256(json.dumps(named, default=str).encode()).hexdigest()[:12])
