"""A task's samples as the page carries them: columns for the list, a record a doc for the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lm_eval.reports.html.choices import finite
from lm_eval.reports.html.lines import shorten, without_frame
from lm_eval.reports.html.packing import Chunks, Texts, to_text
from lm_eval.reports.html.prompts import Prompts
from lm_eval.reports.html.records import Record, build
from lm_eval.results.pairing import Pairing

__all__ = ["Samples", "TaskSamples"]


@dataclass(slots=True)
class TaskSamples:
    """What there is of a task besides its samples.

    Attributes:
        name: The task's name.
        config: Its config in the results file.
        shots: How many examples its prompts have.
        samples: Its logged samples.
        lower_is_better: The metrics of which less is better.
        pairings: Filter to the pairs of the other run's sample and this run's; empty without another run.
    """

    name: str
    config: Mapping[str, Any]
    shots: int
    samples: Sequence[Mapping[str, Any]]
    lower_is_better: frozenset[str] = frozenset()
    pairings: Mapping[str, Pairing] = field(default_factory=dict)


@dataclass(slots=True)
class _Block:
    """The samples of a task under one filter."""

    filter: str
    records: list[int] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    values: dict[str, list[float | int | None]] = field(default_factory=dict)
    others: dict[str, list[float | int | None]] = field(default_factory=dict)


class Samples:
    """Every sample of the page.

    Attributes:
        records: What is shown of a doc when it is opened.
        texts: What prompts share.
        unpaired: How many samples of either run the other has no partner for.
        other_prompts: How many paired samples were asked with another prompt.
    """

    def __init__(self, limit: int | None = None) -> None:
        """Start empty.

        Args:
            limit: The most docs to take of a task.
        """
        self.records, self.texts = Chunks(), Texts()
        self.unpaired = self.other_prompts = 0
        self._limit = limit
        self._tasks: list[dict[str, Any]] = []
        self._blocks: list[dict[str, Any]] = []
        self._columns: dict[str, list[Any]] = {"doc": [], "preview": [], "target": [], "flags": []}

    def add(self, task: TaskSamples) -> None:
        """Take a task's samples.

        Args:
            task: The task.
        """
        others = self._paired(task)
        prompts = Prompts(self.texts, task.config, task.shots)
        delimiter = task.config.get("target_delimiter")
        first, settings = len(self.records), []
        docs: dict[str, list[Mapping[str, Any]]] = {}
        for sample in task.samples:
            docs.setdefault(str(sample.get("doc_id")), []).append(sample)
        blocks: dict[str, _Block] = {}
        built: list[Record] = []
        for samples in list(docs.values())[: self._limit]:
            paired = {str(sample.get("filter")): others[id(sample)] for sample in samples if id(sample) in others}
            record = build(samples, prompts, delimiter if isinstance(delimiter, str) else " ", paired)
            if record.settings is not None:
                if record.settings not in settings:
                    settings.append(record.settings)
                record.data["s"] = settings.index(record.settings)
            place = self.records.add(record.data)
            for sample in samples:
                name = str(sample.get("filter"))
                block = blocks.setdefault(name, _Block(name))
                self._row(block, place - first, record.answers[name], sample, paired.get(name))
            built.append(record)
        self._keep(task, first, settings, blocks, built)

    def _paired(self, task: TaskSamples) -> dict[int, Mapping[str, Any]]:
        """Match the other run's samples; the keys are the identities of this run's."""
        found: dict[int, Mapping[str, Any]] = {}
        for pairing in task.pairings.values():
            found |= {id(sample): other for other, sample in pairing.pairs}
            self.unpaired += pairing.changed + pairing.repeated + pairing.only_a + pairing.only_b
            self.other_prompts += pairing.prompts
        return found

    def _row(
        self,
        block: _Block,
        place: int,
        answer: str,
        sample: Mapping[str, Any],
        other: Mapping[str, Any] | None,
    ) -> None:
        rows = len(block.records)
        block.records.append(place)
        block.answers.append(answer)
        for metric in sample.get("metrics") or ():
            value = finite(sample.get(metric))
            theirs = finite(other.get(metric)) if other is not None else None
            for columns, entry in ((block.values, value), (block.others, theirs)):
                column = columns.setdefault(str(metric), [])
                column.extend([None] * (rows - len(column)))
                column.append(entry)

    def _keep(
        self, task: TaskSamples, first: int, settings: list[Any], blocks: Mapping[str, _Block], built: Sequence[Record]
    ) -> None:
        previews = without_frame([record.question for record in built])
        self._columns["doc"] += [record.doc_id for record in built]
        self._columns["preview"] += [shorten(text, 160) for text in previews]
        self._columns["target"] += [shorten(record.target, 60) for record in built]
        self._columns["flags"] += [record.flags for record in built]
        index = len(self._tasks)
        self._tasks.append(
            {
                "name": task.name,
                "first": first,
                "count": len(built),
                "shots": task.shots,
                "settings": [to_text(entry) for entry in settings],
            }
        )
        for block in blocks.values():
            entry = {"task": index, "filter": block.filter, "records": block.records, "answers": block.answers}
            entry["metrics"] = [_metric(name, block, task.lower_is_better) for name in block.values]
            self._blocks.append(entry)

    def index(self) -> dict[str, Any]:
        """Return the columns of the list, and where each record and shared text is.

        Returns:
            What JSON holds.
        """
        self.records.finish()
        self.texts.finish()
        return {
            "tasks": self._tasks,
            "blocks": self._blocks,
            "columns": self._columns,
            "records": self.records.starts,
            "texts": self.texts.starts,
        }


def _metric(name: str, block: _Block, lower: frozenset[str]) -> dict[str, Any]:
    """Describe a metric's column: ``unit`` when all of its values lie within 0 and 1, so that they grade."""
    values = _full(block.values[name], len(block.records))
    numbers = [value for value in values if value is not None]
    entry: dict[str, Any] = {"name": name, "values": values}
    if not numbers:
        entry["kind"], entry["values"] = "none", []
    else:
        entry["kind"] = "unit" if all(0 <= value <= 1 for value in numbers) else "number"
    if name in lower:
        entry["lower"] = True
    if any(value is not None for value in block.others.get(name, ())):
        entry["others"] = _full(block.others[name], len(block.records))
    return entry


def _full(column: list[Any], rows: int) -> list[Any]:
    return column + [None] * (rows - len(column))
