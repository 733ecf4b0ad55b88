"""What running, planning and rescoring have in common: tasks under the settings of a run, and the model."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import random
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lm_eval.api.base_task import count_docs
from lm_eval.api.current_run import CurrentRun, during
from lm_eval.building import BUILT_BEFORE_ASKING, Requests, TaskRequests
from lm_eval.config.batch import NO_SERVER
from lm_eval.config.formats import CONSTRAINED
from lm_eval.config.generation import CONSTRAINED_TO, doubts, merge_settings
from lm_eval.config.redact import redact
from lm_eval.config.run import RunSettings
from lm_eval.errors import (
    ConfigError,
    MissingPackageError,
    SeveralErrors,
    TaskFileError,
    UnknownNameError,
    UserError,
    did_you_mean,
)
from lm_eval.results.answered import by_document
from lm_eval.text import Lines, first_names

if TYPE_CHECKING:
    from lm_eval.api.group import Group
    from lm_eval.api.instance import Doc, Instance
    from lm_eval.api.model import LM
    from lm_eval.api.task import Task
    from lm_eval.results.per_doc import TaskOutput
    from lm_eval.results.writer import ResultFiles
    from lm_eval.task_files.manager import TaskManager

__all__ = [
    "Part",
    "Prepared",
    "check_samples",
    "configure",
    "flatten",
    "journal_of",
    "prepare",
    "refuse_unsafe",
    "seed_generators",
]

eval_logger = logging.getLogger("lm_eval")


_MAX_REASONS = 20


class Part(Protocol):
    """A part of a run: some of its documents, whose values are kept to be joined with those of the other parts."""

    def chosen(self, task: Task, documents: Iterable[tuple[int, Doc]]) -> Collection[int]:
        """Choose the documents of a task that belong to the part, before any Instance is built.

        Args:
            task: The task.
            documents: The id of each document, and the document; all documents.

        Returns:
            The ids of the chosen documents.
        """

    def kept(self, task: Task, documents: Iterable[list[Instance]]) -> list[Instance]:
        """Choose the documents of a task that belong to the part, where all Instances have to be built.

        Args:
            task: The task.
            documents: The Instances of each document, of all documents.

        Returns:
            The Instances of the chosen documents.
        """

    def leaves_scoring(self, task: Task) -> bool:
        """Whether the documents of a task are scored when the parts are joined.

        Args:
            task: The task.
        """

    def results(self, outputs: Mapping[str, TaskOutput], prepared: Prepared) -> dict[str, Any]:
        """Keep the values of the documents.

        Args:
            outputs: Task name to its values.
            prepared: The tasks of the run.

        Returns:
            What the results of the run hold instead of scores.
        """


@dataclass(slots=True)
class Prepared:
    """A model and the tasks it is about to answer.

    Attributes:
        lm: The model.
        tasks: Task name to task, in the order of the run.
        groups: Group name to group.
        refused: Task name to the reason why the model cannot answer the task, which is no longer in ``tasks``.
        in_format: Given the tasks that can run, returns what follows ``--tasks`` so that the model writes the answers
            of the others, and the names of these; None where that is not known.
    """

    lm: LM
    tasks: dict[str, Task]
    groups: dict[str, Group]
    refused: dict[str, str] = field(default_factory=dict)
    in_format: Callable[[Collection[str]], tuple[str, set[str]] | None] | None = None

    @property
    def request_types(self) -> frozenset[str]:
        """The request types of the tasks."""
        return frozenset(_request_type(task) for task in self.tasks.values())

    @property
    def generation(self) -> list[dict[str, object]]:
        """The generation settings of each task that generates text."""
        return [_generation(task) for task in self.tasks.values() if task.OUTPUT_TYPE == "generate_until"]

    @property
    def continues(self) -> bool:
        """Whether a task that generates text gives the start of the answer."""
        return any(map(_gives_start, self.tasks.values()))

    def set_aside_refused(self, refuses: Callable[[str], str | None]) -> None:
        """Move the tasks that the model cannot answer to ``refused``, and drop groups whose mean would lack them.

        Args:
            refuses: Returns the reason why a request type cannot be answered, or None.
        """
        refused: dict[str, str] = {}
        for name, task in list(self.tasks.items()):
            kinds = [_request_type(task), *([CONSTRAINED_TO] if CONSTRAINED_TO in _generation(task) else [])]
            if reason := next((why for kind in kinds if (why := refuses(kind))), None):
                letters = self.lm.harness_scores_letters() if _has_letters(task) else None
                refused[name] = f"{reason} {letters}" if letters else reason
                del self.tasks[name]
        self.refused |= refused
        self._advise(refused)
        self._drop_groups(self.refused)

    def _advise(self, refused: Mapping[str, str]) -> None:
        """Add to the reasons how the model can write its answers instead."""
        advice = self.in_format(list(self.tasks)) if refused and self.in_format is not None else None
        if advice is None:
            return
        for name, reason in refused.items():
            if name.partition("@")[0] in advice[1]:
                how = (
                    "Without a constraint"
                    if name.endswith(CONSTRAINED)
                    else "In a format, the model writes its answers"
                )
                self.refused[name] = f"{reason.rstrip('.')}. {how} (docs/formats.md): --tasks {advice[0]}"

    def set_aside(self, refused: Mapping[str, str]) -> None:
        """Move tasks to ``refused`` that another process could not run, and drop the groups that they belong to.

        Args:
            refused: Task name to the reason.
        """
        self.refused |= refused
        for name in refused:
            self.tasks.pop(name, None)
        self._drop_groups(refused)

    def _drop_groups(self, missing: Collection[str]) -> None:
        for name, group in list(self.groups.items()):
            if any(task.task_name in missing for task in group.get_all_tasks()):
                del self.groups[name]

    def build_requests(self, settings: RunSettings, faults: dict[str, str] | None = None) -> None:
        """Build the Instances of all tasks, with prompts in the form that the model takes.

        Args:
            settings: The settings of the run.
            faults: Gets the tasks that fail, with the reason. With None, or if all fail, the failures are raised.

        Raises:
            UserError: A task cannot be built.
        """

        def build(name: str, task: Task) -> None:
            task.build_all_requests(**self._build_arguments(settings, name))
            self._look_at(name, task, task.instances[:1], settings)
            self._note_start(task, settings)

        with during(self._current_run(settings)):
            errors = _for_each(self.tasks, build)
        _settle(errors, faults, some_left=bool(self.tasks))
        self._drop_groups(errors)

    def requests(
        self,
        settings: RunSettings,
        expect: Callable[[str, Task, list[Instance]], None],
        lost: Callable[[Instance], None] | None,
        faults: dict[str, str] | None = None,
        part: Part | None = None,
    ) -> Requests:
        """Build the first Instances of a run, and return all of them; the others are built when they are asked for.

        All datasets are loaded, and at least one document of each task is built. Tasks whose Instances depend on when
        they are built (``Task.builds_in_parts``) are built completely.

        Args:
            settings: The settings of the run.
            expect: Called with the Instances of each document, before they are asked for.
            lost: Called with each Instance that stands for a document that cannot be built while others are asked. With
                None, such a document is always an error.
            faults: As for ``build_requests``.
            part: Chooses documents, and Instances are built of these alone. None chooses all.

        Returns:
            The Instances.

        Raises:
            UserError: A task cannot be built.
        """
        found: dict[str, TaskRequests] = {}
        made: list[Requests] = []
        left = BUILT_BEFORE_ASKING

        def size(task: Task) -> int:
            ids = (settings.samples or {}).get(str(task.task_name))
            return len(ids) if ids is not None else count_docs(len(task.scored_docs), settings.limit)

        def begin(name: str, task: Task) -> None:
            nonlocal left
            arguments = self._build_arguments(settings, name)
            item = TaskRequests(name, task)
            if task.builds_in_parts:
                arguments.pop("tokenizer_name")
                task.instances = []
                only = part.chosen(task, task.numbered_docs(arguments["limit"], arguments["samples"])) if part else None
                item.rest = task.requests_by_document(
                    **arguments, only=only, faults_are_final=lambda: lost is None or not made
                )
                item.finish = partial(self._note_start, task, settings)
                item.build_first(left, partial(size, task) if only is None else partial(len, only))
            else:
                task.build_all_requests(**arguments)
                item.built = task.instances
                if part is not None:
                    task.instances = part.kept(task, by_document(task.instances).values())
                    item.built = task.instances  # the list that the task keeps, which is not copied again
                self._note_start(task, settings)
            left -= len(item.built)
            self._look_at(name, task, item.built[:1], settings)
            found[name] = item

        run = self._current_run(settings)
        with during(run):
            errors = _for_each(self.tasks, begin)
        _settle(errors, faults, some_left=bool(self.tasks))
        self._drop_groups(errors)
        made.append(Requests([found[name] for name in self.tasks], run, expect, lost))
        return made[0]

    def _build_arguments(self, settings: RunSettings, name: str) -> dict[str, Any]:
        chat = bool(settings.apply_chat_template)
        return {
            "limit": settings.limit,
            "samples": settings.samples.get(name) if settings.samples else None,
            "system_instruction": settings.system_instruction,
            "apply_chat_template": chat,
            "fewshot_as_multiturn": settings.multiturn,
            "chat_template": self.lm.apply_chat_template if chat else None,
            "tokenizer_name": self.lm.tokenizer_name if chat else "",
        }

    def _current_run(self, settings: RunSettings) -> CurrentRun:
        data_dir = Path(settings.data_dir) if settings.data_dir is not None else None
        return CurrentRun(self.lm, settings.seed[0], settings.seed[1], data_dir)

    def _note_start(self, task: Task, settings: RunSettings) -> None:
        """Note that the answers of a task do not continue the start that it gives them."""
        if settings.apply_chat_template and _gives_start(task) and (note := self.lm.harness_not_continued()):
            task.notes.append(note)

    def _look_at(self, name: str, task: Task, first: Sequence[Instance], settings: RunSettings) -> None:
        """Log the first prompt of a task, if that is asked for."""
        for instance in first if settings.write_out else ():
            eval_logger.info(
                "First prompt of %s:\n%s\n%s",
                name,
                Lines(instance.args[0]),
                Lines(_what_follows(task, instance)),
            )


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
        faults: Gets the tasks that cannot be built, with the reason; None raises the failures, unless the settings say
            ``keep_going``: then these tasks are ``refused``.

    Yields:
        The model and the tasks. Nothing has been sent to the model.

    Raises:
        UserError: The settings do not make a run, or no task can be built.
    """
    from lm_eval.api.model import LM
    from lm_eval.api.registry import get_model
    from lm_eval.task_files.manager import TaskManager
    from lm_eval.task_files.suggest import selection_in_format
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
    tasks, groups, errors = _load(manager, settings.tasks, keep_going=settings.keep_going)
    if settings.check_integrity and faults is None and (problems := validate(manager, list(tasks))):
        raise ConfigError(f"{len(problems)} of the tasks have faults: {problems[0]}")
    errors |= _for_each(tasks, lambda _, task: configure(task, settings))
    refused: dict[str, str] = {}
    if faults is None and settings.keep_going:
        faults = refused
    _settle(errors, faults, some_left=bool(tasks))
    check_samples(settings.samples, [*tasks, *errors])
    for line in doubts(settings.gen_kwargs, {name: _generation(task) for name, task in tasks.items()}):
        eval_logger.warning(line)
    in_format = partial(selection_in_format, manager, settings.tasks)
    if lm is not None:
        yield _prepared(lm, tasks, groups, refused, in_format)
        return
    more = {name: getattr(settings, name) for name in ("batch_size", "max_batch_size", "device")}
    kind = get_model(settings.model)
    if settings.batches is not None and settings.batches.folder is not None and kind.harness_takes_batches:
        more["base_url"] = getattr(kind, "defaults", {}).get("base_url", NO_SERVER)
    with closing(kind.create_from_arg_obj(settings.model_args, more)) as lm:
        yield _prepared(lm, tasks, groups, refused, in_format)


