"""Build all requests of a run and count them, without asking the model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from lm_eval.config.generation import take_limit
from lm_eval.config.redact import redact
from lm_eval.config.run import RunSettings
from lm_eval.errors import CapabilityError, ConfigError, UserError
from lm_eval.judging import bench
from lm_eval.judging import estimate as estimate_judges
from lm_eval.models.estimate import TaskEstimate
from lm_eval.models.scoring.planned import prompt_text
from lm_eval.planning.plans import Example, Plan, TaskPlan
from lm_eval.preparation import prepare

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance
    from lm_eval.api.model import LM
    from lm_eval.api.task import Task
    from lm_eval.config.batch import BatchSettings
    from lm_eval.models.estimate import Estimate
    from lm_eval.task_files.manager import TaskManager

__all__ = ["plan", "plan_run"]

# Parts of a request's body that hold the prompt. The others may hold secrets.
_PROMPTS = ("prompt", "messages", "suffix")


def plan(
    model: str | LM,
    model_args: str | Mapping[str, object] | None = None,
    tasks: str | Sequence[object] | None = None,
    num_fewshot: int | None = None,
    batch_size: int | str | None = None,
    *,
    task_manager: TaskManager | None = None,
    output_path: str | Path | None = None,
    judge: LM | Sequence[LM] | None = None,
    **options: object,
) -> Plan:
    """Build everything that ``simple_evaluate`` would ask, and ask nothing.

    The server is asked only for its description and its tokenizer (``GET /models``, ``POST /tokenize``), and need not
    be there. A task that cannot be built or answered is named in the plan; the others are planned.

    Args:
        model: A registered name, or an ``LM``.
        model_args: Arguments of the model; ``price_in`` and ``price_out`` give the cost.
        tasks: As for ``simple_evaluate``, like all that follows.
        num_fewshot: Number of few-shot examples, instead of each task's own number.
        batch_size: Number of prompts in one request.
        task_manager: Finds the tasks; None builds one.
        output_path: Where results would go. Nothing is written there, but with it, equal requests count once.
        judge: The judges as objects, instead of those of ``judge_model``.
        **options: More arguments of ``simple_evaluate``. Those that do not change what is asked have no effect.

    Returns:
        The plan; ``print(plan)`` shows it.

    Raises:
        TypeError: ``simple_evaluate`` has no such argument.
        UserError: No task can be built, or an argument cannot be used.
    """
    named = {"model": model, "model_args": model_args, "tasks": tasks, "num_fewshot": num_fewshot}
    settings = RunSettings.from_call({**named, "batch_size": batch_size, **options})
    settings.output_path = None if output_path is None else str(output_path)
    return plan_run(settings, None if isinstance(model, str) else model, task_manager, judge)


def plan_run(
    settings: RunSettings,
    lm: LM | None = None,
    task_manager: TaskManager | None = None,
    judge: LM | Sequence[LM] | None = None,
) -> Plan:
    """Plan a run with settings: what ``plan`` and ``lm_eval run --dry_run`` do.

    Args:
        settings: The settings of the run.
        lm: The model; None builds the one that the settings name.
        task_manager: Finds the tasks; None builds one.
        judge: The judges; None builds those that the settings name.

    Returns:
        The plan.

    Raises:
        UserError: As for ``plan``.
    """
    answers_kept = bool(settings.use_cache or settings.output_path)
    found = Plan(settings.model, redact(settings.model_args), answers_kept=answers_kept)
    with (
        prepare(settings, lm, task_manager, found.faults) as prepared,
        bench(settings, prepared.tasks, judge) as judges,
    ):
        tasks, found.refused = prepared.tasks, prepared.refused
        lm = prepared.lm
        build_estimator = getattr(lm, "harness_estimator", None)
        if build_estimator is None or not getattr(lm, "harness_can_be_planned", True):
            estimator = None
        else:
            estimator = build_estimator(kept=answers_kept)
        refusing = [lm.harness_refuses, *([estimator.refuses] if estimator is not None else [])]
        prepared.set_aside_refused(lambda kind: next((why for refuses in refusing if (why := refuses(kind))), None))
        prepared.build_requests(settings, found.faults)
        if not tasks:
            raise _nothing_left(found)
        if estimator is None:
            estimates = {name: _by_characters(task.instances) for name, task in tasks.items()}
            found.example = _example(tasks)
        else:
            estimate: Estimate = estimator.estimate({name: task.instances for name, task in tasks.items()})
            estimates = estimate.tasks
            found.example = _example(tasks, estimate)
            _add_basis(found, estimate)
            if settings.batches is not None:
                found.notes.append(_batch_files(settings.batches, estimate))
        found.judging = estimate_judges(judges)
    pool = getattr(lm, "harness_pool", None)
    if pool is not None and pool.requests.chat:
        found.notes.append("Prompt tokens do not include images, nor what the server's chat template adds to messages.")
    args = pool.requests.args if pool is not None else None
    prices = [getattr(args, name, None) for name in ("price_in", "price_out")]
    found.tasks += [_task_plan(name, task, estimates[name], prices) for name, task in tasks.items()]
    return found


def _nothing_left(found: Plan) -> UserError:
    """Return the first reason why a task cannot be planned, as an error."""
    if found.faults:
        return ConfigError(next(iter(found.faults.values())))
    return CapabilityError(next(iter(found.refused.values()), "No task to evaluate."))


def _task_plan(name: str, task: Task, estimate: TaskEstimate, prices: Sequence[float | None]) -> TaskPlan:
    cost = None
    if any(price is not None for price in prices):
        tokens = (estimate.prompt_tokens, estimate.generated_tokens)
        cost = sum(count * (price or 0.0) for count, price in zip(tokens, prices, strict=True)) / 1e6
    return TaskPlan(
        task=name,
        output_type=str(task.OUTPUT_TYPE or "own requests"),
        num_fewshot=task.config.num_fewshot or 0,
        docs=len({instance.doc_id for instance in task.instances}),
        cost=cost,
        **asdict(estimate),
    )


def _add_basis(found: Plan, estimate: Estimate) -> None:
    """Put into the plan what the numbers rest on."""
    found.scoring, found.scoring_assumed, found.window = estimate.scoring, estimate.assumed, estimate.window
    if estimate.tokenizer is not None:
        found.tokens_by = (
            f"counted by the server's tokenizer ({estimate.tokenizer}) on at most {estimate.sample} prompts of each "
            "task, and scaled"
        )
    found.notes += [estimate.note] if estimate.note else []


def _batch_files(settings: BatchSettings, estimate: Estimate) -> str:
    """Say into how many files the first requests of a run go."""
    lines = sum(task.requests for task in estimate.tasks.values())
    files = max(math.ceil(lines / settings.max_lines), math.ceil(estimate.line_bytes / settings.max_bytes), 1)
    size = (
        f"{estimate.line_bytes / 1e6:,.1f} MB" if estimate.line_bytes >= 1e6 else f"{estimate.line_bytes / 1e3:,.0f} kB"
    )
    return f"Batches: {lines:,} lines in {files:,} file{'s' * (files > 1)}, about {size} in all."


def _by_characters(instances: Sequence[Instance]) -> TaskEstimate:
    """Count one request for each repeat, for a model that is not a ``TemplateAPI``."""
    task = TaskEstimate()
    for instance in instances:
        repeats, settings = instance.repeats or 1, instance.args[1] if len(instance.args) > 1 else {}
        max_gen_toks = take_limit(dict(settings), 256) or 256 if isinstance(settings, Mapping) else 1
        text = prompt_text(instance.args[0]) + (settings if isinstance(settings, str) else "")
        task.requests += repeats
        task.prompt_tokens += repeats * round(len(text) / 4)
        task.generated_tokens += repeats * max_gen_toks
    return task


def _example(tasks: Mapping[str, Task], estimate: Estimate | None = None) -> Example:
    """Show the first prompt of the run, with its request if that is known."""
    name, task = next(iter(tasks.items()))
    instance = task.instances[0]
    prompt, *rest = instance.args
    continuation = rest[0] if rest and isinstance(rest[0], str) else None
    example = Example(name, instance.doc_id or 0, prompt, continuation)
    if estimate is not None and estimate.example is not None:
        example.path, payload = estimate.example.path, estimate.example.payload
        if payload is not None:
            example.body = {key: value if key in _PROMPTS else redact(value, key) for key, value in payload.items()}
    return example
