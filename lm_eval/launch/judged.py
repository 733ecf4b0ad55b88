"""Join what judges said of the documents of each shard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lm_eval.errors import ConfigError
from lm_eval.judging import JudgedDocument, Template, mark_version, summary_of_saved
from lm_eval.launch.counters import summed
from lm_eval.launch.manifest import Manifest
from lm_eval.launch.values import DocValues

if TYPE_CHECKING:
    from lm_eval.api.task import Task

__all__ = ["judge_infos", "judging_of", "mark_judged"]

_EQUAL = ("judges", "template", "template_sha", "baseline", "verdict", "repeats", "reduce", "only_if")
"""Keys of ``judging`` that all shards have to agree on."""


def mark_judged(name: str, task: Task, manifests: Sequence[Manifest]) -> None:
    """Add to the version of a judged task which template its judges were asked with.

    Args:
        name: The name of the task in the run.
        task: The task.
        manifests: The shards of the run.

    Raises:
        ConfigError: The judges of two shards were asked in different ways.
    """
    found = _entries(name, manifests)
    for manifest, entry in found:
        for key in _EQUAL:
            if entry.get(key) != found[0][1].get(key):
                raise ConfigError(
                    f"{manifest.folder} has other judges of task {name} than {found[0][0].folder.name}: {key} is "
                    f"{entry.get(key)!r} here and {found[0][1].get(key)!r} there. Run the shard again."
                )
    if found:
        mark_version(task, Template.of_entry(found[0][1]))


def judging_of(name: str, task: Task, manifests: Sequence[Manifest], documents: Iterable[DocValues]) -> dict[str, Any]:
    """Return the entry of a task in ``judging`` of the results.

    Args:
        name: The name of the task in the run.
        task: The task.
        manifests: The shards of the run.
        documents: The values of all documents.

    Returns:
        The entry; empty for a task without judges.
    """
    entries = [entry for _, entry in _entries(name, manifests)]
    if task.scorer is None or not entries:
        return {}
    judged: dict[int, JudgedDocument] = {
        document.doc_id: document.judged for document in documents if document.judged is not None
    }
    reads = {
        judge: " or ".join(dict.fromkeys(str(entry["read"][judge]) for entry in entries))
        for judge in entries[0]["judges"]
    }
    stopped = {judge: reason for entry in reversed(entries) for judge, reason in entry.get("stopped", {}).items()}
    saved = {**entries[0], "read": reads, "stopped": stopped}
    return summary_of_saved(task.scorer, [judged[doc_id] for doc_id in sorted(judged)], saved)


def judge_infos(manifests: Sequence[Manifest]) -> list[dict[str, Any]]:
    """Return what is known of each judge, with the sums of its counters over all shards.

    Args:
        manifests: The shards of the run.
    """
    of_shards: list[list[Mapping[str, Any]]] = [
        infos for manifest in manifests if (infos := manifest.facts["config"].get("judge_info"))
    ]
    return [summed(of_judge) for of_judge in zip(*of_shards, strict=True)]


def _entries(name: str, manifests: Sequence[Manifest]) -> list[tuple[Manifest, dict[str, Any]]]:
    """Return the shards that have judged documents of a task, with what they say of its judges."""
    return [(manifest, entry) for manifest in manifests if (entry := manifest.tasks[name].judging)]
