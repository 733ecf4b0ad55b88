"""Intervals of judged means stay within what a mean of verdicts can be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lm_eval.evaluator import simple_evaluate
from tests.fakes import FakeLM

GRADES = [9, 10, 10, 10, 10, 8]


@pytest.mark.parametrize(
    ("verdict", "highest"), [({"scale": [1, 10]}, 10), ({"labels": {"8": 0.0, "9": 0.5, "10": 1.0}}, 1)]
)
def test_an_interval_ends_where_the_scale_ends(tmp_path: Path, verdict: Any, highest: float) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text("".join(f"{json.dumps({'q': f'Number {place}?'})}\n" for place in range(len(GRADES))))
    task = {
        "task": "graded",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": str(data)},
        "test_split": "train",
        "doc_to_text": "{{q}}",
        "doc_to_target": "",
        "scorer": {"type": "ai_judge", "prompt": "{{q}} {{answer}} GRADE:", "verdict": verdict},
    }
    judge = FakeLM(lambda prompt: f"GRADE: {GRADES[int(prompt.partition('Number ')[2][0])]}")
    results = simple_evaluate(FakeLM(lambda prompt: "Yes."), tasks=[task], judge=judge, bootstrap_iters=100)
    assert results["statistics"]["graded"]["judge_score,none"]["interval"][1] == highest
