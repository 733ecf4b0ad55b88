"""Documents scored in other processes have the scores that they have here, and no document stops a run."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lm_eval.api import time_limit
from lm_eval.errors import RunStopped
from lm_eval.evaluator import simple_evaluate
from lm_eval.results.workers import Lost, Workers
from tests.fakes import FakeLM, write_tasks

_CODE = """
import os, signal

def score(doc, results):
    return {"length": len(results[0]) + doc["n"] / 7, "right": results[0] == str(doc["n"])}

def lost(doc, results):
    if doc["n"] == 4:
        11 ** (doc["n"] * 10 ** 7)  # the interpreter looks at no signal in between
    if doc["n"] == 6:
        os.kill(os.getpid(), signal.SIGKILL)
    return score(doc, results)

def fails(doc, results):
    if doc["n"] == 4:
        raise KeyError("nothing there")
    return score(doc, results)

seen = []

def remembers(doc, results):
    seen.append(doc["n"])
    return {"length": len(seen), "right": lambda: 1}

def upper(resps, docs):
    return [[response.upper() for response in each] for each in resps]
"""

_TASK = """
task: {name}
custom_dataset: !function data.rows
test_split: test
doc_to_text: '{{{{q}}}}'
doc_to_target: '{{{{n}}}}'
process_results: !function code.{function}
filter_list:
- name: upper
  filter: [{{function: custom, filter_fn: !function code.upper}}, {{function: take_first}}]
- name: digits
  filter: [{{function: regex, regex_pattern: '(\\d+)'}}, {{function: take_first}}]
metric_list:
- {{metric: length, aggregation: mean, higher_is_better: true}}
- {{metric: right, aggregation: {aggregation}, higher_is_better: true}}
"""

Scored = Callable[..., dict[str, Any]]


@pytest.fixture
def scored(tmp_path: Path) -> Scored:
    """Score a task by a function of ``_CODE``, with or without processes."""
    folder = write_tasks(tmp_path)
    (folder / "code.py").write_text(_CODE)

    def evaluate(
        function: str, more: str = "", aggregation: str = "mean", text: str = _TASK, **lm: Any
    ) -> dict[str, Any]:
        written = text.format(name="apart", function=function, aggregation=aggregation)
        (folder / "apart.yaml").write_text(written + more)
        model = FakeLM(lambda prompt: f"is {len(prompt)}", **lm)
        results = simple_evaluate(model, None, ["apart", "generate"], include_path=folder, bootstrap_iters=10)
        return {key: results[key] for key in ("results", "samples", "n-samples", "task_hashes")}

    return evaluate


PROCESSES = "scoring: processes\n"


def test_scores_and_samples_are_those_of_one_process(scored: Scored) -> None:
    lose = {"lose": lambda instance: instance.doc_id == 2}
    assert scored("score", PROCESSES, **lose) == scored("score", **lose)


def test_repeats_are_combined_as_in_one_process(scored: Scored) -> None:
    several = "repeats: 3\nmetric_list:\n- {metric: right, over_repeats: ['maj@3'], aggregation: mean}\n"
    text = _TASK.partition("metric_list")[0]
    assert scored("score", PROCESSES + several, text=text) == scored("score", several, text=text)


def test_a_document_that_no_signal_can_stop_is_counted(scored: Scored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LM_EVAL_SCORING_TIMEOUT", "0.3")
    monkeypatch.setattr(time_limit, "_SECONDS_BEFORE_KILL", 0)
    row = scored("lost", PROCESSES)["results"]["apart"]
    assert row["errors"] == {"scoring_timeout": 1, "scoring_crash": 1}
    assert row["sample_len"] == 8
    assert any("SIGKILL" in message["message"] for message in row["error_messages"])


def test_code_that_fails_is_a_failed_task_as_in_one_process(scored: Scored) -> None:
    assert scored("fails", PROCESSES) == scored("fails")


def test_values_that_cannot_leave_a_process_are_computed_here(scored: Scored) -> None:
    row = scored("remembers", PROCESSES, "bypass")["results"]["apart"]
    assert row["length,upper"] == 5.5  # each document finds one more than the document before it


def children() -> set[str]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(os.getpid())], capture_output=True, text=True)
    return set(listed.stdout.split())


def test_no_process_is_left_when_a_run_ends_early(scored: Scored) -> None:
    before = children()

    def stop(instance: Any) -> bool:
        if instance.doc_id == 5:
            raise RunStopped("enough")
        return False

    with pytest.raises(RunStopped):
        scored("score", PROCESSES, lose=stop)
    assert len(children() - before) <= 1  # ps itself


def _square(number: int) -> int:
    if number == 3:
        os._exit(9)
    return number**2


def test_jobs_are_done_in_processes_and_a_dead_one_is_replaced() -> None:
    found: dict[int, object] = {}
    workers = Workers(_square, 2, 0)

    def done(number: int) -> Callable[[object], None]:
        return lambda result: found.__setitem__(number, result)

    for number in range(6):
        workers.submit(number, done(number))
    workers.submit(threading.Lock(), done(6))
    workers.finish()
    lost, unsent = found.pop(3), found.pop(6)
    assert found == {0: 0, 1: 1, 2: 4, 4: 16, 5: 25}
    assert isinstance(lost, Lost) and str(lost) == "with exit code 9"
    assert isinstance(unsent, TypeError)