def _prepared(
    lm: LM,
    tasks: dict[str, Task],
    groups: dict[str, Group],
    refused: dict[str, str],
    in_format: Callable[[Collection[str]], tuple[str, set[str]] | None],
) -> Prepared:
    prepared = Prepared(lm, tasks, groups, refused, in_format)
    prepared.set_aside_refused(lambda request_type: None)
    return prepared


def _for_each(tasks: dict[str, Task], step: Callable[[str, Task], None]) -> dict[str, UserError]:
    """Do a step with each task; remove the tasks for which the step fails, and return their errors."""
    errors: dict[str, UserError] = {}
    with ExitStack() as stack:
        for name, task in list(tasks.items()):
            try:
                step(name, task)
            except UserError as error:
                errors[name] = error
                del tasks[name]
                if isinstance(error.__cause__, ConnectionError):
                    stack.enter_context(_hub_offline())
    return errors


@contextmanager
def _hub_offline() -> Iterator[None]:
    """Take datasets from the cache only: a Hub that cannot be reached costs half a minute per dataset."""
    import datasets
    from huggingface_hub import constants

    saved = constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE = saved


def _settle(errors: Mapping[str, UserError], faults: dict[str, str] | None, *, some_left: bool) -> None:
    """Add errors to ``faults`` if there is one and a task is left; else raise them together."""
    if faults is not None and (some_left or not errors):
        faults |= {name: str(error) for name, error in errors.items()}
        return
    reasons = list(dict.fromkeys(str(error) for error in errors.values()))
    for error in errors.values():
        if len(reasons) == 1:
            raise error
        more = len(reasons) - _MAX_REASONS
        raise SeveralErrors(reasons[:_MAX_REASONS] + [f"{more} more tasks cannot run."] * (more > 0)) from error


