"""A saved run of small tasks of every output type, and the folder of their task files."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from lm_eval.api.instance import Instance, ResponseInfo, Usage
from lm_eval.evaluator import simple_evaluate
from lm_eval.loggers import EvaluationTracker
from tests.fakes import FakeLM, write_tasks

FILTERS = r"""
filter_list:
  - name: strict
    filter:
      - {function: regex, regex_pattern: 'is (\d+)!'}
      - {function: take_first}
  - name: any
    filter:
      - {function: regex, regex_pattern: '(\d+)'}
      - {function: take_first}
"""
EXTRA = {
    "filtered": "doc_to_text: '{{q}}'\ndoc_to_target: '{{n}}'\nrepeats: 2\n" + FILTERS,
    "likely": "output_type: loglikelihood\ndoc_to_text: '{{q}}'\ndoc_to_target: ' {{n}}'\n",
    "mutual": "output_type: multiple_choice\ndoc_to_text: '{{q}}'\ndoc_to_choice: choices\ndoc_to_target: 1\n"
    "metric_list: [{metric: acc}, {metric: acc_mutual_info}]\n",
    "both": "group: both\ntask: [{group: inner, task: [choice], aggregate_metric_list: [{metric: acc}]}, mutual]\n"
    "aggregate_metric_list: [{metric: acc}]\nmetadata: {version: 3}\n",
}
TASKS = ["both", "filtered", "generate", "likely", "rolling"]

Save = Callable[..., Path]


class ChattyLM(FakeLM):
    """Answers even numbers rightly, in a sentence, and reports an answer that was cut."""

    def __init__(self, **options: Any) -> None:
        super().__init__(generate=answer, **options)

    def harness_respond(self, instances: Sequence[Instance]) -> None:  # type: ignore[override]
        super().harness_respond(instances)
        for instance in instances:
            if instance.request_type == "generate_until" and not instance.error and instance.doc_id == 1:
                instance.info = [ResponseInfo("length", "length", "hm", Usage(3, 4))] * len(instance.resps)


def answer(prompt: str) -> str:
    number = int(re.findall(r"(\d+) \+ 1", prompt)[-1]) + 1
    return f"It is {number}!" if number % 2 == 0 else f"Perhaps {number}"


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    folder = tmp_path / "tasks"
    folder.mkdir()
    return write_tasks(folder, **EXTRA)


@pytest.fixture
def save(tasks: Path, tmp_path: Path) -> Save:
    """Run tasks and save results and samples; returns the folder."""

    def run(
        names: Sequence[str] = TASKS, *, output_format: str = "jsonl", lm: FakeLM | None = None, **more: Any
    ) -> Path:
        out = tmp_path / "out"
        tracker = EvaluationTracker(out, output_format=output_format)
        options = {"include_path": tasks, "bootstrap_iters": 20, "evaluation_tracker": tracker, **more}
        keep(tracker, simple_evaluate(lm or ChattyLM(), tasks=list(names), **options))
        return out

    return run


def keep(tracker: EvaluationTracker, results: dict[str, Any]) -> None:
    """Save results and samples."""
    samples = results.pop("samples", {})
    tracker.save_results_aggregated(results, samples)
    for task, rows in samples.items():
        tracker.save_results_samples(task, rows)
