"""Do one part of a run: ask about its documents, and keep their values and samples in a folder of its own."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval.api.instance import Doc, Instance
from lm_eval.api.task_parts.scoring_code import why_scored_together
from lm_eval.config.run import RunSettings
from lm_eval.config.shard import Shard
from lm_eval.errors import ConfigError, ShardDamaged
from lm_eval.judging import judged_documents
from lm_eval.launch.division import Division
from lm_eval.launch.estimates import DocumentTokens, estimated_tokens, some_of
from lm_eval.launch.exact import NotExact
from lm_eval.launch.lines import damaged, write_lines
from lm_eval.launch.manifest import MANIFEST, Manifest, TaskEntry, difference, kept_settings, run_key, shard_folder
from lm_eval.launch.together import answer_lines, check_storable, generators
from lm_eval.launch.values import DocValues
from lm_eval.results.answered import by_document
from lm_eval.results.atomic import to_json
from lm_eval.results.environment import lm_eval_version
from lm_eval.results.names import DistinctNames, file_name, hashed_name, plain_name
from lm_eval.results.per_doc import TaskOutput
from lm_eval.results.sample import file_form
from lm_eval.results.spooled import SpooledSamples
from lm_eval.results.writer import ResultFiles

if TYPE_CHECKING:
    from lm_eval.api.model import LM
    from lm_eval.api.task import Task
    from lm_eval.models.http.shared import SharedRun
    from lm_eval.preparation import Prepared

__all__ = ["is_done", "journal_file", "run_shard"]

eval_logger = logging.getLogger("lm_eval")

_HASHES = ("doc_hash", "prompt_hash", "target_hash")


def is_done(settings: RunSettings, shard: Shard) -> Manifest | None:
    """Find a shard that is complete, and whose files are those that it wrote.

    Args:
        settings: The settings of the run.
        shard: The shard.

    Returns:
        Its manifest; None if it has to be run, also because some of its documents were lost, or a file is damaged.

    Raises:
        ConfigError: The folder holds a shard of another run, or a file cannot be read.
    """
    folder = shard_folder(str(settings.output_path), shard)
    if settings.fresh or not (folder / MANIFEST).is_file():
        return None
    try:
        return _found(settings, shard, folder)
    except ShardDamaged as error:
        eval_logger.warning("%s Shard %s is done again.", error.what, shard)
        return None


def _found(settings: RunSettings, shard: Shard, folder: Path) -> Manifest | None:
    found = Manifest.read(folder)
    if found.shard != shard:
        raise damaged(folder / MANIFEST, f"is that of shard {found.shard}")
    version = lm_eval_version()
    if found.run != run_key(settings, version):
        here = Manifest(
            shard, "", kept_settings(settings), {}, {}, {"lm_eval_version": version}, folder=Path("this run")
        )
        raise ConfigError(
            f"{folder} holds a shard of another run: {difference(found, here)}. Use another --output_path, or --fresh"
            " to replace it."
        )
    if found.lost or any(entry.failure for entry in found.tasks.values()):
        return None
    found.check_files()
    return found


def run_shard(
    settings: RunSettings,
    shard: Shard,
    shared: SharedRun | None = None,
    lm: LM | None = None,
    judge: LM | Sequence[LM] | None = None,
) -> Manifest:
    """Ask about the documents of a shard, score them, and write its files, the manifest last.

    Args:
        settings: The settings of the run.
        shard: The shard.
        shared: This process's end of a run by several processes; None for a process by itself.
        lm: The model; None builds the one that the settings name.
        judge: The judges of judged tasks; None builds those that the settings name.

    Returns:
        The manifest.

    Raises:
        UserError: As for a run.
        APIError: As for a run.
    """
    from lm_eval import evaluator

    folder = shard_folder(str(settings.output_path), shard)
    files = _Files(folder)
    part = _Part(settings, shard, folder)
    results = evaluator.run(settings, lm, tracker=files, part=part, shared=shared, judge=judge, spools_samples=True)
    results.pop("samples", None)
    for name, entry in part.entries.items():
        entry.judging = results.get("judging", {}).get(name, {})
        entry.judge_notes = results.get("notes", {}).get(name, [])
    facts = {key: value for key, value in results.items() if key not in part.own}
    manifest = Manifest(
        shard=shard,
        run=run_key(settings, str(results["lm_eval_version"])),
        settings=kept_settings(settings),
        tasks=part.entries,
        refused=part.refused,
        facts=facts,
        lost=int(results["errors"]["lost"]) + int(results["errors"].get("unjudged", 0)),
        exceeded=bool(results["errors"]["exceeded"]),
        generators=part.generators,
        folder=folder,
    )
    manifest.write()
    _remove_others(folder, part.entries)
    files.finish(results)
    return manifest


def _remove_others(folder: Path, entries: Mapping[str, TaskEntry]) -> None:
    """Remove files of an earlier attempt that the manifest does not name."""
    named = {MANIFEST, *(name for entry in entries.values() for name in entry.hashes)}
    for path in folder.iterdir():
        if path.is_file() and path.name not in named and path.suffix == ".jsonl":
            path.unlink(missing_ok=True)


def journal_file(folder: Path) -> Path:
    """Name the journal of a shard.

    Args:
        folder: The folder of the shard.
    """
    return folder / ".journal" / "answers.sqlite"


class _Files(ResultFiles):
    """The files of a shard; its journal has one name, since the folder is that of one run."""

    def journal_path(self, key: str) -> Path | None:
        """Name the journal; see ``ResultFiles.journal_path``."""
        return super().journal_path(journal_file(Path()).stem)


class _Part:
    """Chooses the documents of a shard, and writes their values and samples."""

    own = ("results", "n-samples", "errors", "judging", "notes", "total_evaluation_time_seconds")
    """What ``results`` returns, and what a run adds about this shard alone."""

    def __init__(self, settings: RunSettings, shard: Shard, folder: Path) -> None:
        self._settings, self._folder = settings, folder
        self._division = Division(shard)
        self._places: dict[str, dict[int, int]] = {}
        self._whole: dict[str, tuple[int, str]] = {}
        self._names = DistinctNames()
        self.entries: dict[str, TaskEntry] = {}
        self.refused: dict[str, str] = {}
        self.generators = ""
        self._together: dict[str, str] = {}

    def chosen(self, task: Task, documents: Iterable[tuple[int, Doc]]) -> Collection[int]:
        """Choose documents by what is in them; see ``Part.chosen``."""
        division, places = self._begin(task), dict[int, int]()
        estimate: DocumentTokens | None = None
        for place, (doc_id, doc) in enumerate(documents):
            if estimate is None:
                estimate = DocumentTokens(task)
                self._check(task, doc)
            if division.keeps(doc_id, doc, estimate.of(doc)):
                places[doc_id] = place
        self._places[str(task.task_name)], self._whole[str(task.task_name)] = places, division.finish(_pool(task))
        return places.keys()

    def kept(self, task: Task, documents: Iterable[list[Instance]]) -> list[Instance]:
        """Choose documents by what is asked about them; see ``Part.kept``."""
        division, places = self._begin(task), dict[int, int]()
        kept: list[Instance] = []
        for place, instances in enumerate(documents):
            doc_id = (instances[0].doc_id or 0) if instances else -1
            if instances and not kept:
                self._check(task, instances[0].doc)
            if instances and division.keeps(doc_id, instances[0].doc, estimated_tokens(instances), instances):
                places[doc_id] = place
                kept += instances
        self._places[str(task.task_name)], self._whole[str(task.task_name)] = places, division.finish()
        return kept

    def _begin(self, task: Task) -> Division:
        self._together[str(task.task_name)] = reason = why_scored_together(task)
        if reason and task.scorer is not None:
            raise ConfigError(
                f"Task {task.task_name} cannot be run in shards: it is judged, and {reason}. If each document is scored"
                " alone, say so in the task file with scoring: processes."
            )
        self._division.begin(task)
        return self._division

    def _check(self, task: Task, doc: Doc) -> None:
        if reason := self._together[str(task.task_name)]:
            check_storable(task, doc, reason)

    def leaves_scoring(self, task: Task) -> bool:
        """Whether the merge scores a task; see ``Part.leaves_scoring``."""
        return bool(self._together.get(str(task.task_name)))

    def results(self, outputs: Mapping[str, TaskOutput], prepared: Prepared) -> dict[str, Any]:
        """Write the files of each task; see ``Part.results``."""
        self.refused = dict(prepared.refused)
        if any(self._together.values()):
            self.generators = generators()
        for name, output in outputs.items():
            self.entries[name] = self._write(name, output)
        lost = {name: sum(output.errors.values()) for name, output in outputs.items()}
        return {
            "results": {
                name: {"name": name, "n_errors": lost[name], "error_messages": output.messages}
                for name, output in outputs.items()
            },
            "n-samples": {
                name: {"original": output.n_original, "effective": output.n_effective}
                for name, output in outputs.items()
            },
        }

    def _write(self, name: str, output: TaskOutput) -> TaskEntry:
        task = output.task
        documents, fingerprint = self._whole[name]
        pipelines = list(output.scored) or [pipeline.name for pipeline in task.filters]
        entry = TaskEntry(
            documents=documents,
            kept=len(output.endings),
            asks_nothing=len(self._places[name]) - len(output.endings),
            fingerprint=fingerprint,
            config=_definition(task),
            pipelines=pipelines,
            n_original=output.n_original,
            num_fewshot=output.num_fewshot,
            notes=list(task.notes),
            scoring_notes=[note for note in output.notes if note not in task.notes],
            scoring_state=output.state,
            metric_parts=dict(task.metric_parts),
            failure=output.failure,
        )
        entry.values = self._file_name("values", name)
        try:
            entry.hashes[entry.values] = write_lines(self._folder / entry.values, self._lines(name, output))
            if self._together.get(name):
                entry.answers = self._file_name("answers", name)
                answers = answer_lines(_first(task), by_document(task.instances), self._places[name])
                entry.hashes[entry.answers] = write_lines(self._folder / entry.answers, answers)
        except NotExact as error:
            raise ConfigError(
                f"Task {name}: its values or answers hold {error}, which a shard cannot keep; run the task without"
                " --shard."
            ) from error
        if output.samples is not None:
            entry.samples = self._file_name("samples", name)
            entry.hashes[entry.samples] = write_lines(self._folder / entry.samples, _sample_lines(output.samples))
        return entry

    def _lines(self, name: str, output: TaskOutput) -> Iterator[str]:
        places = self._places[name]
        judged = {} if output.task.scorer is None else judged_documents(output.task, output.task.scorer)
        hashes: dict[int, list[str]] = {}
        for sample in output.samples or ():
            hashes.setdefault(sample["doc_id"], [sample[key] for key in _HASHES])
        for doc_id, ending in output.endings.items():
            yield DocValues(
                place=places[doc_id],
                doc_id=doc_id,
                cluster=output.cluster_of.get(doc_id),
                error=ending.error,
                outcomes=ending.outcomes,
                hashes=hashes.get(doc_id, []),
                scored={}
                if ending.error is not None
                else {pipeline: found[doc_id] for pipeline, found in output.scored.items() if doc_id in found},
                judged=judged.get(doc_id),
            ).written()

    def _file_name(self, kind: str, task: str) -> str:
        pattern, plain = f"{kind}_{{}}.jsonl", plain_name(task)
        hashed = file_name(pattern, hashed_name(plain, task), task, self._folder)
        return self._names.choose(f"{kind} {task}", file_name(pattern, plain, task, self._folder), hashed)


def _sample_lines(samples: Sequence[dict[str, Any]]) -> Iterator[str]:
    if isinstance(samples, SpooledSamples):
        return (line[:-1].decode("utf-8", "surrogatepass") for line in samples.lines())
    return (to_json(file_form(sample)) for sample in samples)


def _first(task: Task) -> Doc:
    """Return the first document of the evaluated split."""
    return next(doc for _, doc in task.doc_iterator(limit=1))


def _pool(task: Task) -> list[Any]:
    """Return some of the documents that few-shot examples are drawn from; none where no examples are shown."""
    if not task.config.num_fewshot or task.OUTPUT_TYPE == "loglikelihood_rolling":
        return []
    # The pool is read once for a task: code that makes it may draw at random.
    sampler = getattr(task, "sampler", None)
    return [] if sampler is None else [len(sampler.df), *some_of(sampler.df)]


def _definition(task: Task) -> str:
    """Hash the config of a task, without the arguments of the model, in which shards may differ."""
    config = task.dump_config()
    metadata = config.get("metadata")
    version = metadata.get("version") if isinstance(metadata, Mapping) else None
    return hashlib.sha256(to_json({**config, "metadata": version}).encode("utf-8", "surrogatepass")).hexdigest()
