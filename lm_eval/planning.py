"""What a run would ask, in tokens and money, before anything is asked."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval import _setup
from lm_eval.errors import CapabilityError, ConfigError, UserError
from lm_eval.reports.plan import Example, Plan, TaskPlan

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance
    from lm_eval.api.model import LM
    from lm_eval.api.task import Task
    from lm_eval.models.estimate import Estimate, TaskEstimate
    from lm_eval.task_files.manager import TaskManager

__all__ = ["plan"]

_PROMPTS = ("prompt", "messages", "suffix")


def plan(
    model: str | LM,
    model_args: str | Mapping[str, Any] | None = None,
    tasks: str | Sequence[Any] | None = None,
    num_fewshot: int | None = None,
    batch_size: int | str | None = None,
    *,
    limit: int | float | None = None,
    samples: Mapping[str, Sequence[int]] | None = None,
    system_instruction: str | None = None,
    apply_chat_template: bool | str = False,
    fewshot_as_multiturn: bool | None = None,
    gen_kwargs: str | Mapping[str, Any] | None = None,
    predict_only: bool = False,
    random_seed: int | None = 0,
    numpy_random_seed: int | None = 1234,
    fewshot_random_seed: int = 1234,
    confirm_run_unsafe_code: bool = False,
    metadata: Mapping[str, Any] | None = None,
    task_manager: TaskManager | None = None,
    data_dir: str | Path | None = None,
    include_path: str | Path | Sequence[str | Path] | None = None,
    use_cache: str | None = None,
    output_path: str | Path | None = None,
    **others: Any,
) -> Plan:
    """Build all that ``simple_evaluate`` would ask, and ask nothing.

    A server is only asked what it says of itself and for its tokenizer (``GET /models``, ``POST /tokenize``), and need
    not be there. A task that cannot be built or answered is a line of the plan; the others are planned.

    Args:
        model: As for ``simple_evaluate``, like all that is not explained here.
        model_args: The model's arguments; ``price_in`` and ``price_out`` give the cost.
        tasks: The tasks.
        num_fewshot: Shots, in place of each task's own number.
        batch_size: Prompts a request.
        limit: The first so many docs of each task, or that fraction of them when below 1.
        samples: Task name to the ids of the docs to evaluate.
        system_instruction: Opens every prompt.
        apply_chat_template: Send chat messages.
        fewshot_as_multiturn: Few-shot examples as turns of their own.
        gen_kwargs: Generation settings laid over those of each generation task.
        predict_only: Ask and log, score nothing.
        random_seed: Seed of ``random``.
        numpy_random_seed: Seed of ``numpy.random``.
        fewshot_random_seed: Seed of each task's few-shot sampler.
        confirm_run_unsafe_code: Allow tasks that run what the model writes.
        metadata: Merged into each task's metadata.
        task_manager: Knows the tasks.
        data_dir: A folder with datasets, looked at before the Hub.
        include_path: Folders with more task files.
        use_cache: A file of answers; with one, equal requests are sent once.
        output_path: Where results would go; nothing is written there. A run that has it keeps its answers, too.
        **others: Further arguments of ``simple_evaluate``, which change nothing about what is asked.

    Returns:
        The plan; ``print(plan)`` shows it.

    Raises:
        TypeError: An argument that ``simple_evaluate`` does not have.
        UserError: No task can be built, or an argument cannot be used.
    """
    from lm_eval.api.model import LM
    from lm_eval.config.redact import redact
    from lm_eval.utils import simple_parse_args_string

    _refuse_unknown(others)
    if not tasks:
        raise ConfigError("No tasks given; 'lm_eval ls tasks' lists them.")
    if limit is not None and samples is not None:
        raise ConfigError("limit and samples exclude each other; give one of them.")
    settings = simple_parse_args_string(gen_kwargs) if isinstance(gen_kwargs, str) else dict(gen_kwargs or {})
    arguments = simple_parse_args_string(model_args) if isinstance(model_args, str) else dict(model_args or {})
    multiturn = bool(apply_chat_template) and fewshot_as_multiturn is not False
    _setup.seed_generators(random_seed, numpy_random_seed)
    kind = model if isinstance(model, str) else type(model).__name__
    made = Plan(kind, redact(arguments), answers_kept=bool(use_cache or output_path))
    shown_metadata = {**redact(arguments), **(metadata or {})}
    found = _load(tasks, task_manager, made.faults, include_path, shown_metadata, data_dir)
    lm = _setup.make_model(model, arguments, batch_size=batch_size)
    try:
        estimator = getattr(lm, "estimator", None)
        foreseen = estimator(kept=made.answers_kept) if estimator is not None else None
        refuses = foreseen.refuses if foreseen is not None else lm.refuses
        built: dict[str, Task] = {}
        for name, task in found.items():
            reason = refuses(_setup.request_type(task))
            if reason is not None:
                made.refused[name] = reason
                continue
            try:
                _setup.configure(
                    task, num_fewshot, settings, predict_only, fewshot_random_seed, confirm_run_unsafe_code
                )  # fmt: skip
                if data_dir is not None:
                    task.set_data_dir(data_dir)
                chosen = samples.get(name) if samples else None
                _setup.build_requests(lm, task, limit, chosen, system_instruction, apply_chat_template, multiturn)
            except UserError as error:
                made.faults[name] = str(error)
                continue
            built[name] = task
        if not built:
            raise _nothing(made)
        estimate = foreseen.estimate({name: task.instances for name, task in built.items()}) if foreseen else None
        _fill(made, built, estimate, lm)
    finally:
        if not isinstance(model, LM):
            lm.close()
    return made


def _refuse_unknown(others: Mapping[str, Any]) -> None:
    from lm_eval.evaluator import simple_evaluate

    for name in others:
        if name not in inspect.signature(simple_evaluate).parameters:
            raise TypeError(f"plan() got an unexpected keyword argument {name!r}")


def _load(
    wanted: str | Sequence[Any],
    manager: TaskManager | None,
    faults: dict[str, str],
    include_path: str | Path | Sequence[str | Path] | None,
    metadata: Mapping[str, Any],
    data_dir: str | Path | None,
) -> dict[str, Task]:
    """Build the tasks; where some cannot be, the others, with the reasons."""
    from lm_eval.errors import MissingPackageError, TaskFileError
    from lm_eval.task_files.manager import TaskManager

    manager = manager or TaskManager(include_path=include_path, metadata=metadata, data_dir=data_dir)
    items = [wanted] if isinstance(wanted, str | dict) else list(wanted)
    try:
        return dict(manager.load(items)["tasks"])
    except (MissingPackageError, TaskFileError) as error:
        whole = _without_faults(manager, items, faults)
        if not whole:
            raise error
        return dict(manager.load(whole)["tasks"])


def _without_faults(manager: TaskManager, items: Sequence[Any], faults: dict[str, str]) -> list[str]:
    """Set the tasks that cannot be built aside; return the names of the others, none where items are no names."""
    from lm_eval.task_files.entry import Kind
    from lm_eval.task_files.validate import members, validate

    if not all(isinstance(item, str) and manager.match_tasks([item]) for item in items):
        return []
    faults.update({problem.name: problem.reason for problem in validate(manager, items)})
    kinds = (Kind.TASK, Kind.PY_TASK)
    return [name for name in members(manager, items) if name not in faults and manager.task_index[name].kind in kinds]


def _nothing(made: Plan) -> UserError:
    """Say why no task is left, in the words of the first that failed."""
    if made.faults:
        return ConfigError(next(iter(made.faults.values())))
    return CapabilityError(next(iter(made.refused.values()), "No task to evaluate."))


def _fill(made: Plan, built: Mapping[str, Task], estimate: Estimate | None, lm: LM) -> None:
    """Put the numbers into the plan."""
    prices = [getattr(getattr(lm, "args", None), name, None) for name in ("price_in", "price_out")]
    for name, task in built.items():
        known = estimate.tasks[name] if estimate is not None else _by_characters(task.instances)
        cost = None
        if any(price is not None for price in prices):
            cost = (known.prompt_tokens * (prices[0] or 0.0) + known.generated_tokens * (prices[1] or 0.0)) / 1e6
        made.tasks.append(
            TaskPlan(
                name,
                str(task.OUTPUT_TYPE or "own requests"),
                task.config.num_fewshot or 0,
                len({instance.doc_id for instance in task.instances}),
                known.requests,
                known.repeated,
                known.prompt_tokens,
                known.generated_tokens,
                cost,
                known.too_long,
                known.tight,
            )
        )
    if estimate is not None:
        made.scoring, made.scoring_assumed, made.window = estimate.scoring, estimate.assumed, estimate.window
        if estimate.tokenizer is not None:
            made.tokens_by = (
                f"counted by the server's tokenizer ({estimate.tokenizer}) on at most {estimate.sample} prompts a "
                "task, and scaled"
            )
        made.notes += [estimate.note] if estimate.note else []
    if getattr(lm, "chat", False):
        made.notes.append("What the server's chat template adds to messages, and images, are not in the prompt tokens.")
    made.example = _example(built, estimate)


def _by_characters(instances: Sequence[Instance]) -> TaskEstimate:
    """Count for a model that is not behind an API of ours: a request a repeat."""
    from lm_eval.models.estimate import TaskEstimate
    from lm_eval.models.scoring.planned import prompt_text

    task = TaskEstimate()
    for instance in instances:
        repeats, settings = instance.repeats or 1, instance.args[1] if len(instance.args) > 1 else {}
        most = settings.get("max_gen_toks", 256) if isinstance(settings, Mapping) else 1
        text = prompt_text(instance.args[0]) + (settings if isinstance(settings, str) else "")
        task.requests += repeats
        task.prompt_tokens += repeats * round(len(text) / 4)
        task.generated_tokens += repeats * most
    return task


def _example(built: Mapping[str, Task], estimate: Estimate | None) -> Example:
    from lm_eval.config.redact import redact

    name, task = next(iter(built.items()))
    instance = task.instances[0]
    prompt, *rest = instance.args
    continuation = rest[0] if rest and isinstance(rest[0], str) else None
    example = Example(name, instance.doc_id or 0, prompt, continuation)
    body = estimate.example if estimate is not None else None
    if body is not None:
        example.path = body.path
        if body.payload is not None:
            example.body = {key: _shown(key, value, redact) for key, value in body.payload.items()}
    return example


def _shown(key: str, value: Any, redact: Any) -> Any:
    """Leave prompts as they are; extra fields may hold secrets."""
    return value if key in _PROMPTS else redact(value, key)
