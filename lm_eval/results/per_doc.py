"""Score a task's responses document by document, and write the samples that are logged."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from lm_eval.api.instance import Doc, Instance, RequestError, ResponseInfo
from lm_eval.errors import LMEvalError, TaskFileError
from lm_eval.results.messages import count_messages
from lm_eval.results.over_repeats import combine, filtered_repeats, unwrapped, warn_of_equal_repeats
from lm_eval.text import sha256

if TYPE_CHECKING:
    from lm_eval.api.task import Task

__all__ = ["MetricAndFilter", "TaskOutput", "score_task"]

MetricAndFilter = tuple[str, str]

_MAX_CLUSTER_NAME = 32
"""Clusters with longer names, such as passages, are named by the first 32 digits of their SHA-256."""


@dataclass
class TaskOutput:
    """A task's values before they are aggregated.

    Attributes:
        task: The task.
        metrics: (metric, filter) to one value per scored document.
        n_original: Number of documents in the evaluated split.
        n_effective: Number of documents scored.
        num_fewshot: Number of few-shot examples in each prompt.
        samples: One sample per document and filter, when they are logged.
        errors: Kind of error to the number of documents lost to it.
        messages: The messages of the lost documents, as ``count_messages`` gives them.
        outcomes: Kind of response (``length``, ``empty``, ``refusal``, …) to the number of responses that ended so.
        clusters: (metric, filter) to the cluster of each scored document, of a task with ``cluster_key``.
        repeats: (metric, filter) to the values of each scored document's repeats, of a metric with ``over_repeats``.
        failed: (metric, filter) to why there are no values.
    """

    task: Task
    metrics: dict[MetricAndFilter, list[Any]]
    n_original: int
    n_effective: int
    num_fewshot: int = 0
    samples: list[dict[str, Any]] | None = None
    errors: dict[str, int] = field(default_factory=dict)
    messages: list[dict[str, object]] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)
    clusters: dict[MetricAndFilter, list[str]] = field(default_factory=dict)
    repeats: dict[MetricAndFilter, list[list[float]]] = field(default_factory=dict)
    failed: dict[MetricAndFilter, str] = field(default_factory=dict)

    def add(
        self, pipeline: str, values: dict[str, Any], single: dict[str, list[float]], failed: dict[str, str]
    ) -> None:
        """Add a document's values under one filter.

        Args:
            pipeline: The filter's name.
            values: Metric to value.
            single: Metric to the values of the document's repeats.
            failed: Metric to why it has no value.
        """
        for metric, value in values.items():
            self.metrics.setdefault((metric, pipeline), []).append(value)
        for metric, repeated in single.items():
            self.repeats.setdefault((metric, pipeline), []).append(repeated)
        for metric, reason in failed.items():
            self.failed.setdefault((metric, pipeline), reason)


def score_task(task: Task, *, log_samples: bool) -> TaskOutput:
    """Filter and score the responses of a task, document by document.

    A document with a lost request has no score: it is counted under the kind of its error, and its sample has the
    error.

    Args:
        task: A task whose Instances were answered.
        log_samples: Whether to keep one sample per document and filter.

    Returns:
        The values of each metric and filter in the order of the documents, and the counts.

    Raises:
        TaskFileError: The task's own code failed on a document.
    """
    docs = _by_doc(task.instances)
    lost = {doc_id: found[0] for doc_id, instances in docs.items() if (found := _errors(instances))}
    answered = [instance for instance in task.instances if instance.doc_id not in lost]
    pipelines = _apply_filters(task, answered)
    output = TaskOutput(
        task=task,
        metrics={},
        n_original=len(task.scored_docs),
        n_effective=len(docs) - len(lost),
        num_fewshot=task.config.num_fewshot or 0,
        samples=[] if log_samples else None,
        errors=dict(Counter(error.kind for error in lost.values())),
        messages=count_messages(lost.values()),
        outcomes=dict(Counter(i.outcome for group in docs.values() for i in _infos(group) if i.outcome != "ok")),
    )
    warn_of_equal_repeats(task, answered)
    clusters = _clusters(task, docs)
    for pipeline in pipelines:
        repeated = filtered_repeats(task, pipeline, answered)
        for doc_id, instances in docs.items():
            values: dict[str, Any] = {}
            single: dict[str, list[Any]] = {}
            if doc_id not in lost:
                doc = instances[0].doc
                values = _score(task, doc_id, doc, [instance.filtered_resps[pipeline] for instance in instances])
                failed: dict[str, str] = {}
                if doc_id in repeated:
                    scored = [_score(task, doc_id, doc, answers) for answers in repeated[doc_id]]
                    combined, single, failed = combine(task, scored, repeated[doc_id])
                    values |= combined
                output.add(pipeline, values, single, failed)
                if clusters:
                    for metric in values:
                        output.clusters.setdefault((metric, pipeline), []).append(clusters[doc_id])
            if output.samples is not None:
                sample = _sample(task, doc_id, instances, pipeline, values)
                if clusters:
                    sample["cluster"] = clusters[doc_id]
                if doc_id in repeated:
                    sample["repeats"] = {"filtered": unwrapped(repeated[doc_id]), **single}
                output.samples.append(sample)
    for key in output.failed:
        output.metrics.pop(key, None)
    return output


def _by_doc(instances: Iterable[Instance]) -> dict[int, list[Instance]]:
    docs: dict[int, list[Instance]] = {}
    for instance in instances:
        docs.setdefault(instance.doc_id or 0, []).append(instance)
    for group in docs.values():
        group.sort(key=lambda instance: instance.idx)
    return docs


def _apply_filters(task: Task, answered: list[Instance]) -> list[str]:
    """Run the task's pipelines on what was answered; a pipeline never sees a lost request."""
    if not answered:
        return [pipeline.name for pipeline in task.filters]
    everything, task.instances = task.instances, answered
    try:
        task.apply_filters()
    finally:
        task.instances = everything
    return list(answered[0].filtered_resps)


