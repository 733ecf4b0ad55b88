"""Code of a task that fails, never ends, or gives no value: other tasks and the answers are kept, and it is said."""

from __future__ import annotations

import json
import re
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from lm_eval.api.filter import Filter, FilterEnsemble, ResponseFilter
from lm_eval.cli import main
from lm_eval.errors import ConfigError
from lm_eval.evaluator import simple_evaluate
from lm_eval.loggers.evaluation_tracker import EvaluationTracker
from lm_eval.mock_server import MockServer
from lm_eval.reports.table import tables
from lm_eval.rescoring import rescore
from lm_eval.results import Results, load
from tests.fakes import FakeLM, write_tasks
from tests.test_evaluator import solve

_CODE = """
import os, re, sys

def raising(doc, results):
    if doc["n"] == 4:
        raise ValueError("odd answer")
    return {"exact_match": 1}

def leaving(doc, results):
    if doc["n"] == 4:
        sys.exit("bye")
    return {"exact_match": 1}

def nothing(doc, results):
    return None if doc["n"] == 4 else {"exact_match": 1}

def dies(doc, results):
    if doc["n"] == 4:
        os._exit(7)
    return {"exact_match": 1}

def endless(doc, results):
    while doc["n"] == 4:
        try:
            re.match("^(a|a)*$", "a" * 60 + "b")
        except Exception:
            pass
    return {"exact_match": 1}

def some(doc, results):
    return {"exact_match": 1} if doc["n"] <= 4 else {}

def none(doc, results):
    return {}

def filter_raising(resps, docs):
    raise KeyError("filter")

def filter_leaving(resps, docs):
    sys.exit(1)

def aggregation(values):
    sys.exit(3)

def metric(references, predictions):
    if references == ["4"]:
        raise ArithmeticError("metric")
    return 1.0

def parts(references, predictions):
    return {"first": 1.0, "second": 3.0}
"""

_CUSTOM = "filter_list:\n- name: f\n  filter:\n  - function: custom\n    filter_fn: !function code.{}\n"
_REGEX = "filter_list:\n- name: f\n  filter:\n  - function: regex\n    regex_pattern: '{}'\n  - function: take_first\n"
_GENERATE = "doc_to_text: '{{q}}'\ndoc_to_target: '{{n}}'\n"
_BROKEN = {
    "raising": ("process_results: !function code.raising\n", "scoring doc 3 of task 'broken' failed: ValueError: odd"),
    "leaving": ("process_results: !function code.leaving\n", "scoring doc 3 of task 'broken' failed: SystemExit: bye"),
    "nothing": ("process_results: !function code.nothing\n", "doc 3 of task 'broken' failed: TypeError: .* no mapping"),
    "filter_raising": (_CUSTOM.format("filter_raising"), "CustomFilter of pipeline 'f' failed .* KeyError: 'filter'"),
    "filter_leaving": (_CUSTOM.format("filter_leaving"), "CustomFilter of pipeline 'f' failed .* SystemExit: 1"),
    "metric": (
        "metric_list:\n- metric: !function code.metric\n  aggregation: mean\n  higher_is_better: true\n",
        "scoring doc 3 of task 'broken' failed: ArithmeticError: metric",
    ),
    "aggregation": (
        "metric_list:\n- metric: exact_match\n  aggregation: !function code.aggregation\n  higher_is_better: true\n",
        "SystemExit: 3",
    ),
}


def tasks_with(folder: Path, body: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "code.py").write_text(_CODE)
    return write_tasks(folder, broken=body if "doc_to_text" in body else _GENERATE + body)


def run(folder: Path, lm: FakeLM | None = None, **options: Any) -> dict[str, Any]:
    options.setdefault("tasks", ["broken", "generate"])
    return simple_evaluate(lm or FakeLM(solve), include_path=folder, bootstrap_iters=0, **options)