def _load(
    manager: TaskManager, items: Sequence[object], *, keep_going: bool
) -> tuple[dict[str, Task], dict[str, Group], dict[str, UserError]]:
    """Build tasks and groups; return also the errors of the tasks that cannot be built.

    Unknown names are raised, all of them together, unless the others are to run.
    """
    errors: dict[str, UserError] = {}
    try:
        loaded = manager.load(items)
    except UnknownNameError:
        errors |= _unknown(manager, items)
        if not keep_going or len(errors) == len(items):
            _settle(errors, None, some_left=False)
        tasks, groups, more = _load(manager, [item for item in items if str(item) not in errors], keep_going=True)
        return tasks, groups, errors | more
    except (MissingPackageError, TaskFileError):
        names = _without_faults(manager, items, errors)
        if not names and not errors:
            raise
        loaded = manager.load(names)
    return dict(loaded["tasks"]), dict(loaded["groups"]), errors


def _unknown(manager: TaskManager, items: Sequence[object]) -> dict[str, UserError]:
    """Return the errors of the items that are no known names."""
    errors: dict[str, UserError] = {}
    for item in items:
        try:
            manager.load([item])
        except UnknownNameError as error:
            errors[str(item)] = error
        except UserError:
            pass
    return errors


def _without_faults(manager: TaskManager, items: Sequence[object], errors: dict[str, UserError]) -> list[str]:
    """Return the items that can be built, for a group with faults its other tasks; none if an item is no name."""
    from lm_eval.task_files.validate import members, validate

    names = [item for item in items if isinstance(item, str) and manager.match_tasks([item])]
    if len(names) < len(items):
        return []
    for problem in validate(manager, names):
        errors[problem.name] = (MissingPackageError if problem.missing_package else TaskFileError)(problem.reason)
    found: list[str] = []
    for name in names:
        inner = members(manager, [name])
        tasks = set(manager.all_subtasks) - set(errors)
        found += [task for task in inner if task in tasks] if set(errors).intersection(inner) else [name]
    return list(dict.fromkeys(found))


