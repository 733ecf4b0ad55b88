"""Rebuild answered Instances from saved samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

from lm_eval.api.instance import Doc, Instance, OutputType
from lm_eval.errors import ConfigError
from lm_eval.results import Request, Sample
from lm_eval.results.json_values import as_list

__all__ = ["instances_of"]

_NEEDED = ("doc_id", "doc", "arguments", "resps")


def instances_of(samples: Iterable[Sample], task: str) -> list[Instance]:
    """Rebuild the Instances of a task.

    The samples of several filters hold the same responses, so the first sample of each document is enough.

    Args:
        samples: The task's samples.
        task: Its name.

    Returns:
        The Instances with their responses, document by document in the order of the samples.

    Raises:
        ConfigError: A sample lacks something.
    """
    instances: list[Instance] = []
    seen: set[int | str | None] = set()
    for sample in samples:
        missing = [key for key in _NEEDED if key not in sample.line]
        if missing:
            raise ConfigError(f"A sample of task {task!r} has no {missing[0]!r}; it cannot be rescored.")
        if sample.doc_id not in seen:
            seen.add(sample.doc_id)
            instances += _of_doc(sample, task)
    return instances


def _of_doc(sample: Sample, task: str) -> list[Instance]:
    asked = sum(bool(request.arguments) for request in sample.all_requests)
    answered = len(as_list(sample.line["resps"]))
    if not asked or asked != answered:
        raise ConfigError(
            f"Doc {sample.doc_id} of task {task!r} has {asked} requests and {answered} responses;"
            " it cannot be rescored."
        )
    instances = list(_answered(sample, task))
    # Samples do not say which of a document's requests has the error or the notes: only the document counts.
    instances[0].info = sample.info
    if sample.error is not None and sample.error.kind not in ("scoring_timeout", "scoring_crash"):
        # Otherwise there is an answer to score.
        instances[0].error = sample.error
    return instances


def _answered(sample: Sample, task: str) -> Iterator[Instance]:
    for index, request in enumerate(sample.all_requests):
        kind = _request_type(request)
        answers = [tuple(as_list(answer)) if kind == "loglikelihood" else answer for answer in request.responses]
        yield Instance(
            request_type=kind,
            doc=cast("Doc", sample.doc),
            arguments=request.arguments,
            idx=index,
            metadata=(task, cast("int", sample.doc_id), len(answers)),
            resps=answers,
        )


def _request_type(request: Request) -> OutputType:
    if len(request.arguments) == 1:
        return "loglikelihood_rolling"
    return "generate_until" if request.settings is not None else "loglikelihood"
