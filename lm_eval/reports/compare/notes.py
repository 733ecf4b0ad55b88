"""Notes about what differs between two runs apart from their scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from lm_eval.reports.columns import shorten_middle
from lm_eval.reports.compare.pairing import Pairing
from lm_eval.reports.compare.types import Note, Row
from lm_eval.results import Run
from lm_eval.results.json_values import as_mapping

__all__ = ["pairing_notes", "setting_notes", "value_notes"]

_OF_A_JUDGE = {
    "judges": "judges",
    "template_sha": "template of the judge",
    "repeats": "repeats of the judge",
    "reduce": "reduce of the judge",
    "only_if": "only_if",
}
"""Key of a task in ``judging`` of the results to how a note names it."""
_OF_A_TASK = ("generation_kwargs", "filter_list", "metric_list", "repeats")


def setting_notes(run_a: Run, run_b: Run, tasks: Sequence[str]) -> list[Note]:
    """List the settings that differ.

    Args:
        run_a: The run to compare with.
        run_b: The run that is compared.
        tasks: The tasks compared.

    Returns:
        One note per setting and pair of values, with the tasks that it holds for.
    """
    found = [Note(text) for text in _of_runs(run_a, run_b)]
    return found + _merged((text, task) for task in tasks for text in _of_task(run_a, run_b, task))


def pairing_notes(pairings: Mapping[str, Sequence[Pairing]]) -> list[Note]:
    """Say how many documents are left out of the differences, and why.

    Args:
        pairings: Task to one pairing per filter.

    Returns:
        One note per reason and number of documents, with the tasks.
    """
    return _merged(
        (text, task)
        for task, group in pairings.items()
        # The documents are the same under every filter, so say it once.
        for text in dict.fromkeys(text for pairing in group for text in _of_pairing(pairing))
    )


def value_notes(rows: Iterable[Row]) -> list[Note]:
    """Say how many paired documents have no number under a metric.

    Args:
        rows: The rows of tasks.

    Returns:
        One note per number of documents, with the scores.
    """
    return _merged(
        (f"{_documents(row.without_value)} without a value in A or B, so not compared", f"{row.task} {row.key}")
        for row in rows
        if row.without_value
    )


def _documents(count: int) -> str:
    return f"{count} {'document' if count == 1 else 'documents'}"


def _of_pairing(found: Pairing) -> Iterator[str]:
    for count, what in (
        (found.only_a, "only in A"),
        (found.only_b, "only in B"),
        (found.errors_a, "lost to errors in A, so not compared"),
        (found.errors_b, "lost to errors in B, so not compared"),
        (found.changed, "with the same id but different content, so not compared"),
        (found.repeated, "more than once in a run, so not compared"),
        (found.prompts, "asked with different prompts"),
        (found.targets, "with different targets"),
    ):
        if count:
            yield f"{_documents(count)} {what}"


def _of_runs(a: Run, b: Run) -> Iterator[str]:
    for key, name in (("system_instruction", "system instruction"), ("chat_template", "chat template")):
        # Files hold either null or an empty text when there is none.
        if any((a.at(entry) or None) != (b.at(entry) or None) for entry in (f"{key}_sha", key)):
            yield f"The {name} differs"
    if bool(a.at("fewshot_as_multiturn")) is not bool(b.at("fewshot_as_multiturn")):
        yield _in_both("fewshot_as_multiturn", a.at("fewshot_as_multiturn"), b.at("fewshot_as_multiturn"))
    for key in ("limit", "samples"):
        if a.config.get(key) != b.config.get(key):
            yield _in_both(key, a.config.get(key), b.config.get(key))
    if a.config.get("fewshot_seed") != b.config.get("fewshot_seed"):
        yield _in_both("fewshot_seed", a.config.get("fewshot_seed"), b.config.get("fewshot_seed"))


def _of_task(a: Run, b: Run, task: str) -> Iterator[str]:
    for key, name in (("versions", "version"), ("n-shot", "num_fewshot")):
        if a.at(key, task) != b.at(key, task):
            yield _in_both(name, a.at(key, task), b.at(key, task))
    judged = [as_mapping(run.at("judging", task)) for run in (a, b)]
    for key, name in _OF_A_JUDGE.items():
        left, right = (each.get(key) for each in judged)
        if left != right:
            yield _in_both(name, _listed(left), _listed(right))
    for key in _OF_A_TASK:
        left, right = a.at("configs", task, key), b.at("configs", task, key)
        if isinstance(left, Mapping) or isinstance(right, Mapping):
            yield from _of_mapping(as_mapping(left), as_mapping(right))
        elif isinstance(left, list) or isinstance(right, list):
            if left != right:
                yield f"{key} differs"
        elif (left or 1) != (right or 1):
            yield _in_both(key, left or 1, right or 1)


def _of_mapping(left: Mapping[str, object], right: Mapping[str, object]) -> Iterator[str]:
    for name in dict.fromkeys([*left, *right]):
        if left.get(name) != right.get(name):
            yield _in_both(name, left.get(name, "not set"), right.get(name, "not set"))


def _in_both(name: str, a: object, b: object) -> str:
    return f"{name}: {_word(a)} in A, {_word(b)} in B"


def _listed(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _word(value: object) -> str:
    return shorten_middle(" ".join(str(value).split()), 40)


def _merged(lines: Iterable[tuple[str, str]]) -> list[Note]:
    tasks: dict[str, list[str]] = {}
    for text, task in lines:
        tasks.setdefault(text, []).append(task)
    return [Note(text, tuple(names)) for text, names in tasks.items()]
