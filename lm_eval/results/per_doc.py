"""Score a task's responses document by document, and write the samples that are logged."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lm_eval.api.instance import Doc, Instance, RequestError, ResponseInfo
from lm_eval.api.not_computed import take_not_computed
from lm_eval.api.time_limit import limited, limiting, seconds_per_document, signals_work
from lm_eval.errors import ConfigError, LMEvalError, RunAborted, RunStopped, ScoringTimeout, TaskFileError
from lm_eval.results.answered import by_document
from lm_eval.results.child import can_fork, in_child
from lm_eval.results.messages import count_messages
from lm_eval.results.over_repeats import Answers, combine, filtered_repeats, unwrapped, warn_of_equal_repeats
from lm_eval.text import sha256, shorten

if TYPE_CHECKING:
    from lm_eval.api.task import Task

__all__ = [
    "Ending",
    "MetricAndFilter",
    "ScoredAlone",
    "ScoredDoc",
    "TaskOutput",
    "count_task",
    "describe_failure",
    "sample_of",
    "score_alone",
    "score_task",
]

MetricAndFilter = tuple[str, str]

_MAX_CLUSTER_NAME = 32
"""Clusters with longer names, such as passages, are named by the first 32 digits of their SHA-256."""


@dataclass(slots=True)
class ScoredDoc:
    """The values of a document under one filter.

    Attributes:
        values: Metric to value.
        repeats: Metric to the values of the document's repeats, of a metric with ``over_repeats``.
        failed: Metric to why it has no value.
        not_computed: Metric to what it lacks, when nothing here can compute it.
        filtered: The filtered answer of each repeat; None without ``over_repeats``.
    """

    values: dict[str, Any]
    repeats: dict[str, list[Any]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    not_computed: dict[str, str] = field(default_factory=dict)
    filtered: list[object] | None = None


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
        not_computed: (metric, filter) to what nothing here can compute, and why.
        failure: Why the code of the task could not score it, with the document; empty when it could.
        cause: The exception behind ``failure``.
        notes: What a reader of the scores should know, one sentence each.
        scored: Filter to document id to the document's values.
        endings: Document id to how its requests ended, in the order of the documents.
        cluster_of: Document id to the document's cluster, of a task with ``cluster_key``.
        state: What the notes about scoring are made of; see ``Task.scoring_state``.
    """

    task: Task
    metrics: dict[MetricAndFilter, list[Any]]
    n_original: int
    n_effective: int
    num_fewshot: int = 0
    samples: Sequence[dict[str, Any]] | None = None
    errors: dict[str, int] = field(default_factory=dict)
    messages: list[dict[str, object]] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)
    clusters: dict[MetricAndFilter, list[str]] = field(default_factory=dict)
    repeats: dict[MetricAndFilter, list[list[float]]] = field(default_factory=dict)
    failed: dict[MetricAndFilter, str] = field(default_factory=dict)
    not_computed: dict[MetricAndFilter, str] = field(default_factory=dict)
    failure: str = ""
    cause: BaseException | None = None
    notes: list[str] = field(default_factory=list)
    scored: dict[str, dict[int, ScoredDoc]] = field(default_factory=dict)
    endings: dict[int, Ending] = field(default_factory=dict)
    cluster_of: dict[int, str] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)

    def add(self, pipeline: str, scored: ScoredDoc, cluster: str | None) -> None:
        """Add a document's values under one filter.

        Args:
            pipeline: The filter's name.
            scored: The document's values.
            cluster: The document's cluster; None for a task without clusters.
        """
        for metric, value in scored.values.items():
            self.metrics.setdefault((metric, pipeline), []).append(value)
            if cluster is not None:
                self.clusters.setdefault((metric, pipeline), []).append(cluster)
        for metric, repeated in scored.repeats.items():
            self.repeats.setdefault((metric, pipeline), []).append(repeated)
        for metric, reason in scored.failed.items():
            self.failed.setdefault((metric, pipeline), reason)
        for metric, reason in scored.not_computed.items():
            self.not_computed.setdefault((metric, pipeline), reason)

    def sort(self, place: Callable[[MetricAndFilter], int]) -> None:
        """Put the scores in an order; those at the same place stay as they are.

        Args:
            place: Returns the place of a metric and filter.
        """
        every: list[dict[MetricAndFilter, Any]]
        every = [self.metrics, self.clusters, self.repeats, self.failed, self.not_computed]
        for found in every:
            entries = sorted(found.items(), key=lambda entry: place(entry[0]))
            found.clear()
            found.update(entries)

    def settle(self, *, scored: bool) -> None:
        """Decide which metrics have a score, once all documents are added.

        Args:
            scored: Whether any document was scored.
        """
        scorer = self.task.scorer
        for metric in scorer.metrics if scored and scorer is not None else ():
            # Without a verdict there is no value, and the score has to say so.
            self.metrics.setdefault((metric.metric, self.task.filters[0].name), [])
        for key in (*self.failed, *self.not_computed):
            self.metrics.pop(key, None)