def in_a_thread(folder: Path, lm: FakeLM | None = None, **options: Any) -> dict[str, Any]:
    results: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: results.append(run(folder, lm, **options)))
    thread.start()
    thread.join(60)
    return results[0]


def in_processes(folder: Path, lm: FakeLM | None = None, **options: Any) -> dict[str, Any]:
    with (folder / "broken.yaml").open("a") as file:
        file.write("scoring: processes\n")
    return run(folder, lm, **options)


@pytest.fixture(params=[run, in_a_thread, in_processes], ids=["main", "thread", "processes"])
def evaluated(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize(("body", "reason"), _BROKEN.values(), ids=_BROKEN)
def test_a_task_that_cannot_be_scored_takes_no_other_down(
    tmp_path: Path, evaluated: Any, body: str, reason: str
) -> None:
    results = evaluated(tasks_with(tmp_path, body), log_samples=True)
    (value,) = (value for key, value in results["results"]["broken"].items() if "match," in key or "metric," in key)
    failed = Results(results).failed
    assert (value, results["results"]["generate"]["exact_match,none"]) == ("N/A", 1.0)
    assert list(failed) == ["broken"]
    assert re.search(reason, failed["broken"]), failed
    assert [sample["resps"] for sample in results["samples"]["broken"]] == [[[str(n + 1)]] for n in range(10)]
    assert "could not be computed" in tables(results)


def test_the_answers_of_a_task_that_failed_can_be_scored_again(tmp_path: Path) -> None:
    folder = tasks_with(tmp_path / "tasks", _BROKEN["raising"][0])
    tracker = EvaluationTracker(output_path=tmp_path / "out")
    results = run(folder, evaluation_tracker=tracker, log_samples=True)
    samples = results.pop("samples")
    tracker.save_results_aggregated(results=results, samples=samples)
    for name, rows in samples.items():
        tracker.save_results_samples(task_name=name, samples=rows)
    assert load(tmp_path / "out").failed == Results(results).failed
    again = rescore(tmp_path / "out", include_path=folder)
    assert again["results"]["broken"]["exact_match,none"] == "N/A"
    (folder / "code.py").write_text(_CODE.replace('raise ValueError("odd answer")', "pass"))
    for name in [name for name, module in sys.modules.items() if getattr(module, "raising", None)]:
        del sys.modules[name]
    assert rescore(tmp_path / "out", include_path=folder)["results"]["broken"]["exact_match,none"] == 1.0


def test_the_journal_stays_when_a_task_failed(tmp_path: Path) -> None:
    tracker = EvaluationTracker(output_path=tmp_path)
    journal = tracker.journal_path("key")
    assert journal is not None
    journal.parent.mkdir(parents=True)
    journal.write_text("")
    tracker.finish({"results": {"t": {"acc,none": "N/A", "failed": {"acc,none": "why"}}}})
    assert journal.exists()
    tracker.finish({"results": {"t": {"acc,none": 1.0}}})
    assert not journal.exists()


@pytest.mark.parametrize(
    "body",
    [
        "process_results: !function code.endless\n",
        _REGEX.format("^(.*?)*0$"),
        "doc_to_text: '{{q}}'\ndoc_to_target: \"{% if n == 4 and scoring %}"
        '{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}{% endif %}{{n}}"\n',
    ],
    ids=["function", "regex", "template"],
)
def test_a_document_that_takes_too_long_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evaluated: Any, body: str
) -> None:
    monkeypatch.setenv("LM_EVAL_SCORING_TIMEOUT", "0.2")
    long = "a" * 30 + "\n"

    class Model(FakeLM):
        def harness_respond(self, instances: Any) -> None:  # type: ignore[override]
            super().harness_respond(instances)
            for instance in instances:
                instance.doc["scoring"] = True

    lm = Model(lambda prompt: long * 12 if "What is 3 +" in prompt and "regex" in body else solve(prompt))
    results = evaluated(tasks_with(tmp_path, body), lm, log_samples=True)
    row = results["results"]["broken"]
    assert (row["n_errors"], row["errors"], row["sample_len"]) == (1, {"scoring_timeout": 1}, 9)
    assert results["results"]["generate"]["exact_match,none"] == (0.9 if "regex" in body else 1.0)
    assert results["errors"]["exceeded"]
    (lost,) = (sample for sample in results["samples"]["broken"] if "error" in sample)
    assert (lost["doc_id"], lost["metrics"], lost["error"]["kind"]) == (3, [], "scoring_timeout")
    assert "more than 0.2 s of CPU time" in lost["error"]["message"]