def check_samples(samples: Mapping[str, Sequence[int]] | None, tasks: Collection[str]) -> None:
    """Refuse ids of documents for tasks that are not in the run, and log which tasks use all their documents.

    Args:
        samples: Task name to document ids; None uses all documents of all tasks.
        tasks: The names of the tasks of the run.

    Raises:
        ConfigError: A name is not that of a task in the run.
    """
    if samples is None:
        return
    wrong = [name for name in samples if name not in tasks]
    if wrong:
        near = did_you_mean(wrong[0], tasks) or f" The tasks are {first_names(sorted(tasks))}."
        raise ConfigError(f"samples: {first_names(map(repr, wrong))} is no task of this run.{near}")
    if others := [name for name in tasks if name not in samples]:
        eval_logger.warning("samples does not name %s: all their documents are asked.", first_names(others))


def _what_follows(task: Task, instance: Instance) -> str:
    """Describe what is asked after a prompt, and the right answer."""
    lines = []
    rest = instance.args[1] if len(instance.args) > 1 else None
    if isinstance(rest, str):
        lines.append(f"Scored after it: {rest!r}")
    elif isinstance(rest, Mapping):
        lines.append(f"Generation settings: {json.dumps(rest, ensure_ascii=False, default=str)}")
    return "\n".join([*lines, f"Target: {task.doc_to_target(instance.doc)!r}"])


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


def _has_letters(task: Task) -> bool:
    """Whether a task of choices always has the same choices, of one letter each."""
    choices = task.get_config("doc_to_choice")
    return (
        task.OUTPUT_TYPE == "multiple_choice"
        and isinstance(choices, list)
        and all(isinstance(choice, str) and len(choice) == 1 for choice in choices)
    )


def _gives_start(task: Task) -> bool:
    """Whether a task gives the start of the answers that it asks the model to write."""
    return task.OUTPUT_TYPE == "generate_until" and bool(task.get_config("gen_prefix"))


def refuse_unsafe(task: Task, settings: RunSettings) -> None:
    """Refuse a task that runs code a model writes, unless the settings allow that and the sandbox works.

    Args:
        task: The task.
        settings: The settings of the run.

    Raises:
        ConfigError: The task is refused.
    """
    if not (task.UNSAFE_CODE or task.get_config("unsafe_code")):
        return
    if not settings.confirm_run_unsafe_code:
        what = f"Task {task.task_name!r} runs code the model writes; allow it with --confirm_run_unsafe_code"
        raise ConfigError(f"{what} (in Python: confirm_run_unsafe_code=True).")
    from lm_eval.sandbox.code_execution import check_sandbox

    if os.name == "posix" and not settings.predict_only:
        check_sandbox(settings.sandbox)


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


def journal_of(tracker: ResultFiles | None, settings: RunSettings, tasks: Mapping[str, Task]) -> Path | None:
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