@dataclass(slots=True)
class Ending:
    """How the requests of a document ended.

    Attributes:
        error: Why the document has no score; None when it has one.
        outcomes: How those of its responses ended that are not complete.
    """

    error: RequestError | None
    outcomes: list[str]

    @classmethod
    def of(cls, instances: Sequence[Instance]) -> Ending:
        """Look at the Instances of a document.

        Args:
            instances: All of them.
        """
        outcomes = [info.outcome for info in _infos(instances) if info.outcome != "ok"]
        return cls(next(iter(_errors(instances)), None), outcomes)


@dataclass(slots=True)
class ScoredAlone:
    """What ``score_alone`` found out about a document.

    Attributes:
        scored: The values under each filter; empty when there is an error.
        filtered: ``filtered_resps`` of each Instance.
        error: Why the document has no score; None when it has.
    """

    scored: dict[str, ScoredDoc]
    filtered: list[dict[str, Any]]
    error: RequestError | None = None


def score_alone(task: Task, doc_id: int, instances: Sequence[Instance]) -> ScoredAlone:
    """Filter and score one document, as if the task had no other.

    Args:
        task: The task; its ``instances`` are replaced.
        doc_id: The id of the document.
        instances: All Instances of the document, answered without an error.

    Returns:
        Its values.

    Raises:
        LMEvalError: The code of the task failed, or asks for something that only the complete task has.
    """
    task.instances, docs = instances, {doc_id: list(instances)}
    scored = {pipeline: _score_docs(task, docs, pipeline) for pipeline in _apply_filters(task, docs[doc_id])}
    error = next(iter(_errors(instances)), None)
    found = {} if error is not None else {pipeline: values[doc_id] for pipeline, values in scored.items()}
    return ScoredAlone(found, [instance.filtered_resps for instance in instances], error)


def score_task(task: Task, *, log_samples: bool, alone: Mapping[int, ScoredAlone] | None = None) -> TaskOutput:
    """Filter and score the responses of a task, document by document.

    A document with a lost request has no score: it is counted under the kind of its error, and its sample has the
    error. So is a document that takes longer than ``seconds_per_document`` of CPU time. If the code of the task fails,
    the task has no scores, but the samples with the responses.

    Args:
        task: A task whose Instances were answered.
        log_samples: Whether to keep one sample per document and filter.
        alone: The values of every document without an error, from ``score_alone``; None computes them here.

    Returns:
        The values of each metric and filter in the order of the documents, and the counts.

    Raises:
        RunStopped: The run ends early.
    """
    seconds = seconds_per_document()
    if seconds and not signals_work() and can_fork() and alone is None:
        return _score_in_child(task, log_samples, seconds)
    with limiting(seconds):
        return _score_here(task, log_samples, alone)