def test_values_named_by_a_metric_arrive_from_a_thread(tmp_path: Path) -> None:
    body = "metric_list:\n- metric: !function code.parts\n  aggregation: median\n  higher_is_better: true\n"
    folder = tasks_with(tmp_path, body)
    here, there = run(folder), in_a_thread(folder)
    assert here["results"] == there["results"]
    assert here["results"]["broken"]["second,none"] == 3.0


def test_a_scoring_process_that_dies_is_a_failed_task(tmp_path: Path) -> None:
    results = in_a_thread(tasks_with(tmp_path, "process_results: !function code.dies\n"), log_samples=True)
    assert "ended with exit code 7" in Results(results).failed["broken"]
    assert len(results["samples"]["broken"]) == 10


def test_the_limit_is_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LM_EVAL_SCORING_TIMEOUT", "soon")
    lm = FakeLM(solve)
    with pytest.raises(ConfigError, match="'soon' is not"):
        run(tasks_with(tmp_path, ""), lm)
    assert not lm.asked


def test_documents_without_a_value_are_counted(tmp_path: Path) -> None:
    results = run(tasks_with(tmp_path, "process_results: !function code.some\n"))
    row = results["results"]["broken"]
    assert (row["exact_match,none"], row["sample_len"]) == (1.0, 10)
    assert "missing" not in row, "programs that read results would take it for a score"
    assert results["missing"] == {"broken": {"exact_match,none": 6}}
    (score,) = (score for score in Results(results).scores if score.task == "broken")
    assert score.n == 4
    assert "broken: exact_match,none is over 4 of 10 docs; 6 have no value." in tables(results)


def test_a_metric_without_a_single_value_is_not_available(tmp_path: Path) -> None:
    results = run(tasks_with(tmp_path, "process_results: !function code.none\n"))
    row = results["results"]["broken"]
    assert (row["exact_match,none"], row["failed"]) == ("N/A", {"exact_match,none": "no document has a value"})


class _Length(ResponseFilter):
    def transform(self, response: str) -> int:
        return len(response)


class _Batch(_Length):
    def apply(self, resps: Any, docs: Any) -> Any:
        return [len(list(resps))] * len(docs)


def test_a_filter_that_overrides_apply_gets_all_documents_at_once() -> None:
    def filtered(kind: type[Filter]) -> list[object]:
        return FilterEnsemble("f", [kind]).filtered([["a"], ["bb"]], [{}, {}])

    assert (filtered(_Length), filtered(_Batch)) == ([[1], [2]], [2, 2])


def test_the_exit_code_of_a_failed_task_is_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tasks_with(tmp_path / "tasks", _BROKEN["raising"][0])
    with MockServer() as server:
        model = ["-M", "local-completions", "-a", f"model=mock,base_url={server.base_url}"]
        files = ["--include_path", str(folder), "-o", str(tmp_path / "out"), "-s"]
        code = main(["run", *model, "-t", "broken,generate", *files])
    assert code == 3
    assert "scoring doc 3" in " ".join(capsys.readouterr().out.split())
    (saved,) = (tmp_path / "out").rglob("samples_broken_*.jsonl")
    assert all(json.loads(line)["resps"] for line in saved.read_text().splitlines())
