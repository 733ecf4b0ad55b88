"""Filter and score each repeat of a document alone, and combine the repeats to one value per document."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lm_eval.api.filter import Unfiltered
from lm_eval.api.instance import Instance
from lm_eval.api.not_computed import NotComputed

if TYPE_CHECKING:
    from lm_eval.api.task import Task

__all__ = ["Answers", "combine", "filtered_repeats", "unwrapped", "warn_of_equal_repeats"]

eval_logger = logging.getLogger("lm_eval")

Answers = list[list[object]]
"""One list per repeat, with the filtered response of each Instance of a document."""


def filtered_repeats(task: Task, pipeline: str, answered: Sequence[Instance]) -> dict[int, Answers]:
    """Filter each repeat as if no other repeat existed.

    Args:
        task: The task.
        pipeline: The name of one of its filter pipelines.
        answered: The Instances of the documents that were answered.

    Returns:
        Document id to the filtered answers; nothing for a task that combines no repeats, and for a pipeline that
        itself chooses among the repeats.
    """
    steps = next((ensemble for ensemble in task.filters if ensemble.name == pipeline), None)
    if not task.over_repeats or steps is None or steps.chooses:
        return {}
    docs = [instance.doc for instance in answered]
    repeats = min((len(instance.resps) for instance in answered), default=0)
    if not repeats:
        return {}
    found: dict[int, Answers] = {instance.doc_id or 0: [[] for _ in range(repeats)] for instance in answered}
    for repeat in range(repeats):
        resps = [[instance.resps[repeat]] for instance in answered]
        responses = steps.filtered(resps, docs, [instance.doc_id for instance in answered])
        for instance, response in zip(answered, responses, strict=True):
            if isinstance(response, Unfiltered):
                instance.error = response.error
            found[instance.doc_id or 0][repeat].append(response)
    return found


def combine(
    task: Task, scored: Sequence[Mapping[str, Any]], answers: Answers
) -> tuple[dict[str, float | NotComputed], dict[str, list[Any]], dict[str, str]]:
    """Combine the scores of a document's repeats.

    Args:
        task: The task.
        scored: The metrics' values of each repeat.
        answers: The filtered answers of each repeat.

    Returns:
        Name such as ``exact_match_pass@4`` to value; metric to the values of the repeats; and name to why it has no
        value. A metric that was not computed for a repeat is not computed for the document.
    """
    values: dict[str, float | NotComputed] = {}
    single: dict[str, list[Any]] = {}
    failed: dict[str, str] = {}
    given = unwrapped(answers)
    for metric, ways in task.over_repeats.items():
        single[metric] = [each[metric] for each in scored if metric in each]
        if lacking := next((value for value in single[metric] if isinstance(value, NotComputed)), None):
            values |= {f"{metric}_{how.name}": lacking for how in ways}
            del single[metric]
            continue
        for how in ways:
            try:
                if len(single[metric]) < len(scored):
                    raise ValueError(f"the task gives no value under the name {metric!r}")
                values[f"{metric}_{how.name}"] = how.combine(single[metric], given)
            except (TypeError, ValueError) as error:
                failed[f"{metric}_{how.name}"] = str(error)
    return values, single, failed


def unwrapped(answers: Answers) -> list[object]:
    """Take the answer of a document's only Instance out of its list.

    Args:
        answers: The filtered answers of each repeat.

    Returns:
        One answer per repeat; a list of answers where the document has several Instances.
    """
    return [answer[0] if len(answer) == 1 else answer for answer in answers]


def warn_of_equal_repeats(task: Task, answered: Sequence[Instance]) -> None:
    """Warn when the repeats of every document are equal, which makes scores over them meaningless.

    Args:
        task: The task.
        answered: The Instances of the documents that were answered.
    """
    several = [instance.resps for instance in answered if len(instance.resps) > 1]
    if task.over_repeats and several and all(response == resps[0] for resps in several for response in resps):
        eval_logger.warning(
            "Task %s: the repeats of every doc are equal; scores over repeats need sampling, that is a temperature"
            " above 0.",
            task.task_name,
        )
