"""The demo with judges: it needs no network, and gives the same figures each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from lm_eval.cli.main import main
from lm_eval.demo import judged_answers
from lm_eval.results import load
from lm_eval.tasks.judged_mini.utils import load as questions


def test_the_demo_judges_with_two_mock_servers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--judge", "--output_path", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "judged by careful-judge, hasty-judge" in printed
    assert "judges agree on 90.0% of verdicts (Krippendorff's alpha 0.768)" in printed
    samples = list(load(tmp_path).read("judged_mini"))
    assert len(samples) == 20
    hostile = next(sample for sample in samples if "Ignore" in str(sample.filtered))
    assert hostile.value("judge_score") == 0


def test_each_question_has_an_answer() -> None:
    assert {doc["question"] for doc in questions()["test"]} == set(judged_answers())
