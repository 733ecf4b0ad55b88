"""From saved samples back to answered Instances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar, cast

from lm_eval.api.instance import Instance, OutputType, RequestError, ResponseInfo, Usage
from lm_eval.errors import ConfigError

__all__ = ["instances_of"]

T = TypeVar("T")
_NEEDED = ("doc_id", "doc", "arguments", "resps")


def instances_of(samples: Iterable[Mapping[str, Any]], task: str) -> list[Instance]:
    """Rebuild the Instances of a task.

    The samples of several filters hold the same responses, so the first of each doc is enough.

    Args:
        samples: The task's samples.
        task: Its name.

    Returns:
        The Instances with their responses, doc by doc in the samples' order.

    Raises:
        ConfigError: A sample lacks something.
    """
    made: list[Instance] = []
    seen: set[int] = set()
    for sample in samples:
        lacking = [key for key in _NEEDED if key not in sample]
        if lacking:
            raise ConfigError(f"A sample of task {task!r} has no {lacking[0]!r}; it cannot be rescored.")
        if sample["doc_id"] not in seen:
            seen.add(sample["doc_id"])
            made += _of_doc(sample, task)
    return made


def _of_doc(sample: Mapping[str, Any], task: str) -> list[Instance]:
    given, resps = sample["arguments"], sample["resps"]
    requests = [_parts(request) for request in (given.values() if isinstance(given, Mapping) else given)]
    if not requests or len(requests) != len(resps):
        raise ConfigError(
            f"Doc {sample['doc_id']} of task {task!r} has {len(requests)} requests and {len(resps)} responses;"
            " it cannot be rescored."
        )
    instances = []
    for index, (arguments, answers) in enumerate(zip(requests, resps, strict=True)):
        kind = _request_type(arguments)
        instances.append(
            Instance(
                request_type=kind,
                doc=sample["doc"],
                arguments=arguments,
                idx=index,
                metadata=(task, sample["doc_id"], len(answers)),
                resps=[tuple(answer) if kind == "loglikelihood" else answer for answer in answers],
            )
        )
    # Which of a doc's requests was lost, or said what, is not saved: the doc as a whole is what counts.
    if sample.get("error") is not None:
        instances[0].error = _known(RequestError, sample["error"])
    instances[0].info = [_response_info(note) for note in sample.get("response_info") or ()]
    return instances


def _parts(request: Any) -> tuple[Any, ...]:
    return tuple(request.values() if isinstance(request, Mapping) else request)


def _request_type(arguments: Sequence[Any]) -> OutputType:
    if len(arguments) == 1:
        return "loglikelihood_rolling"
    return "generate_until" if isinstance(arguments[1], Mapping) else "loglikelihood"


def _response_info(note: Mapping[str, Any]) -> ResponseInfo:
    usage = note.get("usage")
    return _known(ResponseInfo, {**note, "usage": _known(Usage, usage) if usage else None})


def _known(kind: type[T], given: Mapping[str, Any]) -> T:
    """Build a dataclass from what it knows of a mapping, which a later version may have written."""
    names = {item.name for item in fields(cast("Any", kind))}
    return kind(**{key: value for key, value in given.items() if key in names})
