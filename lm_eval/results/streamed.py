"""Tasks whose documents are scored as soon as they are answered, and then forgotten, so that memory stays small."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from lm_eval.api.instance import Instance, RequestError
from lm_eval.errors import RunAborted, RunStopped
from lm_eval.results.answered import AnsweredDocument, by_document
from lm_eval.results.messages import count_messages
from lm_eval.results.per_doc import Ending, ScoredDoc, TaskOutput, describe_failure, sample_of, score_alone

if TYPE_CHECKING:
    from lm_eval.api.task import Task
    from lm_eval.results.spooled import SpooledSamples

__all__ = ["StreamedTask", "can_be_streamed"]

_PLAIN = ("process_results", "scorer", "cluster_key", "filter_list")
"""Keys that a streamed task does not have."""


def can_be_streamed(task: Task) -> bool:
    """Whether a task scores log-likelihoods by code of this package alone, which treats each document alone.

    Such code takes some microseconds for a document, and cannot run for ever, so that it may run in the event loop.

    Args:
        task: The task.
    """
    if task.OUTPUT_TYPE not in ("multiple_choice", "loglikelihood", "loglikelihood_rolling"):
        return False
    if not task.builds_in_parts or task.config.repeats != 1:
        return False
    metrics = task.get_config("metric_list") or []
    named = all(
        isinstance(item, str) or (isinstance(item, Mapping) and isinstance(item["metric"], str)) for item in metrics
    )
    return named and all(task.get_config(key) is None for key in _PLAIN)


class StreamedTask:
    """Collects the values of a task's documents, which are answered in any order, in the order of the documents."""

    def __init__(self, task: Task, samples: SpooledSamples | None, *, by_document: bool = False) -> None:
        """Wait for no document.

        Args:
            task: The task.
            samples: Gets one sample per document; None keeps none.
            by_document: Whether the output has values and ending of each document, too. Default False.
        """
        self._task, self._samples, self._by_document = task, samples, by_document
        self._waiting: deque[int] = deque()
        self._done: dict[int, tuple[list[Instance], ScoredDoc | None, RequestError | None]] = {}
        self._lost: list[RequestError] = []
        self._outcomes: Counter[str] = Counter()
        self._failures: dict[int, BaseException] = {}
        (self._pipeline,) = (pipeline.name for pipeline in task.filters)
        self._output = TaskOutput(task=task, metrics={}, n_original=0, n_effective=0)

    def expect(self, instances: Iterable[Instance]) -> None:
        """Note which documents come next.

        Args:
            instances: All Instances of some documents, in the order of the documents.
        """
        self._waiting.extend(by_document(instances))

    def take(self, document: AnsweredDocument) -> None:
        """Score a document.

        Args:
            document: The document.
        """
        error = next((instance.error for instance in document.instances if instance.error is not None), None)
        scored: ScoredDoc | None = None
        if error is None:
            try:
                found = score_alone(self._task, document.doc_id, document.instances)
                scored, error = found.scored.get(self._pipeline), found.error
            except (RunStopped, RunAborted):
                raise
            except Exception as failure:
                self._failures[document.doc_id] = failure
            self._task.instances = []
        self._done[document.doc_id] = document.instances, scored, error
        while self._waiting and self._waiting[0] in self._done:
            doc_id = self._waiting.popleft()
            self._add(doc_id, *self._done.pop(doc_id))

    def _add(
        self, doc_id: int, instances: list[Instance], scored: ScoredDoc | None, error: RequestError | None
    ) -> None:
        output = self._output
        ending = Ending.of(instances)
        self._outcomes.update(ending.outcomes)
        if self._by_document:
            output.endings[doc_id] = ending
        if error is not None:
            self._lost.append(error)
        else:
            output.n_effective += 1
        if scored is not None and error is None:
            output.add(self._pipeline, scored, None)
            if self._by_document:
                output.scored.setdefault(self._pipeline, {})[doc_id] = scored
        if self._samples is not None:
            self._samples.add(sample_of(self._task, doc_id, instances, self._pipeline, scored))

    def output(self) -> TaskOutput:
        """Return the values, once all documents are answered."""
        task, output = self._task, self._output
        output.n_original = len(task.scored_docs)
        output.num_fewshot = task.config.num_fewshot or 0
        output.errors = dict(Counter(error.kind for error in self._lost))
        output.messages = count_messages(self._lost)
        output.outcomes = dict(self._outcomes)
        output.notes = list(dict.fromkeys([*task.notes, *task.scoring_notes()]))
        output.state = task.scoring_state()
        if self._failures:
            output.cause = self._failures[min(self._failures)]
            output.failure = describe_failure(output.cause)
            output.metrics.clear()
            output.scored.clear()
            if self._samples is not None:
                self._samples.without_values()
        for key in (*output.failed, *output.not_computed):
            output.metrics.pop(key, None)
        output.samples = self._samples
        return output
