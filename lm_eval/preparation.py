"""What running, planning and rescoring have in common: tasks under the settings of a run, and the model."""

from __future__ import annotations

import hashlib
import json
import logging
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval.config.generation import doubts, merge_settings
from lm_eval.config.redact import redact
from lm_eval.config.run import RunSettings
from lm_eval.errors import ConfigError, MissingPackageError, TaskFileError, UserError

if TYPE_CHECKING:
    from lm_eval.api.group import Group
    from lm_eval.api.model import LM
    from lm_eval.api.task import Task
    from lm_eval.loggers.evaluation_tracker import EvaluationTracker
    from lm_eval.task_files.manager import TaskManager

__all__ = ["Prepared", "configure", "flatten", "journal_of", "prepare", "refuse_unsafe", "seed_generators"]

eval_logger = logging.getLogger("lm_eval")


@dataclass(slots=True)
class Prepared:
    """A model and the tasks it is about to answer.

    Attributes:
        lm: The model.
        tasks: Task name to task, in the order of the run.
        groups: Group name to group.
        refused: Task name to the reason why the model cannot answer the task, which is no longer in ``tasks``.
    """

    lm: LM
    tasks: dict[str, Task]
    groups: dict[str, Group]
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def request_types(self) -> frozenset[str]:
        """The request types of the tasks."""
        return frozenset(_request_type(task) for task in self.tasks.values())

    def set_aside_refused(self, refuses: Callable[[str], str | None]) -> None:
        """Move the tasks that the model cannot answer to ``refused``, and drop groups whose mean would lack them.

        Args:
            refuses: Returns the reason why a request type cannot be answered, or None.
        """
        for name, task in list(self.tasks.items()):
            if reason := refuses(_request_type(task)):
                self.refused[name] = reason
                del self.tasks[name]
        for name, group in list(self.groups.items()):
            if any(task.task_name in self.refused for task in group.get_all_tasks()):
                del self.groups[name]

    def build_requests(self, settings: RunSettings, faults: dict[str, str] | None = None) -> None:
        """Build the Instances of all tasks, with prompts in the form that the model takes.

        Args:
            settings: The settings of the run.
            faults: Gets the tasks that fail, with the reason; None raises the first failure.

        Raises:
            UserError: A task cannot be built.
        """
        lm, chat = self.lm, bool(settings.apply_chat_template)

        def build(name: str, task: Task) -> None:
            task.build_all_requests(
                limit=settings.limit,
                samples=settings.samples.get(name) if settings.samples else None,
                system_instruction=settings.system_instruction,
                apply_chat_template=chat,
                fewshot_as_multiturn=settings.multiturn,
                chat_template=lm.apply_chat_template if chat else None,
                tokenizer_name=lm.tokenizer_name if chat else "",
            )
            if settings.write_out:
                for instance in task.instances[:1]:
                    eval_logger.info("First prompt of %s:\n%s\nTarget: %s", name, instance.args[0], instance.args[1:])

        _for_each(self.tasks, build, faults)


@contextmanager
def prepare(
    settings: RunSettings,
    lm: LM | None = None,
    task_manager: TaskManager | None = None,
    faults: dict[str, str] | None = None,
) -> Iterator[Prepared]:
    """Load the tasks of a run, apply its settings to them, and build the model. No dataset is loaded.

    At the end of the context a model that was built here is closed.

    Args:
        settings: The settings of the run.
        lm: The model; None builds the one that the settings name.
        task_manager: Finds the tasks; None builds one from the settings.
        faults: Gets the tasks that cannot be built, with the reason; None raises the first failure.

    Yields:
        The model and the tasks. Nothing has been sent to the model.

    Raises:
        UserError: The settings do not make a run, or no task can be built.
    """
    from lm_eval.api.model import LM
    from lm_eval.api.registry import get_model
    from lm_eval.task_files.manager import TaskManager
    from lm_eval.task_files.validate import validate

    settings.check()
    if lm is not None and not isinstance(lm, LM):
        raise ConfigError(f"model is a registered name or an LM, not {type(lm).__name__}.")
    seed_generators(*settings.seed[:2])
    manager = task_manager or TaskManager(
        include_path=settings.include_path or None,
        metadata={**redact(settings.model_args), **settings.metadata},
        data_dir=settings.data_dir,
    )
    tasks, groups = _load(manager, settings.tasks, faults)
    if settings.check_integrity and faults is None and (problems := validate(manager, list(tasks))):
        raise ConfigError(f"{len(problems)} of the tasks have faults: {problems[0]}")
    _for_each(tasks, lambda _, task: configure(task, settings), faults)
    for line in doubts(settings.gen_kwargs, {name: _generation(task) for name, task in tasks.items()}):
        eval_logger.warning(line)
    if lm is not None:
        yield Prepared(lm, tasks, groups)
        return
    more = {name: getattr(settings, name) for name in ("batch_size", "max_batch_size", "device")}
    with closing(get_model(settings.model).create_from_arg_obj(settings.model_args, more)) as lm:
        yield Prepared(lm, tasks, groups)


def _for_each(tasks: dict[str, Task], step: Callable[[str, Task], None], faults: dict[str, str] | None) -> None:
    """Do a step with each task. If ``faults`` is given, move the tasks for which the step fails there."""
    for name, task in list(tasks.items()):
        try:
            step(name, task)
        except UserError as error:
            if faults is None:
                raise
            faults[name] = str(error)
            del tasks[name]


