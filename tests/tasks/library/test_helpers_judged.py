"""Helper functions of tasks with a judge, on made rows."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from lm_eval.api.verdicts import Judgement, Verdict
from lm_eval.errors import DatasetError
from lm_eval.tasks.arena_hard import utils as arena_hard
from lm_eval.tasks.healthbench import utils as healthbench
from lm_eval.tasks.hle import utils as hle
from lm_eval.tasks.judged_mini import utils as judged_mini
from lm_eval.tasks.mt_bench import utils as mt_bench
from lm_eval.tasks.simpleqa import utils as simpleqa
from lm_eval.tasks.xstest import utils as xstest

YES, NO, NONE = "CORRECT", "INCORRECT", "NOT_ATTEMPTED"


Files = Mapping[str, str]


class Rows(list[dict[str, Any]]):
    """A dataset that can be filtered."""

    def filter(self, keep: Any) -> Rows:
        return Rows(filter(keep, self))


def serve(
    monkeypatch: pytest.MonkeyPatch, splits: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[Mapping[str, str]]:
    """Serve rows as lines of text, and collect which files were asked for."""
    import datasets

    asked: list[Files] = []

    def load_dataset(path: str, name: object = None, *, data_files: Files, **_: object) -> Any:
        assert path == "text"
        asked.append(data_files)
        return {split: [{"text": json.dumps(row)} for row in splits[split]] + [{"text": ""}] for split in data_files}

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return asked


@pytest.mark.parametrize(
    ("grades", "given_attempted", "f_score"),
    [
        ([YES, YES, YES, YES], 1, 1),
        ([YES, NO, NONE, NONE], 0.5, 2 * 0.25 * 0.5 / 0.75),
        ([YES, YES, YES, NO, NONE], 0.75, 2 * 0.6 * 0.75 / 1.35),
        ([NO, NONE], 0, 0),
        ([NONE, NONE], 0, 0),
        ([], 0, 0),
    ],
)
def test_simpleqa_scores(grades: list[str], given_attempted: float, f_score: float) -> None:
    assert simpleqa.correct_given_attempted(grades) == given_attempted
    assert simpleqa.f_score(grades) == pytest.approx(f_score)


@pytest.mark.parametrize(("scores", "mean"), [([0.5, -0.5, 1.0], 1 / 3), ([-1.0, 0.5], 0.0), ([1.0, 1.0], 1.0)])
def test_healthbench_clips_the_mean_not_the_scores(scores: list[float], mean: float) -> None:
    assert healthbench.clipped_mean(scores) == pytest.approx(mean)


def test_healthbench_reads_lines_with_other_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    messages: Any = [{"role": "user", "content": "It hurts."}]
    rubric: Any = [{"criterion": "Asks where", "points": 3, "tags": ["axis:context"]}]
    rows = [
        {"prompt_id": "a", "prompt": messages, "rubrics": rubric, "example_tags": [], "ideal_completions_data": None},
        {"prompt_id": "b", "prompt": messages, "rubrics": rubric, "ideal_completions_data": {"x": 1}, "canary": "c"},
    ]
    asked = serve(monkeypatch, {"test": rows})
    docs = healthbench.load("hard.jsonl")["test"]
    assert [(doc["prompt_id"], doc["prompt"], doc["rubrics"]) for doc in docs] == [
        ("a", messages, rubric),
        ("b", messages, rubric),
    ]
    assert asked == [{"test": "hf://datasets/openai/healthbench/hard.jsonl"}]


def test_mt_bench_leaves_the_first_answer_to_the_model() -> None:
    assert [message["content"] for message in mt_bench.turns({"prompt": ["One?", "Two?"]})] == ["One?", None, "Two?"]


def test_mt_bench_rates_each_turn() -> None:
    ratings = [(0, 8.0), (0, 6.0), (1, 3.0), (1, None)]
    verdicts = [Verdict("big", score=score, answer=turn) for turn, score in ratings]
    assert mt_bench.by_turn({}, Judgement("judged", verdicts=verdicts)) == {"mt_bench": 5, "turn_1": 7, "turn_2": 3}


def test_mt_bench_has_a_function_for_each_category() -> None:
    rows = Rows({"category": name} for name in ("math", "stem", "math"))
    assert len(mt_bench.math(rows)) == 2
    with pytest.raises(AttributeError):
        mt_bench._unknown  # noqa: B018


def test_xstest_is_split_by_what_is_wanted() -> None:
    rows = Rows({"label": label} for label in ("safe", "unsafe", "safe"))
    assert (len(xstest.safe(rows)), len(xstest.unsafe(rows))) == (2, 1)


def test_hle_has_images_where_there_are_some() -> None:
    rows = Rows([{"image": ""}, {"image": "data:image/png;base64,AA"}, {"image": None}])
    assert [hle.images(row) for row in rows] == [[], ["data:image/png;base64,AA"], []]
    assert len(hle.without_images(rows)) == 2


QUESTIONS: list[dict[str, Any]] = [
    {"uid": "1", "category": "hard_prompt", "prompt": "One?"},
    {"uid": "2", "category": "creative_writing", "prompt": "Two?"},
]
ANSWERS: list[dict[str, Any]] = [
    {"uid": "2", "messages": [{"role": "user", "content": "Two?"}, {"role": "assistant", "content": "B"}]},
    {"uid": "1", "messages": [{"role": "assistant", "content": {"answer": "A"}}]},
]
OLD_QUESTIONS: list[dict[str, Any]] = [{"question_id": "1", "cluster": "sums", "turns": [{"content": "One?"}]}]
OLD_ANSWERS = [{"question_id": "1", "choices": [{"index": 0, "turns": [{"content": "A"}]}]}]


def test_arena_hard_joins_questions_with_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = serve(monkeypatch, {"questions": QUESTIONS, "answers": ANSWERS})
    docs = arena_hard.load("v2", "base", "hard_prompt")["test"]
    assert [(doc["id"], doc["question"], doc["baseline"]) for doc in docs] == [("1", "One?", "A")]
    assert len(arena_hard.load("v2", "base")["test"]) == 2
    assert asked[0]["answers"].endswith("arena-hard-auto/data/v2/model_answer/base.jsonl")


def test_arena_hard_reads_the_first_form_of_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, {"questions": OLD_QUESTIONS, "answers": OLD_ANSWERS})
    assert arena_hard.load("v0.1", "base")["test"] == [
        {"id": "1", "group": "sums", "question": "One?", "baseline": "A"}
    ]


def test_a_question_without_an_answer_of_the_baseline_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, {"questions": QUESTIONS, "answers": ANSWERS[:1]})
    with pytest.raises(DatasetError, match="base has no answer to question 1"):
        arena_hard.load("v2", "base")


def test_the_small_task_has_twenty_questions() -> None:
    docs = judged_mini.load()["test"]
    assert len({doc["question"] for doc in docs}) == 20
    assert all(doc["target"] for doc in docs)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Answer: 4\nConfidence: 85%", 0.85),
        ("Answer: 4\n**Confidence:** 7.5 %", 0.075),
        ("My confidence: 10.\nAnswer: 4\nconfidence = 90", 0.9),
        ("Answer: 4", 1.0),
        ("Answer: 4\nConfidence: 850%", 1.0),
    ],
)
def test_hle_reads_the_confidence(answer: str, expected: float) -> None:
    assert hle.confidence(answer) == expected


def calibration(items: list[list[float]]) -> float:
    """Compute the calibration error with NumPy, step by step."""
    table = np.array(items)
    table = table[np.argsort(table[:, 0], kind="stable")]
    bins = np.split(table, [100 * number for number in range(1, len(table) // 100)])
    return float(np.sqrt(sum(len(b) / len(table) * (b[:, 0].mean() - b[:, 1].mean()) ** 2 for b in bins)))


@pytest.mark.parametrize("count", [1, 99, 100, 199, 200, 431])
def test_hle_calibration_error(count: int) -> None:
    rng = random.Random(count)
    items = [[share := rng.random(), float(rng.random() < share**2)] for _ in range(count)]
    assert hle.calibration_error(items) == pytest.approx(calibration(items))


def test_hle_calibration_error_is_0_where_confidence_is_the_share_that_is_right() -> None:
    assert hle.calibration_error([[0.5, 1.0], [0.5, 0.0]]) == 0