def _score_here(task: Task, log_samples: bool, alone: Mapping[int, ScoredAlone] | None = None) -> TaskOutput:
    docs = by_document(task.instances)
    scored: dict[str, dict[int, ScoredDoc]] = {}
    clusters: dict[int, str] = {}
    cause: BaseException | None = None
    try:
        clusters = _clusters(task, docs)
        answered = _answered(task, docs)
        warn_of_equal_repeats(task, answered)
        if alone is None:
            for pipeline in _apply_filters(task, answered):
                scored[pipeline] = _score_docs(task, docs, pipeline)
        else:
            scored = _merged(docs, alone)
    except (RunStopped, RunAborted):
        raise
    except (Exception, SystemExit, ScoringTimeout) as error:
        scored, cause = {}, error
    output = _counted(task, docs, cause)
    output.scored, output.cluster_of = scored, clusters
    for pipeline, by_doc in scored.items():
        for doc_id, values in by_doc.items():
            if not _errors(docs[doc_id]):
                output.add(pipeline, values, clusters.get(doc_id))
    output.settle(scored=bool(scored))
    if log_samples:
        output.samples = [
            sample_of(task, doc_id, group, pipeline, scored.get(pipeline, {}).get(doc_id), clusters.get(doc_id))
            for pipeline in scored or [pipeline.name for pipeline in task.filters]
            for doc_id, group in docs.items()
        ]
    return output


def count_task(task: Task) -> TaskOutput:
    """Count the documents of a task that is scored elsewhere.

    Args:
        task: A task whose Instances were answered.

    Returns:
        The counts, without values.
    """
    return _counted(task, by_document(task.instances), None)


def describe_failure(cause: BaseException) -> str:
    """Say why the code of a task could not score it.

    Args:
        cause: The exception.
    """
    return str(cause) if isinstance(cause, LMEvalError | ScoringTimeout) else f"{type(cause).__name__}: {cause}"


def _merged(docs: Mapping[int, list[Instance]], alone: Mapping[int, ScoredAlone]) -> dict[str, dict[int, ScoredDoc]]:
    """Put what was found about each document in the order of the documents."""
    scored: dict[str, dict[int, ScoredDoc]] = {}
    for doc_id, group in docs.items():
        if not _errors(group):
            for pipeline, values in alone[doc_id].scored.items():
                scored.setdefault(pipeline, {})[doc_id] = values
    return scored


def _counted(task: Task, docs: dict[int, list[Instance]], cause: BaseException | None) -> TaskOutput:
    """Return the output of a task without values: its counts, and why it has no scores."""
    endings = {doc_id: Ending.of(group) for doc_id, group in docs.items()}
    lost = [ending.error for ending in endings.values() if ending.error is not None]
    return TaskOutput(
        task=task,
        metrics={},
        n_original=len(task.scored_docs),
        n_effective=len(docs) - len(lost),
        num_fewshot=task.config.num_fewshot or 0,
        errors=dict(Counter(error.kind for error in lost)),
        messages=count_messages(lost),
        outcomes=dict(Counter(outcome for ending in endings.values() for outcome in ending.outcomes)),
        failure="" if cause is None else describe_failure(cause),
        cause=cause,
        notes=list(dict.fromkeys([*task.notes, *task.scoring_notes()])),
        state=task.scoring_state(),
        endings=endings,
    )


def _score_docs(task: Task, docs: dict[int, list[Instance]], pipeline: str) -> dict[int, ScoredDoc]:
    """Score the documents under one filter; a document that takes too long gets an error."""
    repeated = filtered_repeats(task, pipeline, _answered(task, docs))
    found: dict[int, ScoredDoc] = {}
    for doc_id, group in docs.items():
        if _errors(group):
            continue
        try:
            found[doc_id] = limited(1, _score_doc, task, doc_id, group, pipeline, repeated.get(doc_id))
        except ScoringTimeout as error:
            group[0].error = RequestError("scoring_timeout", str(error), attempts=0)
    return found