def _load(
    manager: TaskManager, items: Sequence[object], faults: dict[str, str] | None
) -> tuple[dict[str, Task], dict[str, Group]]:
    """Build tasks and groups. If ``faults`` is given, leave out the tasks that cannot be built."""
    try:
        loaded = manager.load(items)
    except (MissingPackageError, TaskFileError):
        names = [] if faults is None else _without_faults(manager, items, faults)
        if not names:
            raise
        loaded = manager.load(names)
    return dict(loaded["tasks"]), dict(loaded["groups"])


def _without_faults(manager: TaskManager, items: Sequence[object], faults: dict[str, str]) -> list[str]:
    """Return the names of the tasks that can be built; none if an item is not a name."""
    from lm_eval.task_files.validate import members, validate

    names = [item for item in items if isinstance(item, str) and manager.match_tasks([item])]
    if len(names) < len(items):
        return []
    faults |= {problem.name: problem.reason for problem in validate(manager, names)}
    tasks = set(manager.all_subtasks) - set(faults)
    return [name for name in members(manager, names) if name in tasks]


def configure(task: Task, settings: RunSettings) -> None:
    """Apply the settings of a run to a task.

    Args:
        task: The task.
        settings: The settings of the run.

    Raises:
        ConfigError: The task runs code that a model writes, and the settings do not allow that.
    """
    refuse_unsafe(task, settings)
    if settings.data_dir is not None:
        task.set_data_dir(settings.data_dir)
    if settings.gen_kwargs and task.OUTPUT_TYPE == "generate_until":
        task.set_config("generation_kwargs", merge_settings(_generation(task), settings.gen_kwargs))
    if settings.predict_only:
        task.override_metric("bypass")
    task_shots, shots = task.get_config("num_fewshot"), settings.num_fewshot
    if shots is not None and task_shots == 0:
        eval_logger.info("Task %s is defined with 0 shots; num_fewshot=%s is ignored.", task.task_name, shots)
    elif shots is not None or task_shots is None:
        task.set_config("num_fewshot", shots or 0)
    task.set_fewshot_seed(settings.seed[3])


def _generation(task: Task) -> dict[str, object]:
    """Return the generation settings of a task; empty for a task that generates nothing."""
    given = task.get_config("generation_kwargs") if task.OUTPUT_TYPE == "generate_until" else None
    return dict(given) if isinstance(given, Mapping) else {}


def refuse_unsafe(task: Task, settings: RunSettings) -> None:
    """Refuse a task that runs code a model writes, unless the settings allow that.

    Args:
        task: The task.
        settings: The settings of the run.

    Raises:
        ConfigError: The task is refused.
    """
    if not settings.confirm_run_unsafe_code and (task.UNSAFE_CODE or task.get_config("unsafe_code")):
        raise ConfigError(f"Task {task.task_name!r} runs code the model writes; allow it with confirm_run_unsafe_code.")


def seed_generators(random_seed: int | None, numpy_seed: int | None) -> None:
    """Seed the random generators that the code of a task may use.

    Args:
        random_seed: The seed of ``random``; None leaves it alone.
        numpy_seed: The seed of ``numpy.random``; None leaves it alone.
    """
    if random_seed is not None:
        random.seed(random_seed)
    if numpy_seed is not None:
        import numpy as np

        np.random.seed(numpy_seed)


def flatten(task_dict: Mapping[Any, object]) -> tuple[dict[str, Task], dict[str, Group]]:
    """Read the tasks and groups that a loader has returned.

    Args:
        task_dict: The result of ``TaskManager.load``, or the nested ``{group: {name: task}}`` of ``get_task_dict``.

    Returns:
        Task name to task, and group name to group.
    """
    from lm_eval.api.group import Group
    from lm_eval.api.task import Task

    tasks: dict[str, Task] = {}
    groups: dict[str, Group] = {}
    for name, item in task_dict.items():
        if isinstance(item, Mapping) and name != "group_map":
            inner_tasks, inner_groups = flatten(item)
            tasks |= inner_tasks
            groups |= inner_groups
            if isinstance(name, Group):
                groups[name.name] = name
        elif isinstance(item, Task):
            tasks[str(name)] = item
        elif isinstance(item, Group):
            groups[str(name)] = item
    return tasks, groups


def journal_of(tracker: EvaluationTracker | None, settings: RunSettings, tasks: Mapping[str, Task]) -> Path | None:
    """Return the file in which a run keeps its answers, and from which it resumes.

    The file is named after the model and the tasks. An answer in it is found by the complete request, so an
    interrupted run also resumes with another concurrency or limit.

    Args:
        tracker: Knows the folder of the run; None keeps no answers.
        settings: The settings of the run.
        tasks: The tasks of the run.

    Returns:
        The path, or None.
    """
    if tracker is None:
        return None
    arguments = [settings.model_args.get(key) for key in ("model", "pretrained", "base_url")]
    named = json.dumps([settings.model, *arguments, sorted(tasks)], default=str)
    return tracker.journal_path(hashlib.sha256(named.encode()).hexdigest()[:12])


def _request_type(task: Task) -> str:
    """Return the LM method that answers most of a task's Instances."""
    return "loglikelihood" if task.OUTPUT_TYPE in (None, "multiple_choice") else str(task.OUTPUT_TYPE)
