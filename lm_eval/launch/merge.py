"""Join the shards of a run to the results and samples of a run by one process.

Every score, interval and resample is computed once, from the values of all documents. Values and samples are read
document by document, so memory holds what the scores are computed from, and no documents or prompts.
"""

from __future__ import annotations

import glob
import hashlib
import heapq
import itertools
import json
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from lm_eval.api.instance import Instance, RequestError
from lm_eval.api.model import LM
from lm_eval.config.run import RunSettings
from lm_eval.errors import ConfigError, SeveralErrors, ShardDamaged
from lm_eval.launch.counters import summed
from lm_eval.launch.judged import judge_infos, judging_of, mark_judged
from lm_eval.launch.lines import damaged, read_lines
from lm_eval.launch.manifest import MANIFEST, Manifest, TaskEntry, difference, find_shards, shards_folder
from lm_eval.launch.together import score_together, set_generators
from lm_eval.launch.values import DocValues, read_values
from lm_eval.results.collect import collect
from lm_eval.results.discovery import is_results
from lm_eval.results.messages import count_messages
from lm_eval.results.per_doc import TaskOutput
from lm_eval.results.sample import task_hash

if TYPE_CHECKING:
    from lm_eval.api.task import Task

__all__ = ["MergedSamples", "merge", "output_path_of", "read_shards"]

eval_logger = logging.getLogger("lm_eval")

Item = TypeVar("Item")
Found = TypeVar("Found")

_SHOWN = 8
_NOT_THERE = RequestError("missing_shard", "The shard of the document is missing", attempts=0)


class MergedSamples(Sequence[dict[str, object]]):
    """The samples of a task in the order of a run by one process, read anew each time they are gone through."""

    def __init__(self, parts: Sequence[tuple[Manifest, TaskEntry]]) -> None:
        """Read nothing yet.

        Args:
            parts: The shards that have documents of the task.
        """
        self._parts = parts

    def __len__(self) -> int:
        return sum(entry.kept * len(entry.pipelines) for _, entry in self._parts)

    def __iter__(self) -> Iterator[dict[str, object]]:
        streams = [_samples(manifest, entry) for manifest, entry in self._parts]
        for _, _, sample in heapq.merge(*streams, key=lambda found: found[:2]):
            yield sample

    @overload
    def __getitem__(self, index: int) -> dict[str, object]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, object]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, object] | list[dict[str, object]]:
        if isinstance(index, slice):
            return list(self)[index]
        place = index + len(self) if index < 0 else index
        found = next(itertools.islice(self, place, None), None) if place >= 0 else None
        if found is None:
            raise IndexError(index)
        return found


def _samples(manifest: Manifest, entry: TaskEntry) -> Iterator[tuple[int, int, dict[str, object]]]:
    """Read the samples of a shard, each with the number of its filter and the place of its document."""
    values = read_values(manifest.folder / entry.values, entry.hashes[entry.values])
    places = [found.place for found in values]
    path = manifest.folder / entry.samples
    for number, line in enumerate(read_lines(path, entry.hashes[entry.samples])):
        try:
            sample = json.loads(line)
        except ValueError as error:
            raise damaged(path) from error
        yield number // len(places), places[number % len(places)], sample


def read_shards(path: Path, *, allow_missing: bool = False) -> list[Manifest]:
    """Read the manifests of a run, and check that they are all there and belong together.

    Args:
        path: The output path of the run, or the folder of its shards.
        allow_missing: Whether shards may be missing.

    Returns:
        The manifests, by shard.

    Raises:
        ConfigError: A shard is missing, doubled, damaged, or of another run.
    """
    folders = find_shards(path)
    complete = [folder for folder in folders if (folder / MANIFEST).is_file()]
    if not complete:
        raise ConfigError(_why_none(path, folders))
    found = _of_each(Manifest.read, complete)
    first = _of_most(found)
    by_shard: dict[int, Manifest] = {}
    for manifest in found:
        if manifest.shard.count != first.shard.count:
            raise ConfigError(
                f"{manifest.folder} is shard {manifest.shard}, and {first.folder.name} is shard {first.shard}:"
                " they are of two divisions. Remove those that do not belong here."
            )
        if manifest.run != first.run:
            raise ConfigError(f"{manifest.folder} is of another run: {difference(first, manifest)}.")
        if (other := by_shard.setdefault(manifest.shard.index, manifest)) is not manifest:
            raise ConfigError(f"Shard {manifest.shard} is there twice: {other.folder} and {manifest.folder}.")
        _check_tasks(first, manifest)
    missing = [index for index in range(first.shard.count) if index not in by_shard]
    if missing:
        shown = ", ".join(f"{index}/{first.shard.count}" for index in missing[:_SHOWN])
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        verb, whose = ("is", "Its") if len(missing) == 1 else ("are", "Their")
        what = f"{len(missing)} of {first.shard.count} shards {verb} missing in {path}: {shown}{more}"
        if not allow_missing:
            raise ConfigError(
                f"{what}. Run what is missing, or give --allow_missing. {whose} documents then count as lost."
            )
        eval_logger.warning("%s. %s documents count as lost.", what, whose)
    return [by_shard[index] for index in sorted(by_shard)]


