"""A complete run on one page: settings, tasks, requests, asking the model, filters, scores, aggregates."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval.compatibility.elsewhere import elsewhere
from lm_eval.config.batch import batch_folders
from lm_eval.config.run import RunSettings
from lm_eval.errors import CapabilityError, ConfigError
from lm_eval.preparation import Part, Prepared, check_samples, flatten, journal_of, prepare, refuse_unsafe

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance
    from lm_eval.api.model import LM, RunContext
    from lm_eval.api.task import Task
    from lm_eval.judging import Bench
    from lm_eval.loggers.evaluation_tracker import EvaluationTracker
    from lm_eval.models.http.recorded import Recorded
    from lm_eval.models.http.shared import SharedRun
    from lm_eval.results.spooled import SpooledSamples
    from lm_eval.results.writer import ResultFiles
    from lm_eval.task_files.manager import TaskManager

__all__ = ["check_model", "evaluate", "finished", "run", "simple_evaluate"]

eval_logger = logging.getLogger("lm_eval")

if not TYPE_CHECKING:  # a type checker would accept every name

    def __getattr__(name: str) -> object:
        return elsewhere(__name__, name)


def simple_evaluate(
    model: str | LM,
    model_args: str | Mapping[str, object] | None = None,
    tasks: str | Sequence[object] | None = None,
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
    gen_kwargs: str | Mapping[str, object] | None = None,
    task_manager: TaskManager | None = None,
    verbosity: str | None = None,
    predict_only: bool = False,
    random_seed: int = 0,
    numpy_random_seed: int = 1234,
    torch_random_seed: int = 1234,
    fewshot_random_seed: int = 1234,
    confirm_run_unsafe_code: bool = False,
    metadata: Mapping[str, object] | None = None,
    *,
    data_dir: str | Path | None = None,
    include_path: str | Path | Sequence[str | Path] | None = None,
    fresh: bool = False,
    max_errors: int | float = 0,
    keep_going: bool = False,
    progress: bool | None = None,
    output_path: str | Path | None = None,
    output_format: str | None = None,
    sandbox: str | None = None,
    judge: LM | Sequence[LM] | None = None,
    judge_model: str | Sequence[str] | None = None,
    judge_model_args: str | Mapping[str, object] | Sequence[str | Mapping[str, object]] | None = None,
    judge_template: str | Path | None = None,
    judge_baseline: str | Path | None = None,
    batch: str | None = None,
    batch_wait: float | None = None,
    batch_lines: int = 50_000,
    batch_mb: float = 200.0,
) -> dict[str, Any]:
    """Evaluate a model on tasks.

    Args:
        model: A registered name, or an ``LM``.
        model_args: Arguments of the model, ``"a=1,b=2"`` or a mapping, if ``model`` is a name.
        tasks: Names, glob patterns, paths of task files or folders, dicts, ``Task`` or ``Group`` objects.
        num_fewshot: Number of few-shot examples, instead of each task's own number. A task that sets 0 keeps 0.
        batch_size: Number of prompts in one request, for endpoints that take lists of prompts.
        max_batch_size: Ignored; kept for compatibility with the reference harness.
        device: Ignored; kept for compatibility. The model runs behind an API.
        use_cache: A file of answers that runs share.
        cache_requests: Ignored; kept for compatibility. Building requests is faster than reading a cache of them.
        rewrite_requests_cache: Ignored; kept for compatibility.
        delete_requests_cache: Ignored; kept for compatibility.
        limit: Use only the first N documents of each task, or that fraction of them if below 1.
        samples: Task name to the ids of the documents to use. An id is the index in the split. A task that is not
            named uses all its documents.
        bootstrap_iters: Number of resamples for bootstrapped standard errors; 0 computes no standard errors.
        check_integrity: Validate the task files before the run.
        write_out: Log the first prompt of each task.
        log_samples: Include one record for each document in the result.
        evaluation_tracker: Where the caller saves the results, with ``evaluation_tracker.save(results)``. Its folder
            also holds the answers from which an interrupted run resumes. Not together with ``output_path``.
        system_instruction: Text at the start of every prompt.
        apply_chat_template: Send prompts as chat messages; a string names the template.
        fewshot_as_multiturn: Send each few-shot example as its own turns. With the chat template this is the default;
            False turns it off.
        gen_kwargs: Generation settings that override those of the tasks, ``"a=1,b=2"`` or a mapping.
        task_manager: Finds the tasks; None builds one.
        verbosity: The name of a log level; None leaves logging alone.
        predict_only: Keep the answers without scores.
        random_seed: Seed of ``random``.
        numpy_random_seed: Seed of ``numpy.random``.
        torch_random_seed: Recorded only.
        fewshot_random_seed: Seed of each task's few-shot sampler.
        confirm_run_unsafe_code: Allow tasks that run code the model writes.
        metadata: Merged, with ``model_args``, into the metadata of each task.
        data_dir: A folder with datasets as ``<dataset_path>``; used before the Hub.
        include_path: Folders with more task files, if no ``task_manager`` is given.
        fresh: Start over, even if an interrupted run could be resumed.
        max_errors: Maximum number of documents that may fail, or a fraction of all documents if below 1.
        keep_going: Run the other tasks if a task is unknown, or its file or dataset cannot be loaded; the results have
            the reasons under ``refused``.
        progress: Show progress; None means a bar on a terminal and in a notebook, and a line now and then elsewhere.
        output_path: A folder, or a path that ends in ``.json``: results and samples are saved there, and an
            interrupted run resumes from there. None saves nothing.
        output_format: ``jsonl``, the default, or ``parquet``, of the saved samples.
        sandbox: Where code that the model writes is run: strict, available, docker, podman, docker:IMAGE. None means
            strict, or what ``use_sandbox`` chose.
        judge: The judges of tasks with a ``scorer``: a model, or several; instead of ``judge_model``.
        judge_model: Kind of model of the judge, or one for each judge; with ``judge_model_args`` alone it is
            ``local-chat-completions``.
        judge_model_args: Arguments of the judge, or a list with those of each judge.
        judge_template: A file with the template of the judge's prompt, instead of the tasks' own.
        judge_baseline: A run whose saved answers the judge compares with, for tasks that are judged pairwise.
        batch: Ask in batches: ``openai``, through the server's Batch API; ``file:DIR``, with files for
            ``vllm run-batch``. None sends every request by itself. Needs ``output_path`` or ``evaluation_tracker``.
        batch_wait: Maximum seconds to wait for batches; None waits until they end.
        batch_lines: Maximum number of requests in one file of a batch.
        batch_mb: Maximum size of one file of a batch, in millions of bytes.

    Returns:
        The results, as described in ``docs/results.md``.

    Raises:
        UserError: The arguments, a task or the endpoint's capabilities do not allow the run.
        SavingError: The results cannot be saved; the same call resumes.
        BatchesPending: The answers come later; the same call collects them.
        APIError: The endpoint cannot be used at all.
    """
    settings = RunSettings.from_call(locals())
    from lm_eval.reports.notebook import ShownResults

    if verbosity is not None:
        from lm_eval.utils import setup_logging

        setup_logging(verbosity)
    lm = None if isinstance(model, str) else model
    if settings.output_path is None:
        results = run(settings, lm, evaluation_tracker, task_manager, judge=judge)
        if evaluation_tracker is not None:
            evaluation_tracker.set_aside(results)
        return ShownResults(results)
    if evaluation_tracker is not None:
        raise ConfigError("evaluation_tracker and output_path exclude each other; give one of them.")
    from lm_eval.loggers.evaluation_tracker import EvaluationTracker

    tracker = EvaluationTracker(settings.output_path, output_format=settings.output_format)
    results = run(settings, lm, tracker, task_manager, judge=judge)
    tracker.save(results)
    return ShownResults(results)


def run(
    settings: RunSettings,
    lm: LM | None = None,
    tracker: ResultFiles | None = None,
    task_manager: TaskManager | None = None,
    before_asking: Callable[[], None] | None = None,
    judge: LM | Sequence[LM] | None = None,
    spools_samples: bool = False,
    part: Part | None = None,
    shared: SharedRun | None = None,
) -> dict[str, Any]:
    """Evaluate with settings: what ``simple_evaluate`` and ``lm_eval run`` do.

    Args:
        settings: The settings of the run.
        lm: The model; None builds the one that the settings name.
        tracker: Where results will be saved; None keeps no answers for resuming.
        task_manager: Finds the tasks; None builds one.
        before_asking: Called when no mistake was found, before the first request of a task.
        judge: The judges; None builds those that the settings name.
        spools_samples: Whether the samples of a large run may be in files: ``results["samples"]`` then has sequences
            that read them from there, in the form of a samples file. Default False.
        part: Chooses documents, and keeps their values; None evaluates all of them.
        shared: This process's end of a run by several processes; None for a run by one.

    Returns:
        The results, as ``simple_evaluate`` returns them; of a part, its own instead of scores.

    Raises:
        UserError: As for ``simple_evaluate``.
        APIError: As for ``simple_evaluate``.
    """
    from lm_eval.judging import bench

    started = time.perf_counter()
    with prepare(settings, lm, task_manager) as prepared, bench(settings, prepared.tasks, judge) as judges:
        lm, journal = prepared.lm, journal_of(tracker, settings, prepared.tasks)
        recorded = shared.recorded if shared is not None else None
        context = check_model(prepared, settings, journal, recorded, shared)
        if settings.batch is None and journal is not None and batch_folders(journal).is_dir():
            from lm_eval.models.batches.opening import warn_of_batches

            warn_of_batches(journal)
        share = shared.share if shared is not None else context.share
        judges.prepare(replace(context, shared=None, recorded=None, share=share))
        if before_asking is not None:
            before_asking()
        spool = partial(_spool, context.journal) if spools_samples else None
        results = _answer_and_score(prepared, settings, judges, spool, part)
        facts = _facts(settings, lm)
    results["config"] = facts["config"]
    judges.add_to(results, facts["config"].get("model_info", {}))
    return finished(results, facts, settings.max_errors, time.perf_counter() - started)


def check_model(
    prepared: Prepared,
    settings: RunSettings,
    journal: Path | None,
    recorded: Recorded | None = None,
    shared: SharedRun | None = None,
) -> RunContext:
    """Find out what the model can do, and set aside the tasks that it cannot answer.

    Args:
        prepared: The model and the tasks.
        settings: The settings of the run.
        journal: The file of the answers; None keeps none.
        recorded: Replies to the probe, which are used and added to; None asks anew.
        shared: This process's end of a run by several processes.

    Returns:
        What the model was told of the run.

    Raises:
        CapabilityError: The model can answer none of the tasks.
        APIError: The endpoint cannot be used at all.
    """
    from lm_eval.api.model import RunContext

    context = RunContext(
        request_types=prepared.request_types,
        chat=bool(settings.apply_chat_template),
        use_cache=Path(settings.use_cache).expanduser() if settings.use_cache else None,
        journal=journal,
        fresh=settings.fresh,
        progress=settings.progress,
        generation=prepared.generation,
        system_instruction=settings.system_instruction if settings.apply_chat_template else None,
        tasks=tuple(prepared.tasks),
        continues=bool(settings.apply_chat_template) and prepared.continues,
        batch=settings.batches,
        shared=shared,
        recorded=recorded,
    )
    prepared.lm.harness_prepare(context)
    _set_aside_refused(prepared)
    return context


def finished(
    results: dict[str, Any], facts: Mapping[str, Any], max_errors: int | float, seconds: float
) -> dict[str, Any]:
    """Add to the scores of a run what else its results hold.

    Args:
        results: The scores.
        facts: The config, the environment and the model.
        max_errors: Maximum number of documents that may be lost, or a fraction of all documents when below 1.
        seconds: How long the run took.

    Returns:
        The results.
    """
    from lm_eval.results.collect import count_errors

    results["config"] = facts["config"]
    results["errors"] = count_errors(results, max_errors)
    return {**results, **facts, "total_evaluation_time_seconds": round(seconds, 3)}


def _facts(settings: RunSettings, lm: LM) -> dict[str, Any]:
    """Return what results hold besides scores: config, environment and model."""
    from lm_eval.results import environment
    from lm_eval.text import sha256

    # Scripts for the reference harness print batch_sizes and device.
    config = {**settings.record(), "batch_sizes": [], "device": settings.device}
    if model_info := lm.harness_describe():
        config["model_info"] = model_info
    instruction, arguments = settings.system_instruction, settings.model_args
    template = lm.chat_template(settings.apply_chat_template) if settings.apply_chat_template else None
    return {
        "config": config,
        **environment.describe(),
        "system_instruction": instruction,
        "system_instruction_sha": sha256(instruction) if instruction else None,
        "fewshot_as_multiturn": settings.multiturn,
        "chat_template": template,
        "chat_template_sha": sha256(template) if template else None,
        "model_source": settings.model,
        "model_name": str(arguments.get("model") or arguments.get("pretrained") or settings.model),
    }


def evaluate(
    lm: LM,
    task_dict: Mapping[Any, object],
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
    *,
    judge: LM | Sequence[LM] | None = None,
) -> dict[str, Any]:
    """Evaluate a model on loaded tasks.

    Args:
        lm: The model.
        task_dict: The result of ``TaskManager.load`` or ``get_task_dict``.
        limit: Use only the first N documents of each task, or that fraction of them if below 1.
        samples: Task name to the ids of the documents to use.
        cache_requests: Ignored; kept for compatibility with the reference harness.
        rewrite_requests_cache: Ignored; kept for compatibility.
        bootstrap_iters: Number of resamples for bootstrapped standard errors; 0 computes no standard errors.
        write_out: Log the first prompt of each task.
        log_samples: Include one record for each document in the result.
        system_instruction: Text at the start of every prompt.
        apply_chat_template: Send prompts as chat messages; a string names the template.
        fewshot_as_multiturn: Send each few-shot example as its own turns.
        verbosity: Ignored; kept for compatibility.
        confirm_run_unsafe_code: Allow tasks that run code the model writes.
        judge: The judges of tasks with a ``scorer``: a model, or several.

    Returns:
        The results, without the parts that only ``simple_evaluate`` knows.

    Raises:
        CapabilityError: The model can answer none of the tasks.
        UserError: A task cannot be built or scored.
    """
    from lm_eval.api.model import RunContext
    from lm_eval.judging import bench
    from lm_eval.reports.notebook import ShownResults

    given = {name: value for name, value in locals().items() if name in RunSettings.options()}
    settings = RunSettings.from_call({**given, "bootstrap_iters": bootstrap_iters or 0})
    prepared = Prepared(lm, *flatten(task_dict))
    _set_aside_refused(prepared)
    for task in prepared.tasks.values():
        refuse_unsafe(task, settings)
    check_samples(settings.samples, prepared.tasks)
    with bench(settings, prepared.tasks, judge) as judges:
        judges.prepare(RunContext())
        # The model was not told which types of requests come, so it has to see all of them.
        results = _answer_and_score(prepared, settings, judges, at_once=True)
        judges.add_to(results, lm.harness_describe())
    return ShownResults(results)


def _set_aside_refused(prepared: Prepared) -> None:
    """Log which tasks the model cannot answer or that cannot be loaded, and go on with the others."""
    from lm_eval.text import not_run

    prepared.set_aside_refused(prepared.lm.harness_refuses)
    if not prepared.tasks:
        raise CapabilityError(next(iter(prepared.refused.values()), "No task to evaluate."))
    for line in not_run(prepared.refused):
        eval_logger.error(line)


def _answer_and_score(
    prepared: Prepared,
    settings: RunSettings,
    judges: Bench,
    spool: Callable[[], SpooledSamples] | None = None,
    part: Part | None = None,
    *,
    at_once: bool = False,
) -> dict[str, Any]:
    """Build the requests, ask the model once for all tasks, then filter, score and aggregate.

    With ``spool``, the samples of a large run may be in files that it makes. With ``at_once``, all requests are built
    before the model is asked.
    """
    from lm_eval.api.model import CachingLM, ask_model
    from lm_eval.results.answered import Documents
    from lm_eval.results.collect import collect
    from lm_eval.results.per_doc import count_task
    from lm_eval.results.scoring import Scoring

    lm, tasks, keeps_samples = prepared.lm, prepared.tasks, settings.keeps_samples
    with closing(Scoring(tasks)) as scoring:
        documents = Documents([scoring.take])

        def expect(name: str, task: Task, instances: list[Instance]) -> None:
            scoring.expect(name, task, instances)
            documents.expect(name, task, instances)

        faults = prepared.refused if settings.keep_going else None
        lost = None if at_once else documents.answered
        requests = prepared.requests(settings, expect, lost, faults, part)
        if not requests.complete and (spool is not None or not keeps_samples):
            here = {name: task for name, task in tasks.items() if part is None or not part.leaves_scoring(task)}
            scoring.stream(here, spool if keeps_samples else None, by_document=part is not None)
        cached = lm if settings.use_cache is None or lm.harness_keeps_answers else CachingLM(lm, settings.use_cache)
        with judges.at_work() as jury:
            if jury is not None:
                documents.also(jury.take)
            ask_model(cached, list(requests) if at_once or requests.complete else requests, documents.answered)
        outputs = {
            name: count_task(task)
            if part is not None and part.leaves_scoring(task)
            else scoring.output(name, task, log_samples=keeps_samples)
            for name, task in tasks.items()
        }
    if part is not None:
        return part.results(outputs, prepared)
    results = collect(outputs, prepared.groups, bootstrap_iters=settings.bootstrap_iters)
    if keeps_samples:
        results["samples"] = {name: output.samples for name, output in outputs.items()}
        results["task_hashes"] = {name: _hash_of(output.samples or []) for name, output in outputs.items()}
    if prepared.refused:
        results["refused"] = prepared.refused
    return results


def _spool(journal: Path | None) -> SpooledSamples:
    """Create a file for samples where the results will be, because temporary files may be in memory."""
    from lm_eval.results.spooled import SpooledSamples

    return SpooledSamples(journal.parent if journal is not None and journal.parent.is_dir() else None)


def _hash_of(samples: Sequence[Mapping[str, object]]) -> str:
    from lm_eval.results.sample import task_hash
    from lm_eval.results.spooled import SpooledSamples

    return samples.task_hash if isinstance(samples, SpooledSamples) else task_hash(samples)
