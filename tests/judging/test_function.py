from __future__ import annotations

from typing import Any

import pytest

from lm_eval.errors import ConfigError
from lm_eval.judging import judge_answers
from tests.fakes import FakeLM

SCORER: dict[str, Any] = {
    "type": "ai_judge",
    "prompt": "{{question}} Right: {{target}} {{answer}} SCORE: 1 to 5",
    "verdict": {"scale": [1, 5]},
}


def test_answers_are_judged_in_order() -> None:
    judge = FakeLM(lambda prompt: "SCORE: 5" if "Lima" in prompt else "SCORE: 9")
    documents = [{"question": "Peru?", "answer": answer, "target": "x"} for answer in ("Lima", "Rome", "Lima")]
    found = judge_answers(judge, SCORER, documents)
    assert [judgement.score for judgement in found] == [5.0, None, 5.0]
    assert found[1].status == "unjudged"


def test_no_answers_are_no_judgements() -> None:
    assert judge_answers(FakeLM(), SCORER, []) == []


def test_an_answer_may_be_empty_or_strange() -> None:
    documents = [{"answer": text, "question": "?", "target": ""} for text in ("", "\ud800 \u2028 日本", "x" * 100_000)]
    assert [j.score for j in judge_answers(FakeLM(lambda prompt: "3"), SCORER, documents)] == [3.0, 3.0, 3.0]


def test_a_document_needs_an_answer() -> None:
    with pytest.raises(ConfigError, match="with an answer"):
        judge_answers(FakeLM(), SCORER, [{"question": "?"}])


def test_a_wrong_scorer_is_named() -> None:
    with pytest.raises(ConfigError, match="no key 'prompts'"):
        judge_answers(FakeLM(), {**SCORER, "prompts": ""}, [])