def _why_none(path: Path, folders: Sequence[Path]) -> str:
    """Say why there is nothing to merge."""
    if folders:
        return f"No shard in {folders[0].parent} is complete: repeat the commands that ran the shards."
    place, pattern = path, "**/*.json"
    if path.suffix == ".json":
        place, pattern = path.parent, f"{glob.escape(path.stem)}_*.json"
    if any(is_results(file, place) for file in place.glob(pattern)):
        return f"There is nothing to merge: {path} holds the results of a whole run, and no shards."
    if not path.exists():
        return f"{path} does not exist."
    return f"{path} holds no shards of a run (DIR/shards/0000-of-0016)."


def _of_each(work: Callable[[Item], Found], items: Iterable[Item]) -> list[Found]:
    """Do something with each item, and report all damaged shards together."""
    found: list[Found] = []
    damage: list[str] = []
    for item in items:
        try:
            found.append(work(item))
        except ShardDamaged as error:
            damage.append(str(error))
    if damage:
        raise SeveralErrors(damage)
    return found


def _of_most(manifests: Sequence[Manifest]) -> Manifest:
    """Return a manifest of the run that most of the shards are of, so that the error names the others."""
    most = Counter((manifest.run, manifest.shard.count) for manifest in manifests).most_common(1)[0][0]
    return next(manifest for manifest in manifests if (manifest.run, manifest.shard.count) == most)


def _check_tasks(first: Manifest, manifest: Manifest) -> None:
    if list(first.tasks) != list(manifest.tasks):
        odd = sorted(set(first.tasks) ^ set(manifest.tasks))
        reason = next((said[name] for said in (first.refused, manifest.refused) for name in odd if name in said), "")
        raise ConfigError(
            f"{manifest.folder} has other tasks than {first.folder.name}: {', '.join(odd[:_SHOWN]) or 'another order'}."
            + (f" {reason}" if reason else "")
        )
    for name, entry in manifest.tasks.items():
        if entry.fingerprint != first.tasks[name].fingerprint:
            raise ConfigError(
                f"{manifest.folder} has other documents or prompts of task {name} than {first.folder.name}: the dataset"
                " or the task changed between them."
            )
        if entry.config != first.tasks[name].config:
            raise ConfigError(f"{manifest.folder} has another definition of task {name} than {first.folder.name}.")


def output_path_of(path: Path) -> Path:
    """Name the output path of the run that shards belong to.

    Args:
        path: That path, or the folder of the shards.
    """
    if os.path.isdir(shards_folder(path)):  # False for a name that is too long, where Path.is_dir raises
        return path  # The output folder may have the name of the folders of shards.
    return path.parent if path.name == "shards" else path.with_suffix(".json") if path.suffix == ".shards" else path


def merge(
    path: str | Path, *, allow_missing: bool = False, changes: Mapping[str, object] | None = None
) -> tuple[RunSettings, dict[str, Any]]:
    """Join the shards of a run.

    Args:
        path: The output path of the run, or the folder of its shards.
        allow_missing: Whether shards may be missing; their documents then count as lost.
        changes: Settings of this merge, such as ``include_path``.

    Returns:
        The settings of the run, and its results as ``simple_evaluate`` returns them; ``samples`` are read from the
        shards when they are gone through.

    Raises:
        UserError: Shards are missing or do not belong together, or a task cannot be loaded.
    """
    from lm_eval.evaluator import finished
    from lm_eval.preparation import prepare

    began = time.perf_counter()
    manifests = read_shards(Path(path).expanduser(), allow_missing=allow_missing)
    # Before anything is saved: results without their samples would look like those of a complete run.
    _of_each(Manifest.check_files, manifests)
    first = manifests[0]
    # Where no code of a model is run, the merging machine need not have the sandbox.
    scores = any(entry.answers for entry in first.tasks.values())
    sandbox = {} if scores else {"sandbox": "available"}
    settings = RunSettings.from_record({**first.settings, **(changes or {}), **sandbox})
    with prepare(settings, _NoModel()) as prepared:
        prepared.set_aside(first.refused)
        if scores:
            set_generators(first.generators)
        outputs = {name: _output(name, task, manifests, settings) for name, task in prepared.tasks.items()}
        for name, task in prepared.tasks.items():
            mark_judged(name, task, manifests)
        results = collect(outputs, prepared.groups, bootstrap_iters=settings.bootstrap_iters)
    parts = {name: _parts(name, manifests) for name in outputs}
    if settings.keeps_samples:
        results["samples"] = {
            name: output.samples if output.samples is not None else MergedSamples(parts[name])
            for name, output in outputs.items()
        }
        results["task_hashes"] = {
            name: task_hash(output.samples) if output.samples is not None else _task_hash(parts[name])
            for name, output in outputs.items()
        }
    if first.refused:
        results["refused"] = first.refused
    infos = [info for manifest in manifests if (info := manifest.facts["config"].get("model_info"))]
    config = {**first.facts["config"], **({"model_info": summed(infos)} if infos else {})}
    facts = {**first.facts, "config": config}
    results["config"] = config
    _add_judging(results, outputs, manifests)
    return settings, finished(results, facts, settings.max_errors, time.perf_counter() - began)


