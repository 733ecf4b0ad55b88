"""Scores the documents of a run: some tasks in other processes while the model answers, the others at the end."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from lm_eval.api.instance import Doc, Instance, RequestError
from lm_eval.api.time_limit import seconds_per_document
from lm_eval.errors import ScoringTimeout
from lm_eval.results.child import can_fork
from lm_eval.results.per_doc import ScoredAlone, score_alone, score_task
from lm_eval.results.streamed import StreamedTask, can_be_streamed
from lm_eval.results.workers import Lost, Workers

if TYPE_CHECKING:
    from lm_eval.api.task import Task
    from lm_eval.results.answered import AnsweredDocument
    from lm_eval.results.per_doc import TaskOutput
    from lm_eval.results.spooled import SpooledSamples

__all__ = ["Scoring"]

eval_logger = logging.getLogger("lm_eval")


class _Job(NamedTuple):
    """A document to score, with the first document of its task, which tells whether targets are lists."""

    name: str
    doc_id: int
    instances: list[Instance]
    first: Doc


class _Result(NamedTuple):
    """What a worker found out, and what the task noted in the process of the worker."""

    found: ScoredAlone
    parts: dict[str, str]
    notes: list[str]


@dataclass(slots=True)
class _TaskInProcesses:
    """A task whose documents are scored in other processes.

    Attributes:
        task: The task.
        first: Its first document.
        found: Document id to its values.
        parts: Names that metrics have added; see ``Task.metric_parts``.
        problem: Why the task has to be scored here; empty while there is no reason.
    """

    task: Task
    first: Doc | None = None
    found: dict[int, ScoredAlone] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    problem: str = ""


class Scoring:
    """Scores the tasks of a run.

    A task with ``scoring: processes`` is scored document by document, in as many processes as there are processors. All
    other tasks are scored at the end, here. So is a task with ``scoring: processes`` if anything but a time limit comes
    in between, such as an exception in its code: the results, with their messages, are then those of scoring here.
    """

    def __init__(self, tasks: Mapping[str, Task]) -> None:
        """Prepare processes for the tasks that ask for them; call this before other threads start.

        Args:
            tasks: Task name to task.

        Raises:
            ConfigError: The limit per document is not a number of seconds.
        """
        self._seconds = seconds_per_document()
        # What a judge says comes later.
        apart = {
            name: task
            for name, task in tasks.items()
            if task.get_config("scoring") == "processes" and task.scorer is None
        }
        self._apart = {name: _TaskInProcesses(task) for name, task in apart.items()} if can_fork() else {}
        self._streamed: dict[str, StreamedTask] = {}
        self._workers = Workers(_Scorer(apart), _processors(), self._seconds) if self._apart else None

    def stream(
        self, tasks: Mapping[str, Task], spool: Callable[[], SpooledSamples] | None, *, by_document: bool = False
    ) -> None:
        """Score the tasks that allow it as soon as their documents are answered, and then forget these documents.

        Args:
            tasks: Task name to task.
            spool: Makes a file for the samples of a task; None keeps no samples.
            by_document: Whether the output has values and ending of each document, too. Default False.
        """
        for name, task in tasks.items():
            if can_be_streamed(task):
                samples = spool() if spool is not None else None
                self._streamed[name] = StreamedTask(task, samples, by_document=by_document)

    def expect(self, name: str, task: Task, instances: list[Instance]) -> None:
        """Note documents; call this before ``take``.

        Args:
            name: The name of the task in the run.
            task: The task.
            instances: All Instances of some documents of the task.
        """
        if name in self._streamed:
            self._streamed[name].expect(instances)
            return
        if instances is not task.instances:
            task.instances.extend(instances)
        if name in self._apart and self._apart[name].first is None:
            self._apart[name].first = next((doc for _, doc in task.doc_iterator(limit=1)), None)

    def take(self, document: AnsweredDocument) -> None:
        """Begin to score a document if its task is streamed, or scored in other processes; returns at once.

        Args:
            document: The document.
        """
        if document.name in self._streamed:
            self._streamed[document.name].take(document)
            return
        apart = self._apart.get(document.name)
        if apart is None or apart.problem or self._workers is None:
            return
        if any(instance.error is not None for instance in document.instances):
            return
        if apart.first is None:
            apart.problem = "its first document is not known"
            return

        def done(result: object) -> None:
            assert apart is not None
            if isinstance(result, Lost):
                result = _Result(ScoredAlone({}, [], self._error_of(result)), {}, [])
            if not isinstance(result, _Result):
                apart.problem = apart.problem or f"{type(result).__name__}: {result}"
            elif result.notes:
                apart.problem = "its code notes something about all documents"
            else:
                apart.parts |= result.parts
                apart.found[document.doc_id] = result.found

        # Scoring looks at the document and the responses; a prompt may be long.
        bare = [replace(instance, arguments=(), info=[]) for instance in document.instances]
        self._workers.submit(_Job(document.name, document.doc_id, bare, apart.first), done)

    def _error_of(self, lost: Lost) -> RequestError:
        if lost.timed_out:
            return RequestError("scoring_timeout", str(ScoringTimeout(self._seconds)), attempts=0)
        return RequestError("scoring_crash", f"The process that scored the document ended {lost}", attempts=0)

    def output(self, name: str, task: Task, *, log_samples: bool) -> TaskOutput:
        """Return the values of a task, once the model has answered.

        Args:
            name: The name of the task in the run.
            task: The task.
            log_samples: Whether to keep one sample per document and filter.

        Raises:
            RunStopped: The run ends early.
        """
        if name in self._streamed:
            return self._streamed[name].output()
        apart = self._apart.get(name)
        if apart is None:
            return score_task(task, log_samples=log_samples)
        if self._workers is not None:
            self._workers.finish()
            self._workers = None
        by_doc: dict[int, list[Instance]] = {}
        for instance in task.instances:
            by_doc.setdefault(instance.doc_id or 0, []).append(instance)
        for doc_id, found in apart.found.items():
            if found.error is not None:
                by_doc[doc_id][0].error = found.error
        if apart.problem:
            eval_logger.info("Task %s is scored in this process: %s.", name, apart.problem)
            return score_task(task, log_samples=log_samples)
        for doc_id, found in apart.found.items():
            group = sorted(by_doc[doc_id], key=lambda instance: instance.idx)
            for instance, filtered in zip(group, found.filtered, strict=False):
                instance.filtered_resps = filtered
        task.add_metric_parts(apart.parts)
        return score_task(task, log_samples=log_samples, alone=apart.found)

    def close(self) -> None:
        """End all processes."""
        if self._workers is not None:
            self._workers.close()
            self._workers = None


class _Scorer:
    """Scores jobs; this is what runs in the workers."""

    def __init__(self, tasks: Mapping[str, Task]) -> None:
        self._tasks, self._ready = tasks, set[str]()

    def __call__(self, job: _Job) -> _Result:
        task = self._tasks[job.name]
        if not self._ready:
            from lm_eval.sandbox.code_execution import run_one_at_a_time

            run_one_at_a_time()
        if job.name not in self._ready:
            # Scoring may look at the first document; a task that reads more of its dataset is scored elsewhere.
            task.replay([Instance("generate_until", job.first, (), 0, (job.name, 0, 1))])
            self._ready.add(job.name)
        found = score_alone(task, job.doc_id, job.instances)
        return _Result(found, dict(task.metric_parts), list(task.scoring_notes()))


def _processors() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
