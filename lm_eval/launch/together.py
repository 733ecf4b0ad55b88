"""Tasks whose documents are filtered and scored together: a shard keeps their answers, and the merge scores them.

The merge holds the documents and the answers of such a task in memory, as a run by one process does.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

from lm_eval.api.instance import Doc, Instance, RequestError, ResponseInfo, Usage
from lm_eval.errors import ConfigError
from lm_eval.launch.exact import NotExact, dumps, loads
from lm_eval.launch.lines import damaged, read_lines
from lm_eval.launch.manifest import Manifest, TaskEntry
from lm_eval.results.messages import count_messages
from lm_eval.results.per_doc import TaskOutput, score_task

if TYPE_CHECKING:
    from lm_eval.api.task import Task

__all__ = ["answer_lines", "check_storable", "generators", "score_together", "set_generators"]


def check_storable(task: Task, doc: Doc, reason: str) -> None:
    """Refuse a document that a shard cannot keep, before anything is asked.

    Args:
        task: The task.
        doc: One of its documents.
        reason: Why its documents are scored together.

    Raises:
        ConfigError: The document holds a value that cannot be written.
    """
    try:
        dumps(doc)
    except NotExact as error:
        raise ConfigError(
            f"Task {task.task_name} cannot be run in shards: {reason}, so its documents are scored together, and they"
            f" hold {error}, which a shard cannot keep. If each document is scored alone, say so in the task file with"
            " scoring: processes."
        ) from error


def answer_lines(first: Doc, docs: Mapping[int, Sequence[Instance]], places: Mapping[int, int]) -> Iterator[str]:
    """Write documents with their answers, one per line.

    Args:
        first: The first document of the split, which tells whether targets are lists.
        docs: Document id to the Instances of the document.
        places: Document id to the place of the document in the whole run.

    Raises:
        NotExact: A value is of a type that cannot be written.
    """
    yield dumps(first)
    for doc_id, instances in docs.items():
        yield dumps([places[doc_id], doc_id, instances[0].doc, [_written(instance) for instance in instances]])


def _written(instance: Instance) -> list[object]:
    error = None if instance.error is None else astuple(instance.error)
    infos = [astuple(info) for info in instance.info]
    return [instance.request_type, instance.args, instance.idx, instance.repeats, instance.resps, error, infos]


def _instance(task: str, doc_id: int, doc: Doc, found: Sequence[Any]) -> Instance:
    kind, arguments, idx, repeats, resps, error, infos = found
    return Instance(
        kind,
        doc,
        tuple(arguments),
        idx,
        (task, doc_id, repeats),
        resps=resps,
        error=None if error is None else RequestError(*error),
        info=[_info(*info) for info in infos],
    )


def _info(outcome: str, finish: str | None, reasoning: str | None, usage: Any, approximate: bool) -> ResponseInfo:
    return ResponseInfo(outcome, finish, reasoning, None if usage is None else Usage(*usage), approximate)


def score_together(
    task: Task, parts: Sequence[tuple[Manifest, TaskEntry]], missing: RequestError, *, log_samples: bool
) -> TaskOutput:
    """Filter and score the answers that the shards kept, as one process would.

    Args:
        task: The task.
        parts: All shards, with what they say of the task.
        missing: Stands for each document of a shard that is not there.
        log_samples: Whether to keep samples.

    Returns:
        The values.

    Raises:
        ShardDamaged: A file is missing or damaged.
        ConfigError: A file cannot be read.
    """
    name, first = str(task.task_name), parts[0][1]
    docs: list[tuple[int, list[Instance]]] = []
    opening: Doc | None = None
    for manifest, entry in parts:
        path = manifest.folder / entry.answers
        try:
            lines = read_lines(path, entry.hashes[entry.answers])
            opening = loads(next(lines, b""))
            for line in lines:
                place, doc_id, doc, answers = loads(line)
                docs.append((place, [_instance(name, doc_id, doc, answer) for answer in answers]))
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise damaged(path) from error
    docs.sort(key=lambda found: found[0])
    assert opening is not None
    task.replay([Instance("generate_until", opening, (), 0, (name, 0, 1))])
    task.instances = [instance for _, instances in docs for instance in instances]
    output = score_task(task, log_samples=log_samples)
    output.n_original, output.num_fewshot = first.n_original, first.num_fewshot
    asked = first.documents - sum(entry.asks_nothing for _, entry in parts)
    errors = [next((each.error for each in group if each.error is not None), None) for _, group in docs]
    lost = [error for error in errors if error is not None] + [missing] * (asked - len(docs))
    output.errors, output.messages = dict(Counter(error.kind for error in lost)), count_messages(lost)
    output.notes = list(dict.fromkeys([*first.notes, *output.notes]))
    return output


def generators() -> str:
    """Return the state of the random generators that the code of tasks shares, as text."""
    import numpy as np

    return dumps([random.getstate(), np.random.get_state()])


def set_generators(state: str) -> None:
    """Set the random generators, so that scoring draws what it would have drawn in one process.

    Args:
        state: What ``generators`` returned.
    """
    import numpy as np

    of_python, of_numpy = loads(state)
    random.setstate(of_python)
    np.random.set_state(of_numpy)
