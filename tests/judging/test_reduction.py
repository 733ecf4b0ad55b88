from __future__ import annotations

from typing import Any

import pytest

from lm_eval.api.verdicts import Judgement, Verdict
from lm_eval.config.scorer import Criterion, ScorerSpec
from lm_eval.errors import ConfigError
from lm_eval.judging.reduction import judgement_of, settled


def spec(verdict: object = "boolean", **more: Any) -> ScorerSpec:
    prompt = "{{answer}} {{answer_a}} {{answer_b}} {{criterion}}"
    return ScorerSpec.parse({"type": "ai_judge", "prompt": prompt, "verdict": verdict, **more})


def said(*scores: float | None, juror: str = "m", **more: Any) -> list[Verdict]:
    labels = {1.0: "yes", 0.0: "no"}
    return [
        Verdict(juror, number, "unreadable" if score is None else "ok", labels.get(score or 0.0), score, **more)
        for number, score in enumerate(scores)
    ]


@pytest.mark.parametrize(
    ("reduce", "scores", "expected"),
    [
        ("mean", (1.0, 0.0, 0.0, 1.0, 1.0), 0.6),
        ("median", (1.0, 0.0, 0.0, 1.0, 1.0), 1.0),
        ("majority", (1.0, 0.0, 0.0, 0.0, 1.0), 0.0),
        ("majority", (1.0, 0.0), 0.5),
        ("mean", (1.0, None), 1.0),
    ],
)
def test_repeats_are_combined(reduce: str, scores: tuple[float | None, ...], expected: float) -> None:
    found = judgement_of(spec(reduce=reduce), {}, said(*scores))
    assert found.score == pytest.approx(expected)
    assert found.status == "judged"


def test_each_judge_counts_once_whatever_its_number_of_verdicts() -> None:
    found = judgement_of(spec(), {}, [*said(1.0, 1.0, 1.0), *said(0.0, juror="n")])
    assert found.score == 0.5


def test_no_verdict_is_no_zero() -> None:
    verdicts = said(None, error="No verdict in the reply.")
    found = judgement_of(spec(), {}, verdicts)
    assert (found.status, found.score, found.values) == ("unjudged", None, {})
    assert (found.reason, found.verdicts) == ("No verdict in the reply.", verdicts)


def test_an_answer_without_verdict_leaves_the_document_unjudged() -> None:
    assert judgement_of(spec(), {}, [*said(1.0), *said(None, answer=1)]).status == "unjudged"


def test_several_answers_are_averaged() -> None:
    assert judgement_of(spec(), {}, [*said(1.0), *said(0.0, answer=1)]).score == 0.5


def test_the_most_frequent_label_is_the_label() -> None:
    assert judgement_of(spec(), {}, said(1.0, 1.0, 0.0)).label == "yes"
    assert judgement_of(spec(), {}, said(1.0, 0.0)).label is None


CRITERIA = [Criterion("good", 5.0, ("axis:a",)), Criterion("complete", 3.0), Criterion("lies", -4.0)]


def rubric(*scores: float | None, repeat: int = 0) -> list[Verdict]:
    return [
        Verdict("m", repeat, "unreadable" if score is None else "ok", None, score, criterion=number)
        for number, score in enumerate(scores)
    ]


@pytest.mark.parametrize(
    ("scores", "expected"), [((1, 1, 0), 1.0), ((1, 0, 0), 5 / 8), ((0, 0, 1), -0.5), ((1, 1, 1), 0.5)]
)
def test_points_of_a_rubric(scores: tuple[float, ...], expected: float) -> None:
    found = judgement_of(spec({"rubric": "r"}), {}, rubric(*scores), CRITERIA)
    assert found.score == pytest.approx(expected)
    assert found.label is None


def test_a_rubric_tells_what_is_met() -> None:
    verdicts = [*rubric(1, 1, 0), *rubric(0, 1, 0, repeat=1)]
    found = judgement_of(spec({"rubric": "r"}, repeats=2), {}, verdicts, CRITERIA)
    assert [item["met"] for item in found.criteria] == [0.5, 1.0, 0.0]
    assert found.criteria[0]["tags"] == ["axis:a"]


def test_a_repeat_that_lacks_a_criterion_does_not_count() -> None:
    verdicts = [*rubric(1, 1, 0), *rubric(0, None, 0, repeat=1)]
    assert judgement_of(spec({"rubric": "r"}, repeats=2), {}, verdicts, CRITERIA).score == 1.0
    assert judgement_of(spec({"rubric": "r"}), {}, rubric(1, None, 0), CRITERIA).status == "unjudged"


