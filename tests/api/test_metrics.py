from __future__ import annotations

import math
from typing import Any

import pytest

from lm_eval.api import metrics
from lm_eval.api.metrics import exact_match_hf_evaluate
from lm_eval.api.registry import (
    AGGREGATION_REGISTRY,
    METRIC_REGISTRY,
    get_aggregation,
    get_metric,
    get_metric_aggregation,
    is_higher_better,
)

NAN = math.nan


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("mean", [1, 2, 3, 4], 2.5),
        ("mean", [True, False, True], 2 / 3),
        ("nanmean", [NAN, 1.0, 3.0], 2.0),
        ("nanmean", [NAN], NAN),
        ("median", [1, 2, 3, 4], 3),
        ("median", [4, 1, 3, 2, 9], 3),
        ("perplexity", [-1.0, -3.0], math.exp(2)),
        ("perplexity", [-1e4], math.inf),
        ("weighted_perplexity", [(-1.0, 2), (-3.0, 5)], math.exp(4 / 7)),
        ("bits_per_byte", [(-1.0, 2), (-3.0, 5)], 4 / 7 / math.log(2)),
        ("bypass", [], 999),
        ("f1", [(0, 0), (1, 1), (1, 0)], 2 / 3),
        ("f1", [(0, 0), (0, 0)], 0.0),
        ("f1", [(True, False), (True, True)], 2 / 3),
        ("f1", [([1], [1])], 1.0),
        ("matthews_corrcoef", [(0, 0), (1, 1), (1, 0)], 0.5),
        ("matthews_corrcoef", [(0, 0), (1, 1), (2, 1)], 0.6123724356957946),
        ("matthews_corrcoef", [(0, 1), (1, 2), (2, 0), (2, 2)], -0.2),
        ("matthews_corrcoef", [("a", "b"), ("a", "a")], 0.0),
        ("brier_score", [(1, [0.2, 0.8]), (0, [0.5, 0.5])], 0.29),
        ("brier_score", [(1, [0.2, 0.8]), (0, [0.5, 0.25, 0.25])], (0.08 + 0.375) / 2),
        ("brier_score", [([0, 1], [0.2, 0.8])], 0.08),
        ("brier_score", [(-100, [0.2, 0.8])], 2.0),
    ],
)
def test_aggregations(name: str, values: list[Any], expected: float) -> None:
    assert get_aggregation(name)(values) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("pairs", [[(0, 0), (1, 1), (2, 1)], [(2, 2), (3, 3)], [("a", "b")], [(1, "1")], []])
def test_f1_refuses_labels_it_cannot_score(pairs: list[Any]) -> None:
    with pytest.raises(ValueError, match=r"f1|nothing"):
        metrics.f1_score(pairs)


def test_f1_and_mcc_agree_with_sklearn() -> None:
    import random

    sklearn = pytest.importorskip("sklearn.metrics")
    rng = random.Random(0)
    gold = [rng.randrange(2) for _ in range(200)]
    predicted = [rng.randrange(2) for _ in range(200)]
    pairs = list(zip(gold, predicted, strict=True))
    assert metrics.f1_score(pairs) == pytest.approx(sklearn.f1_score(gold, predicted))
    assert metrics.matthews_corrcoef(pairs) == pytest.approx(sklearn.matthews_corrcoef(gold, predicted))


@pytest.mark.parametrize(
    ("predictions", "references", "options", "expected"),
    [
        (["a", "b"], ["a", "c"], {}, 0.5),
        (["A"], ["a"], {"ignore_case": True}, 1.0),
        (["a.b!"], ["ab"], {"ignore_punctuation": True}, 1.0),
        (["a 12"], ["a "], {"ignore_numbers": True}, 1.0),
        (["$1,2."], ["12"], {"regexes_to_ignore": [",", r"\$", r"\.$"]}, 1.0),
        ([1], ["1"], {}, 0.0),
        ([1.0], [1], {}, 1.0),
        ([None], [None], {}, 1.0),
        ([["a", "b"]], ["a"], {}, 0.5),
        ([["a", "b"]], [["a", "b"]], {}, 1.0),
        ([["a ", 1]], [["b", "1"]], {}, 0.5),
        (["a"], ["a", "b"], {}, 0.5),
        ([], [], {}, NAN),
    ],
)
def test_exact_match(predictions: Any, references: Any, options: dict[str, Any], expected: float) -> None:
    result = exact_match_hf_evaluate(predictions=predictions, references=references, **options)
    assert result["exact_match"] == pytest.approx(expected, nan_ok=True)


def test_exact_match_takes_arrays() -> None:
    import numpy as np

    assert exact_match_hf_evaluate(np.array(["a", "b"]), np.array(["a", "c"])) == {"exact_match": 0.5}


def test_acc_all_counts_questions_of_each_paragraph() -> None:
    def answer(judged: int, paragraph: int, question: int, label: int) -> tuple[int, dict[str, Any]]:
        return judged, {"idx": {"paragraph": paragraph, "question": question}, "label": label}

    items = [answer(1, 0, 0, 1), answer(1, 0, 0, 0), answer(1, 0, 1, 1), answer(0, 1, 0, 0)]
    assert metrics.acc_all(items) == pytest.approx(2 / 3)
    assert metrics.acc_all_stderr(items) == pytest.approx(1 / 3)


def test_metric_max_over_ground_truths() -> None:
    assert metrics.metric_max_over_ground_truths(lambda p, g: float(p == g), "a", ["b", "a"]) == 1.0


def test_aggregate_subtask_metrics() -> None:
    assert metrics.aggregate_subtask_metrics([0.1, 0.5], [1, 3]) == pytest.approx(0.4)
    assert metrics.aggregate_subtask_metrics([0.1, 0.5], [1, 3], weight_by_size=False) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("metric", "aggregation", "better"),
    [
        ("acc", "mean", True),
        ("acc_norm", "mean", True),
        ("acc_mutual_info", "mean", True),
        ("acc_bytes", "mean", True),
        ("acc_all", "mean", True),
        ("exact_match", "mean", True),
        ("likelihood", "mean", True),
        ("brier_score", "brier_score", False),
        ("perplexity", "perplexity", False),
        ("word_perplexity", "weighted_perplexity", False),
        ("byte_perplexity", "weighted_perplexity", False),
        ("bits_per_byte", "bits_per_byte", False),
        ("mcc", "matthews_corrcoef", True),
        ("f1", "f1", True),
        ("bleu", "bleu", True),
        ("chrf", "chrf", True),
        ("chrf++", "chrf++", True),
        ("ter", "ter", False),
        ("bypass", "bypass", True),
    ],
)
def test_registered_metrics(metric: str, aggregation: str, better: bool) -> None:
    get_metric("acc")
    assert metric in METRIC_REGISTRY
    assert get_metric_aggregation(metric) is AGGREGATION_REGISTRY[aggregation]
    assert is_higher_better(metric) is better


def test_a_metric_that_the_task_computes_passes_its_value_on() -> None:
    assert get_metric("f1")((1, 0)) == (1, 0)
    assert metrics.chrfpp_fn.__name__ == "chrfpp_fn"


def test_all_is_complete() -> None:
    assert [name for name in metrics.__all__ if not hasattr(metrics, name)] == []
