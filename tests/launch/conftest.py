"""Runs in parts and in one piece, over a model that is asked nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lm_eval.config.run import RunSettings
from lm_eval.config.shard import Shard
from lm_eval.launch.shards import run_shard
from lm_eval.loggers.evaluation_tracker import EvaluationTracker
from tests.fakes import FakeLM, write_tasks

_CLUSTERED = "cluster_key: n\ndoc_to_text: '{{q}}'\ndoc_to_target: '{{n}}'\n"
_BLEU = "doc_to_text: '{{q}}'\ndoc_to_target: 'it is {{n}} of them, and that is all'\nmetric_list: [{metric: bleu}]\n"
_F1 = (
    "output_type: multiple_choice\ndoc_to_text: '{{q}}'\ndoc_to_choice: choices\ndoc_to_target: 1\n"
    "metric_list: [{metric: acc}, {metric: f1}, {metric: mcc}]\n"
)
_TOGETHER = {
    "ranked": "filter_list: [{name: rank, filter: [{function: custom, filter_fn: !function code.rank}]}]\n",
    "unseen": "process_results: !function code.unseen\nmetric_list: [{metric: new, aggregation: mean}]\n",
    "drawn": "process_results: !function code.drawn\nmetric_list: [{metric: luck, aggregation: mean}]\n",
}
"""Tasks with code that looks at several documents, or draws at random."""
_CODE = """
import random

SEEN = set()


def rank(resps, docs):
    longest = sorted({len(entry[0]) for entry in resps})
    return [[str(longest.index(len(entry[0])))] for entry in resps]


def unseen(doc, results):
    if doc["n"] == 1:
        SEEN.clear()
    new = results[0] not in SEEN
    SEEN.add(results[0])
    return {"new": int(new)}


def text(doc):
    return doc["q"] + random.choice(("", "?"))


def drawn(doc, results):
    return {"luck": random.random()}
"""
TOGETHER = list(_TOGETHER)
_WRITTEN = "doc_to_text: !function code.text\ndoc_to_target: '{{n}}'\n"
"""A task whose prompts code writes, so that all of them are built at once."""
_GROUP = "group: both\ntask: [choice, f1]\naggregate_metric_list: [{metric: acc, weight_by_size: true}]\n"
NAMES = ["generate", "rolling", "clustered", "bleu", "written", "both"]


def answer(prompt: str) -> str:
    """Return a right, a wrong or a partly right answer."""
    number = int("".join(char for char in prompt.split("+")[0] if char.isdigit()) or len(prompt))
    return ("", str(number + 1), f"it is {number + 1} of them, and that is all", "no")[number % 4]


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "code.py").write_text(_CODE)
    ask = "doc_to_text: '{{q}}'\ndoc_to_target: '{{n}}'\n"
    together = {name: ask + body for name, body in _TOGETHER.items()}
    return write_tasks(folder, clustered=_CLUSTERED, bleu=_BLEU, f1=_F1, written=_WRITTEN, both=_GROUP, **together)


@pytest.fixture(autouse=True)
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Index the folders of a test only: each run here would index the whole library again."""
    monkeypatch.setattr("lm_eval.task_files.manager.declared_roots", lambda: [])


class Runs:
    """Runs with the same settings, apart from those that a test changes."""

    def __init__(self, folder: Path, tasks: Path) -> None:
        self.folder, self._tasks = folder, tasks

    def settings(self, output: str, **changes: Any) -> RunSettings:
        given = {
            "model": "fake",
            "tasks": NAMES,
            "include_path": [str(self._tasks)],
            "log_samples": True,
            "output_path": str(self.folder / output),
            "num_fewshot": 2,
            "bootstrap_iters": 50,
        }
        return RunSettings.from_record({**given, **changes})

    def model(self, lost: str = "") -> FakeLM:
        return FakeLM(answer, lose=lambda instance: bool(lost) and f"is {lost} +" in instance.args[0][-20:])

    def whole(self, output: str, lost: str = "", **changes: Any) -> dict[str, str]:
        """Run in one piece; return the files."""
        from lm_eval import evaluator

        settings = self.settings(output, **changes)
        tracker = EvaluationTracker(settings.output_path, output_format=settings.output_format)
        tracker.save(evaluator.run(settings, self.model(lost), tracker))
        return saved(self.folder / output)

    def part(self, output: str, index: int, count: int, lost: str = "", **changes: Any) -> FakeLM:
        """Run one shard; return the model that was asked."""
        lm = self.model(lost)
        run_shard(self.settings(output, **changes), Shard(index, count), lm=lm)
        return lm

    def merged(self, output: str, **options: Any) -> dict[str, str]:
        """Join the shards; return the files."""
        from lm_eval.launch.merge import merge

        settings, results = merge(self.folder / output, **options)
        EvaluationTracker(self.folder / output, output_format=settings.output_format).save(results)
        return saved(self.folder / output)


@pytest.fixture
def runs(tmp_path: Path, tasks: Path) -> Iterator[Runs]:
    yield Runs(tmp_path, tasks)


def saved(folder: Path) -> dict[str, str]:
    """Read the files of a run, without times."""
    found: dict[str, str] = {}
    for file in sorted((folder / "fake").iterdir()):
        name = file.name.partition("_20")[0]
        if name == "results":
            results = json.loads(file.read_text(encoding="utf-8"))
            for key in ("date", "total_evaluation_time_seconds"):
                del results[key]
            found[name] = json.dumps(results)
        else:
            found[name] = file.read_bytes().hex() if file.suffix == ".parquet" else file.read_text(encoding="utf-8")
    return found
