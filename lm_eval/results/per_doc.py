"""From the answered Instances of a task to a value a doc and metric, and the samples that are logged."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lm_eval.api.instance import Instance
from lm_eval.errors import LMEvalError, TaskFileError
from lm_eval.results.over_repeats import answers_alone, combine, unwrapped, warn_of_equal_repeats
from lm_eval.text import sha256

if TYPE_CHECKING:
    from lm_eval.api.task import Task
    from lm_eval.results.collect import TaskOutput

__all__ = ["score_task"]

_LONGEST_NAME = 32
"""Characters of a cluster's name that are kept as they are."""


def score_task(task: Task, *, log_samples: bool) -> TaskOutput:
    """Filter and score the responses of a task, doc by doc.

    A doc with a lost request has no score: it is counted by the kind of its error, and its sample says so.

    Args:
        task: A task whose Instances were answered.
        log_samples: Whether to keep a sample a doc and filter.

    Returns:
        The values of each metric and filter in the order of the docs, and the counts.

    Raises:
        TaskFileError: The task's own code failed on a doc.
    """
    from lm_eval.results.collect import TaskOutput

    docs = _by_doc(task.instances)
    lost = {doc_id for doc_id, instances in docs.items() if any(i.error for i in instances)}
    answered = [instance for instance in task.instances if instance.doc_id not in lost]
    names = _apply_filters(task, answered)

    output = TaskOutput(
        task=task,
        metrics={},
        n_original=len(task.scored_docs),
        n_effective=len(docs) - len(lost),
        num_fewshot=task.config.num_fewshot or 0,
        samples=[] if log_samples else None,
        errors=dict(Counter(_first_error(docs[doc_id]) for doc_id in lost)),
        outcomes=dict(Counter(i.outcome for group in docs.values() for i in _infos(group) if i.outcome != "ok")),
    )
    warn_of_equal_repeats(task, answered)
    clusters = {doc_id: _cluster(task, instances[0].doc) for doc_id, instances in docs.items()}
    if any(name is not None for name in clusters.values()):
        # A doc without a value shares it with no other.
        clusters = {doc_id: f"doc {doc_id}" if name is None else name for doc_id, name in clusters.items()}
    for name in names:
        alone = answers_alone(task, name, answered)
        for doc_id, instances in docs.items():
            values: dict[str, Any] = {}
            if doc_id not in lost:
                doc = instances[0].doc
                values = _score(task, doc_id, doc, [instance.filtered_resps[name] for instance in instances])
                scored = [_score(task, doc_id, doc, answer) for answer in alone.get(doc_id, ())]
                combined, single, failed = combine(task, scored, alone[doc_id]) if scored else ({}, {}, {})
                values |= combined
                _keep(output, name, values, single, failed, clusters[doc_id])
            if output.samples is not None:
                sample = _sample(task, doc_id, instances, name, values)
                if clusters[doc_id] is not None:
                    sample["cluster"] = clusters[doc_id]
                if doc_id in alone:
                    sample["repeats"] = {"filtered": unwrapped(alone[doc_id]), **single}
                output.samples.append(sample)
    for key in output.failed:
        output.metrics.pop(key, None)
    return output


def _keep(
    output: TaskOutput,
    pipeline: str,
    values: dict[str, Any],
    single: dict[str, list[Any]],
    failed: dict[str, str],
    cluster: str | None,
) -> None:
    """Add a doc's values to the task's."""
    for metric, value in values.items():
        output.metrics.setdefault((metric, pipeline), []).append(value)
        if cluster is not None:
            output.clusters.setdefault((metric, pipeline), []).append(cluster)
    for metric, repeated in single.items():
        output.repeats.setdefault((metric, pipeline), []).append(repeated)
    for metric, why in failed.items():
        output.failed.setdefault((metric, pipeline), why)


def _cluster(task: Task, doc: Any) -> str | None:
    """Name a doc's cluster; a long text, such as a passage, by its hash."""
    name = task.doc_to_cluster(doc)
    return name if name is None or len(name) <= _LONGEST_NAME else sha256(name)[:_LONGEST_NAME]


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


def _infos(instances: Iterable[Instance]) -> Iterable[Any]:
    return (info for instance in instances for info in instance.info)


def _first_error(instances: Iterable[Instance]) -> str:
    return next(i.error.kind for i in instances if i.error is not None)


def _score(task: Task, doc_id: int, doc: Any, responses: list[Any]) -> dict[str, Any]:
    try:
        values: dict[str, Any] = task.process_results(doc, responses)
    except LMEvalError:
        raise
    except Exception as error:
        what = f"scoring doc {doc_id} of task {task.task_name!r} failed: {type(error).__name__}: {error}"
        raise TaskFileError(what, key="process_results") from error
    return values


def _sample(
    task: Task, doc_id: int, instances: list[Instance], filter_name: str, values: dict[str, Any]
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
        "filtered_resps": [instance.filtered_resps.get(filter_name) for instance in instances],
        "filter": filter_name,
        "metrics": list(values),
        "doc_hash": sha256(json.dumps(doc, indent=2, default=handle_non_serializable, ensure_ascii=False)),
        "prompt_hash": sha256(first if isinstance(first, str) else json.dumps(first, default=str)),
        "target_hash": sha256(str(target)),
    }
    errors = [instance.error for instance in instances if instance.error is not None]
    if errors:
        sample["error"] = asdict(errors[0])
    notes = [asdict(info) for info in _infos(instances) if info.outcome != "ok" or info.reasoning or info.approximate]
    if notes:
        sample["response_info"] = notes
    return {**sample, **values}
