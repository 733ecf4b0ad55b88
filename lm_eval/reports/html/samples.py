"""Collect the samples of a page: columns for the list, and one record per document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from lm_eval.reports.compare import Pairing
from lm_eval.reports.html.lines import one_line, without_frame
from lm_eval.reports.html.packing import Chunks, Texts, finite, to_text
from lm_eval.reports.html.prompts import Prompts
from lm_eval.reports.html.records import Record, build
from lm_eval.results import Member, Sample

__all__ = ["Samples"]

_Column: TypeAlias = "list[float | int | None]"

_MAX_PREVIEW, _MAX_TARGET = 160, 60
"""Maximum numbers of characters of a question and a target in the list."""


@dataclass(slots=True)
class _Block:
    """The samples of a task under one filter."""

    filter: str
    records: list[int] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    values: dict[str, _Column] = field(default_factory=dict)
    others: dict[str, _Column] = field(default_factory=dict)

    def add(self, place: int, answer: str, sample: Sample, other: Sample | None) -> None:
        """Append a sample.

        Args:
            place: The position of its record among those of the task.
            answer: Its answer, for the list.
            sample: The sample.
            other: The other run's sample of the same document.
        """
        rows = len(self.records)
        self.records.append(place)
        self.answers.append(answer)
        for metric in sample.metrics:
            of_other = finite(other.value(metric)) if other is not None else None
            for columns, value in ((self.values, finite(sample.value(metric))), (self.others, of_other)):
                column = columns.setdefault(metric, [])
                column.extend([None] * (rows - len(column)))
                column.append(value)


class Samples:
    """All samples of the page.

    Attributes:
        records: What the page shows of each document when it is opened.
        texts: The texts that prompts share.
        other_prompts: Number of paired samples whose prompts differ.
    """

    def __init__(self, limit: int | None = None) -> None:
        """Start without samples.

        Args:
            limit: Maximum number of documents per task; None means all.
        """
        self.records, self.texts = Chunks(), Texts()
        self.other_prompts = 0
        self._limit = limit
        self._tasks: list[dict[str, object]] = []
        self._blocks: list[dict[str, object]] = []
        self._columns: dict[str, list[object]] = {"doc": [], "preview": [], "target": [], "flags": []}

    def add(self, task: Member, samples: Sequence[Sample], pairings: Mapping[str, Pairing]) -> None:
        """Add the samples of a task.

        Args:
            task: The task.
            samples: Its samples.
            pairings: Filter to the pairs of the other run's sample and this run's; empty without another run.
        """
        others = self._partners(pairings)
        prompts = Prompts(self.texts, task.config, task.shots or 0)
        delimiter = task.config.get("target_delimiter")
        first = len(self.records)
        settings: list[Mapping[str, object]] = []
        docs: dict[str, list[Sample]] = {}
        for sample in samples:
            docs.setdefault(str(sample.doc_id), []).append(sample)
        blocks: dict[str, _Block] = {}
        built: list[Record] = []
        for of_doc in list(docs.values())[: self._limit]:
            paired = {sample.filter: others[id(sample)] for sample in of_doc if id(sample) in others}
            record = build(of_doc, prompts, delimiter if isinstance(delimiter, str) else " ", paired)
            if record.settings is not None:
                if record.settings not in settings:
                    settings.append(record.settings)
                record.data["s"] = settings.index(record.settings)
            place = self.records.add(record.data) - first
            for sample in of_doc:
                block = blocks.setdefault(sample.filter, _Block(sample.filter))
                block.add(place, record.answers[sample.filter], sample, paired.get(sample.filter))
            built.append(record)
        self._add_columns(built)
        lower = {metric for metric, better in task.higher_is_better.items() if better is False}
        for block in blocks.values():
            entry: dict[str, object] = {"task": len(self._tasks), "filter": block.filter, "records": block.records}
            entry |= {"answers": block.answers, "metrics": [_metric(name, block, lower) for name in block.values]}
            self._blocks.append(entry)
        entry = {"name": task.name, "first": first, "count": len(built), "shots": task.shots or 0}
        self._tasks.append({**entry, "settings": [to_text(each) for each in settings]})

    def _partners(self, pairings: Mapping[str, Pairing]) -> dict[int, Sample]:
        """Return the other run's samples by the identity of this run's, and count those with another prompt."""
        found: dict[int, Sample] = {}
        for pairing in pairings.values():
            found |= {id(sample): other for other, sample in pairing.pairs}
            self.other_prompts += pairing.prompts
        return found

    def _add_columns(self, built: Sequence[Record]) -> None:
        framed = without_frame([record.question for record in built])
        # One text for all documents, such as an instruction, names none of them.
        same = len(built) > 1 and len({record.title for record in built}) == 1
        previews = [(not same and record.title) or text for record, text in zip(built, framed, strict=True)]
        self._columns["doc"] += [record.doc_id for record in built]
        self._columns["preview"] += [one_line(text, _MAX_PREVIEW) for text in previews]
        self._columns["target"] += [one_line(record.target, _MAX_TARGET) for record in built]
        self._columns["flags"] += [record.flags for record in built]
        self._add_judgements(built)

    def _add_judgements(self, built: Sequence[Record]) -> None:
        """Add columns for labels and for how far verdicts differ, from the first task with a judge."""
        judgements = [record.judged for record in built]
        before = len(self._columns["doc"]) - len(built)
        if "label" not in self._columns:
            if not any(judgements):
                return
            self._columns |= {"label": [""] * before, "differ": [0] * before}
        self._columns["label"] += ["" if each is None else each.label for each in judgements]
        self._columns["differ"] += [0 if each is None else each.differ for each in judgements]

    def index(self) -> dict[str, object]:
        """Return the columns of the list, and where each record and shared text is.

        Returns:
            A value that JSON can hold.
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


def _metric(name: str, block: _Block, lower: set[str]) -> dict[str, object]:
    """Describe a metric's column: ``unit`` when all of its values lie within 0 and 1, so that they grade samples."""
    values = _filled(block.values[name], len(block.records))
    numbers = [value for value in values if value is not None]
    entry: dict[str, object] = {"name": name, "values": values}
    if not numbers:
        entry["kind"], entry["values"] = "none", []
    else:
        entry["kind"] = "unit" if all(0 <= value <= 1 for value in numbers) else "number"
    if name in lower:
        entry["lower"] = True
    if any(value is not None for value in block.others.get(name, ())):
        entry["others"] = _filled(block.others[name], len(block.records))
    return entry


def _filled(column: _Column, rows: int) -> _Column:
    return column + [None] * (rows - len(column))
