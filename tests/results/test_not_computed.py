"""Metrics that lack a package: the task keeps its other scores, and what is missing is said in every place."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest

from lm_eval.api.not_computed import NotComputed, take_not_computed
from lm_eval.api.time_limit import limited, limiting, unlimited
from lm_eval.cli import main
from lm_eval.errors import ScoringTimeout
from lm_eval.evaluator import simple_evaluate
from lm_eval.mock_server import MockServer
from lm_eval.reports.html.scores import score_tree
from lm_eval.reports.table import make_table
from lm_eval.results import Results, Run
from lm_eval.results.collect import incomplete
from tests.fakes import FakeLM, write_tasks
from tests.test_evaluator import solve

_CODE = """
from lm_eval.api.not_computed import NotComputed

def per_doc(doc, results):
    return {"exact_match": 1, "bleurt": NotComputed("needs bleurt: pip install x") if doc["n"] > 1 else 0.25}

def pairs(references, predictions):
    return (references[0], predictions[0])

def corpus(items):
    return NotComputed("needs bleurt: pip install x")
"""
_PER_DOC = """doc_to_text: '{{q}}'
doc_to_target: '{{n}}'
process_results: !function code.per_doc
metric_list:
- {metric: exact_match, aggregation: mean, higher_is_better: true}
- {metric: bleurt, aggregation: mean, higher_is_better: true}
"""
_CORPUS = """doc_to_text: '{{q}}'
doc_to_target: '{{n}}'
metric_list:
- {metric: exact_match, aggregation: mean, higher_is_better: true}
- {metric: !function code.pairs , aggregation: !function code.corpus , higher_is_better: true}
"""
_REPEATS = _PER_DOC.replace("metric_list", "repeats: 2\ngeneration_kwargs: {do_sample: true}\nmetric_list").replace(
    "metric: bleurt,", "metric: bleurt, over_repeats: [mean@2],"
)
NEEDS = "needs bleurt: pip install x"


def tasks_with(folder: Path, body: str) -> Path:
    (folder / "code.py").write_text(_CODE)
    return write_tasks(folder, lacking=body)


@pytest.mark.parametrize(
    ("body", "key"),
    [(_PER_DOC, "bleurt,none"), (_CORPUS, "pairs,none"), (_REPEATS, "bleurt_mean@2,none")],
    ids=["process_results", "aggregation", "over_repeats"],
)
def test_a_metric_that_is_not_computed_has_no_number(
    tmp_path: Path, body: str, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "lm_eval"):
        folder = tasks_with(tmp_path, body)
        results = simple_evaluate(FakeLM(solve), tasks=["lacking"], include_path=folder, log_samples=True)
    row = results["results"]["lacking"]
    assert (row[key], row[key.replace(",", "_stderr,")], row["exact_match,none"]) == ("N/A", "N/A", 1.0)
    lacking = results["not_computed"]["lacking"]
    assert (lacking[key], "not_computed" in row) == (NEEDS, False)
    assert key not in results["statistics"]["lacking"]
    assert not incomplete(results)
    assert f"Task lacking: {key} is not computed: {NEEDS}" in caplog.messages
    table = make_table(results)
    assert f"! lacking: {key} is not computed: {NEEDS}" in table
    assert table.count("|not computed|") == len(lacking)


def test_the_report_says_not_computed() -> None:
    row = {"bleurt,none": "N/A", "bleurt_stderr,none": "N/A"}
    content = {"results": {"t": row}, "configs": {"t": {}}, "not_computed": {"t": {"bleurt,none": NEEDS}}}
    run = Run(Path("results.json"), content, {})
    (entry,) = dict(score_tree(run)["nodes"])["t"]["scores"]
    assert (entry["value"], entry["text"]) == (None, "not computed")


def test_the_run_succeeds_and_the_file_names_what_is_missing(tmp_path: Path) -> None:
    folder = tasks_with(tmp_path, _PER_DOC)
    with MockServer() as server:
        arguments = ["--model", "local-completions", "--model_args", f"base_url={server.base_url},model=mock"]
        options = ["--tasks", "lacking", "--include_path", str(folder), "--output_path", str(tmp_path / "out.json")]
        assert main(["run", *arguments, *options, "--log_samples"]) == 0
    (file,) = tmp_path.glob("out_*.json")
    saved = json.loads(file.read_text())
    assert Results(saved).members["lacking"].not_computed == {"bleurt,none": NEEDS}
    (samples,) = tmp_path.glob("samples_*.jsonl")
    metrics = [json.loads(line)["metrics"] for line in samples.read_text().splitlines()]
    assert metrics[0] == ["exact_match", "bleurt"]
    assert metrics[1] == ["exact_match"]


def test_the_values_that_were_not_computed_are_taken_out() -> None:
    values: dict[str, Any] = {"rouge1": 0.5, "bleurt": NotComputed("needs bleurt")}
    assert (take_not_computed(values), values) == ({"bleurt": "needs bleurt"}, {"rouge1": 0.5})
    assert str(NotComputed("needs bleurt")) == "not computed: needs bleurt"


def _work(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_the_clock_of_a_document_stands_still_while_a_network_computes() -> None:
    def computing() -> str:
        with unlimited():
            _work(0.3)
        return "done"

    def working_after_it() -> None:
        computing()
        _work(1)

    with limiting(0.15):
        assert limited(1, computing) == "done"
        with pytest.raises(ScoringTimeout):
            limited(1, working_after_it)