def _clusters(task: Task, docs: dict[int, list[Instance]]) -> dict[int, str]:
    """Name the cluster of each document; nothing for a task without ``cluster_key``."""
    names = {doc_id: task.doc_to_cluster(instances[0].doc) for doc_id, instances in docs.items()}
    if all(name is None for name in names.values()):
        return {}
    # A document without a name is a cluster of its own.
    return {doc_id: f"doc {doc_id}" if name is None else _short_name(name) for doc_id, name in names.items()}


def _short_name(cluster: str) -> str:
    return cluster if len(cluster) <= _MAX_CLUSTER_NAME else sha256(cluster)[:_MAX_CLUSTER_NAME]


def _infos(instances: Iterable[Instance]) -> Iterator[ResponseInfo]:
    return (info for instance in instances for info in instance.info)


def _errors(instances: Iterable[Instance]) -> list[RequestError]:
    return [instance.error for instance in instances if instance.error is not None]


def _score(task: Task, doc_id: int, doc: Doc, responses: Sequence[object]) -> dict[str, Any]:
    try:
        values: dict[str, Any] = task.process_results(doc, responses)
    except LMEvalError:
        raise
    except Exception as error:
        what = f"scoring doc {doc_id} of task {task.task_name!r} failed: {type(error).__name__}: {error}"
        raise TaskFileError(what, key="process_results") from error
    return values


def _sample(
    task: Task, doc_id: int, instances: Sequence[Instance], pipeline: str, values: dict[str, Any]
) -> dict[str, Any]:
    from lm_eval.utils import handle_non_serializable

    doc = instances[0].doc
    target = task.doc_to_target(doc)
    first = instances[0].args[0]
    sample: dict[str, Any] = {
        "doc_id": doc_id,
        "doc": doc,
        "target": target,
        "arguments": [instance.args for instance in instances],
        "resps": [instance.resps for instance in instances],
        "filtered_resps": [instance.filtered_resps.get(pipeline) for instance in instances],
        "filter": pipeline,
        "metrics": list(values),
        "doc_hash": sha256(json.dumps(doc, indent=2, default=handle_non_serializable, ensure_ascii=False)),
        "prompt_hash": sha256(first if isinstance(first, str) else json.dumps(first, default=str)),
        "target_hash": sha256(str(target)),
    }
    if errors := _errors(instances):
        sample["error"] = asdict(errors[0])
    notes = [asdict(info) for info in _infos(instances) if info.outcome != "ok" or info.reasoning or info.approximate]
    if notes:
        sample["response_info"] = notes
    return {**sample, **values}
