"""The code of task families with long texts, images and code, one rule per test."""

from __future__ import annotations

import importlib
from typing import Any

import pytest


def module(name: str) -> Any:
    return importlib.import_module(f"lm_eval.tasks.{name}")


@pytest.mark.parametrize(
    ("prediction", "reference", "score"),
    [
        ("the cat sat", "the cat sat", 1.0),
        # "a c" is the longest common subsequence; 2 of 3 distinct words on either side.
        ("a x c", "a b c", 2 / 3),
        # The words of both sentences of the answer count: a, b and c, d of "a b c d".
        ("a b. c d", "a b c d", 1.0),
        ("", "a", 0.0),
        (".", "a", 0.0),
    ],
)
def test_longbench_rouge_l(prediction: str, reference: str, score: float) -> None:
    assert module("longbench.rouge_l").rouge_l(prediction, reference) == pytest.approx(score, abs=1e-7)


def test_longbench_scores_take_the_best_answer() -> None:
    metrics = module("longbench.metrics")
    doc = {"answers": ["Paragraph 3", "Paragraph 7"]}
    assert metrics.get_retrieval_with_score(doc, ["3, 4 and 3"]) == {"score": 2 / 3, "retrieval_score": 2 / 3}
    assert metrics.get_qa_f1_with_score({"answers": ["The red fox", "a dog"]}, ["red fox!"])["score"] == 1.0
    assert metrics.count_score("5 or 6", "5") == 0.5


def test_longbench_code_is_the_first_line_that_is_no_comment() -> None:
    score = module("longbench.metrics").code_sim_score
    assert score("\n# note\n```python\nreturn x", "return x") == 1.0
    assert score("// only\n", "return x") == 0.0
    # 4 of the 8 characters match: 2 * 4 / (4 + 8) = 0.67.
    assert score("retu", "return x") == 0.67


def test_longbench_a_class_within_the_right_one_does_not_count() -> None:
    score = module("longbench.metrics").classification_score
    assert score("Food and Food type", "Food type", ["Food", "Food type", "City"]) == 1.0
    assert score("City or Food type", "Food type", ["City", "Food type"]) == 0.5
    assert score("City", "Food type", ["City", "Food type"]) == 0.0