def _score_doc(
    task: Task, doc_id: int, instances: Sequence[Instance], pipeline: str, repeated: Answers | None
) -> ScoredDoc:
    doc = instances[0].doc
    scored = ScoredDoc(_score(task, doc_id, doc, [instance.filtered_resps[pipeline] for instance in instances]))
    if repeated is not None:
        each = [_score(task, doc_id, doc, answers) for answers in repeated]
        combined, scored.repeats, scored.failed = combine(task, each, repeated)
        scored.values |= combined
        scored.filtered = unwrapped(repeated)
    judgement = instances[0].judgement
    if judgement is not None and pipeline == task.filters[0].name:
        scored.values |= judgement.values
    scored.not_computed = take_not_computed(scored.values)
    return scored


def _score_in_child(task: Task, log_samples: bool, seconds: float) -> TaskOutput:
    """Score in a child process, whose main thread signals can interrupt; take over what scoring leaves behind."""

    def score() -> tuple[TaskOutput, list[tuple[dict[str, Any], RequestError | None]], dict[str, str]]:
        with limiting(seconds):
            output = _score_here(task, log_samples)
        left = [(instance.filtered_resps, instance.error) for instance in task.instances]
        return replace(output, task=None, cause=None), left, dict(task.metric_parts)  # type: ignore[arg-type]

    try:
        output, left, parts = in_child(score)
    except TaskFileError as error:  # the process ended early, or the values cannot leave it
        docs = by_document(task.instances)
        output = _counted(task, docs, error)
        if log_samples:
            names = [pipeline.name for pipeline in task.filters]
            output.samples = [
                sample_of(task, doc_id, group, name, None, None) for name in names for doc_id, group in docs.items()
            ]
        return output
    for instance, (filtered, lost) in zip(task.instances, left, strict=True):
        instance.filtered_resps, instance.error = filtered, lost
    task.add_metric_parts(parts)
    return replace(output, task=task)


def _answered(task: Task, docs: dict[int, list[Instance]]) -> list[Instance]:
    lost = {doc_id for doc_id, group in docs.items() if _errors(group)}
    return [instance for instance in task.instances if (instance.doc_id or 0) not in lost]


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
        values = task.process_results(doc, responses)
        if not isinstance(values, Mapping):
            raise TypeError(f"process_results returns {shorten(repr(values), 60)}, which is no mapping of metrics")
        return dict(values)
    except (ConfigError, RunAborted, RunStopped):
        raise
    except (Exception, SystemExit) as error:
        reason = str(error) if isinstance(error, LMEvalError) else f"{type(error).__name__}: {error}"
        what = f"scoring doc {doc_id} of task {task.task_name!r} failed: {reason}"
        raise TaskFileError(what, key="process_results") from error


def sample_of(
    task: Task,
    doc_id: int,
    instances: Sequence[Instance],
    pipeline: str,
    scored: ScoredDoc | None,
    cluster: str | None = None,
) -> dict[str, Any]:
    """Describe a document under one filter, as ``results["samples"]`` has it.

    Args:
        task: The task.
        doc_id: The id of the document.
        instances: All Instances of the document.
        pipeline: The name of the filter.
        scored: The values; None without scores.
        cluster: The document's cluster; None for a task without clusters.
    """
    from lm_eval.utils import handle_non_serializable

    doc = instances[0].doc
    errors = _errors(instances)
    values = scored.values if scored is not None and not errors else {}
    first, target = instances[0].args[0], _target(task, doc)
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
    if errors:
        sample["error"] = asdict(errors[0])
    notes = [asdict(info) for info in _infos(instances) if info.outcome != "ok" or info.reasoning or info.approximate]
    if notes:
        sample["response_info"] = notes
    sample |= values
    if cluster is not None:
        sample["cluster"] = cluster
    judgement = instances[0].judgement
    if judgement is not None and pipeline == task.filters[0].name and not errors:
        sample["judge"] = judgement.record()
    if scored is not None and scored.filtered is not None and not errors:
        sample["repeats"] = {"filtered": scored.filtered, **scored.repeats}
    return sample


def _target(task: Task, doc: Doc) -> object:
    """Return the target that a sample shows; None if the task cannot say it, which only its scores need to."""
    try:
        return limited(1, task.doc_to_target, doc)
    except (Exception, SystemExit, ScoringTimeout):
        return None