def pair(one: float | None, two: float | None) -> list[Verdict]:
    return [
        Verdict("m", 0, "unreadable" if score is None else "ok", None, score, first=first)
        for first, score in (("answer", one), ("baseline", two))
    ]


@pytest.mark.parametrize(
    ("one", "two", "score", "flips"),
    [(1.0, 1.0, 1.0, 0), (1.0, 0.0, 0.5, 1), (1.0, 0.25, 0.5, 1), (1.0, 0.5, 0.75, 0), (0.5, 0.5, 0.5, 0)],
)
def test_a_flip_is_a_tie(one: float, two: float, score: float, flips: int) -> None:
    found = judgement_of(spec({"pairwise": "x"}), {}, pair(one, two))
    assert (found.score, found.flips, found.pairs) == (score, flips, 1)


def test_one_order_alone_is_no_verdict() -> None:
    assert judgement_of(spec({"pairwise": "x"}), {}, pair(1.0, None)).status == "unjudged"


def test_metrics_of_labels_flips_and_functions() -> None:
    def own(doc: dict[str, Any], judgement: Judgement) -> dict[str, float]:
        return {"own": doc["weight"] * (judgement.score or 0.0)}

    metrics = [
        "own",
        {"metric": "share", "value": {"label": "yes"}},
        {"metric": "text", "value": "label"},
        {"metric": "score", "value": "score"},
    ]
    found = judgement_of(spec(metrics=metrics, process_verdict=own), {"weight": 3}, said(1.0, 1.0, 0.0))
    assert found.values == {"own": pytest.approx(2.0), "share": pytest.approx(2 / 3), "text": "yes", "score": 2 / 3}


def test_a_function_that_fails_leaves_the_document_unjudged() -> None:
    def own(doc: dict[str, Any], judgement: Judgement) -> dict[str, float]:
        raise KeyError("weight")

    found = judgement_of(spec(process_verdict=own), {}, said(1.0))
    assert (found.status, found.reason) == ("unjudged", "process_verdict failed: KeyError: 'weight'")


def test_another_metric_settles_a_document() -> None:
    found = settled(spec({"C": 1.0, "I": 0.0}), "exact_match", 1.0)
    assert (found.status, found.score, found.label, found.values) == ("settled", 1.0, "C", {"judge_score": 1.0})
    assert found.reason == "exact_match is 1"


GRADES = {
    "pairwise": {
        "baseline": "b",
        "labels": {"A>>B": 1, "A>B": 1, "A=B": 0.5, "B>A": 0, "B>>A": 0},
        "weights": {"A>>B": 3, "B>>A": 3},
    }
}


def compared(first: str, second: str, juror: str = "m") -> list[Verdict]:
    """Return a pair of verdicts: the grade where the answer is shown first, and the one where the baseline is."""
    labels = GRADES["pairwise"]["labels"]
    assert isinstance(labels, dict)
    one, two = float(labels[first]), 1 - float(labels[second])
    return [Verdict(juror, 0, "ok", first, one, first="answer"), Verdict(juror, 0, "ok", second, two, first="baseline")]


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("A>>B", "B>A")], [4, 4]),
        ([("A>>B", "A>B")], [3, 4]),
        ([("A>>B", "A>>B")], [3, 6]),
        ([("A=B", "A=B")], [1, 2]),
        ([("A>>B", "B>>A"), ("A=B", "B>A")], [(6 + 1.5) / 2, (6 + 2) / 2]),
    ],
)
def test_a_clear_win_counts_three_times(pairs: list[tuple[str, str]], expected: list[float]) -> None:
    verdicts = [each for number, pair in enumerate(pairs) for each in compared(*pair, juror=f"m{number}")]
    metrics = [{"metric": "arena_score", "value": "weighted", "aggregation": "weighted_mean"}]
    assert judgement_of(spec(GRADES, metrics=metrics), {}, verdicts).values["arena_score"] == expected


@pytest.mark.parametrize(("weights", "words"), [({"A>B": 2}, "A>B.*which no verdict has"), ({"A": 0}, "above 0")])
def test_weights_that_cannot_be_used_are_refused(weights: dict[str, float], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        spec({"pairwise": {"weights": weights}})


def test_a_function_of_the_task_sees_the_answers() -> None:
    given = spec(process_verdict=lambda doc, judgement: {"judge_score": len(judgement.answers[0])})
    found = judgement_of(given, {}, said(1.0), answers=["four"])
    assert found.values == {"judge_score": 4}
    assert "answers" not in found.record()