def _add_judging(results: dict[str, Any], outputs: Mapping[str, TaskOutput], manifests: Sequence[Manifest]) -> None:
    """Add to results what is known of the judges, as a run by one process does."""
    found = {
        name: entry
        for name, output in outputs.items()
        if (entry := judging_of(name, output.task, manifests, _in_order(_parts(name, manifests))))
    }
    if found:
        results["judging"] = found
        results["config"]["judge_info"] = judge_infos(manifests)
    for name in found:
        notes = dict.fromkeys(note for manifest in manifests for note in manifest.tasks[name].judge_notes)
        if notes:
            results.setdefault("notes", {}).setdefault(name, []).extend(notes)


class _NoModel(LM):
    """Stands for the model of a run whose answers are there."""

    def _refuse(self, requests: list[Instance]) -> Any:
        raise ConfigError("Shards are merged without asking a model.")

    loglikelihood = loglikelihood_rolling = generate_until = _refuse


def _parts(name: str, manifests: Sequence[Manifest]) -> list[tuple[Manifest, TaskEntry]]:
    """Return the shards that have documents of a task, with what they say of it."""
    return [(manifest, entry) for manifest in manifests if (entry := manifest.tasks[name]).kept]


def _in_order(parts: Sequence[tuple[Manifest, TaskEntry]]) -> Iterator[DocValues]:
    streams = [read_values(manifest.folder / entry.values, entry.hashes[entry.values]) for manifest, entry in parts]
    return heapq.merge(*streams, key=lambda found: found.place)


def _output(name: str, task: Task, manifests: Sequence[Manifest], settings: RunSettings) -> TaskOutput:
    """Put the values of a task together, as if one process had scored all its documents."""
    parts = _parts(name, manifests)
    entries = [manifest.tasks[name] for manifest in manifests]
    for entry in entries:
        task.add_metric_parts(entry.metric_parts)
    first = entries[0]
    if first.answers:
        return score_together(
            task, list(zip(manifests, entries, strict=True)), _NOT_THERE, log_samples=settings.keeps_samples
        )
    output = TaskOutput(task, {}, n_original=first.n_original, n_effective=0, num_fewshot=first.num_fewshot)
    output.failure = next((entry.failure for entry in entries if entry.failure), "")
    lost: list[RequestError] = []
    outcomes: Counter[str] = Counter()
    pipelines: dict[str, int] = {}
    seen = 0
    for found in _in_order(parts):
        seen += 1
        outcomes.update(found.outcomes)
        if found.error is not None:
            lost.append(found.error)
            continue
        output.n_effective += 1
        for pipeline, values in found.scored.items() if not output.failure else ():
            pipelines.setdefault(pipeline, len(pipelines))
            output.add(pipeline, values, found.cluster)
    # One process scores all documents under a filter before the next filter.
    output.sort(lambda named: pipelines[named[1]])
    output.settle(scored=bool(pipelines))
    lost += [_NOT_THERE] * (first.documents - sum(entry.asks_nothing for entry in entries) - seen)
    output.errors, output.messages = dict(Counter(error.kind for error in lost)), count_messages(lost)
    output.outcomes = dict(outcomes)
    states = [entry.scoring_state for entry in entries if entry.scoring_state]
    for state in states:
        task.add_scoring_state(state)
    # A class with notes of its own says what it has counted in each shard.
    said = task.scoring_notes() if states else [note for entry in entries for note in entry.scoring_notes]
    output.notes = list(dict.fromkeys([*first.notes, *said]))
    return output


def _task_hash(parts: Sequence[tuple[Manifest, TaskEntry]]) -> str:
    """Hash what a task asked, as ``task_hash`` does from its samples."""
    pipelines = max((len(entry.pipelines) for _, entry in parts), default=0)
    digest = hashlib.sha256()
    for _ in range(pipelines):
        for found in _in_order(parts):
            digest.update("".join(found.hashes).encode())
    return digest.hexdigest()
