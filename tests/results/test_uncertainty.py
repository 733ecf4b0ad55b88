from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats

from lm_eval.api.metrics import (
    acc_all,
    bits_per_byte,
    bleu,
    brier_score,
    bypass_agg,
    f1_score,
    mean,
    median,
    nanmean,
    perplexity,
    weighted_perplexity,
)
from lm_eval.results import TaskOutput, collect
from lm_eval.statistics.clustered import clustered_stderr
from lm_eval.statistics.intervals import wilson
from tests.results.test_collect import group, output

KEY = ("score", "none")


def entry(aggregation: Callable[..., Any], values: Sequence[Any], iters: int = 2000, **more: Any) -> dict[str, Any]:
    """Return the entry of a task's only score in ``statistics``."""
    clusters = more.pop("clusters", None)
    made = output("t", {KEY: list(values)}, aggregations={"score": aggregation}, better={"score": True}, **more)
    if clusters:
        made.clusters[KEY] = list(clusters)
    found: dict[str, Any] = collect({"t": made}, {}, bootstrap_iters=iters)["statistics"]["t"]["score,none"]
    return found


def t_of(values: Sequence[float]) -> Any:
    return stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))


def test_a_share_of_right_docs() -> None:
    assert entry(mean, [1, 0, 1, 1]) == {
        "n": 4,
        "lost": 0,
        "interval": list(wilson(3, 4)),
        "method": "wilson",
        "level": 0.95,
    }


def test_another_mean() -> None:
    values = [0.5, 0.7, 0.1]
    found = entry(mean, values)
    assert (found["method"], found["interval"]) == ("t", pytest.approx(list(t_of(values))))


def test_lost_docs_are_counted_and_give_bounds_of_the_score() -> None:
    found = entry(mean, [1, 0, 1], errors={"timeout": 1, "rejected": 2})
    assert (found["n"], found["lost"], found["bounds"]) == (3, 3, [2 / 6, 5 / 6])


def test_lost_docs_give_no_bounds_for_other_means() -> None:
    assert "bounds" not in entry(mean, [1.5, 0, 1], errors={"timeout": 1})


def test_equal_values_other_than_trials_have_no_interval() -> None:
    assert entry(mean, [0.5, 0.5]) == {"n": 2, "lost": 0}


def test_perplexity_uses_the_interval_of_the_mean_log_likelihood() -> None:
    values = [-1.0, -2.5, -0.5, -3.0]
    low, high = t_of(values)
    assert entry(perplexity, values)["interval"] == pytest.approx([math.exp(-high), math.exp(-low)])


def test_log_likelihoods_are_not_trials() -> None:
    assert entry(perplexity, [0.0, 0.0, 0.0]) == {"n": 3, "lost": 0}


def test_brier_scores_are_a_mean() -> None:
    values = [(0, [0.7, 0.3]), (1, [0.6, 0.4]), (1, [0.1, 0.9])]
    assert entry(brier_score, values)["interval"] == pytest.approx(list(t_of([0.18, 0.72, 0.02])))


def test_nanmean_leaves_out_nan() -> None:
    assert entry(nanmean, [1.0, math.nan, 2.5, 2.0])["interval"] == pytest.approx(list(t_of([1.0, 2.5, 2.0])))


def test_ratios_of_texts_of_one_length_have_the_interval_of_a_mean() -> None:
    low, high = t_of([-1.0, -2.5, -1.5])
    values = [(-10.0, 10), (-25.0, 10), (-15.0, 10)]
    assert entry(weighted_perplexity, values)["interval"] == pytest.approx([math.exp(-high), math.exp(-low)])
    assert entry(bits_per_byte, values)["interval"] == pytest.approx([-high / math.log(2), -low / math.log(2)])


@pytest.mark.parametrize("aggregation", [weighted_perplexity, bits_per_byte])
def test_the_interval_of_a_ratio_covers(aggregation: Callable[..., float]) -> None:
    rng = np.random.default_rng(7)
    hits = 0
    # A word has 2 nats on average, more in some texts than in others.
    true = {weighted_perplexity: math.exp(2), bits_per_byte: 2 / math.log(2)}[aggregation]
    for _ in range(1000):
        words = rng.integers(20, 400, size=60)
        values = list(zip((-words * rng.gamma(8, 1 / 4, size=60)).tolist(), words.tolist(), strict=True))
        low, high = entry(aggregation, values, iters=0)["interval"]
        hits += low <= true <= high
    assert 0.93 <= hits / 1000 <= 0.97


@pytest.mark.parametrize(
    ("aggregation", "values"),
    [(f1_score, [(0, 0), (1, 1), (1, 0), (0, 0), (1, 1), (0, 1)] * 5), (median, list(range(40)))],
)
def test_other_scores_are_bootstrapped(aggregation: Callable[..., Any], values: list[Any]) -> None:
    found = entry(aggregation, values)
    low, high = found["interval"]
    assert (found["method"], low < aggregation(values) < high) == ("bootstrap", True)


@pytest.mark.parametrize("aggregation", [f1_score, median])
def test_the_same_values_give_the_same_interval(aggregation: Callable[..., Any]) -> None:
    values: list[Any] = [(0, 0), (1, 1), (1, 0)] * 5 if aggregation is f1_score else [1.0, 2.0, 4.0]
    assert entry(aggregation, values) == entry(aggregation, values)


def test_corpus_scores_use_their_standard_error() -> None:
    pytest.importorskip("sacrebleu")
    texts = ["the cat sat on the mat", "a dog ran over the hill today", "birds sing at dawn every day"]
    values = [(text, text.replace("the", "a") + " now") for text in texts]
    made = output("t", {KEY: values}, aggregations={"score": bleu}, better={"score": True})
    results = collect({"t": made}, {}, bootstrap_iters=1000)
    score, stderr = (results["results"]["t"][key] for key in ("score,none", "score_stderr,none"))
    found = results["statistics"]["t"]["score,none"]
    assert (found["method"], found["interval"]) == ("t", pytest.approx(list(stats.t.interval(0.95, 2, score, stderr))))


def multirc(*judged: bool) -> list[tuple[bool, dict[str, Any]]]:
    """Two answers to each question; the second one is right."""
    docs = [{"idx": {"paragraph": 0, "question": number}, "label": 1} for number in range(len(judged))]
    return [pair for doc, right in zip(docs, judged, strict=True) for pair in ((right, doc), (True, doc))]


def test_acc_all_is_a_share_of_questions() -> None:
    found = entry(acc_all, multirc(*[True] * 9, False), errors={"timeout": 1})
    assert (found["method"], found["interval"]) == ("wilson", list(wilson(9, 10)))
    assert "bounds" not in found, "lost docs are no lost questions"


def test_without_resamples_closed_forms_stay() -> None:
    assert "interval" in entry(mean, [1, 0], iters=0)
    assert "interval" not in entry(f1_score, [(0, 0), (1, 1), (1, 0)] * 5, iters=0)


def test_a_function_of_the_task_has_no_interval() -> None:
    assert entry(lambda values: max(values), [1.0, 2.0]) == {"n": 2, "lost": 0}


def test_missing_scores_have_no_entry() -> None:
    broken = output("t", {KEY: [(0, 0), (1, 1), (2, 2)]}, aggregations={"score": f1_score})
    unscored = output("u", {("bypass", "none"): [999]}, aggregations={"bypass": bypass_agg})
    lost = output("v", {}, n_effective=0, errors={"timeout": 3})
    assert collect({"t": broken, "u": unscored, "v": lost}, {})["statistics"] == {}


def test_an_interval_that_fails_leaves_the_rest(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: Any, **options: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("lm_eval.results.uncertainty.interval_of", broken)
    with caplog.at_level(logging.WARNING, logger="lm_eval"):
        assert entry(mean, [1, 0]) == {"n": 2, "lost": 0}
    assert "has no interval: ZeroDivisionError" in caplog.text


VALUES, CLUSTERS = [1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0], list("aabbccdd")


def test_clusters_have_a_separate_standard_error() -> None:
    found = entry(mean, VALUES, clusters=CLUSTERS)
    stderr = clustered_stderr(VALUES, CLUSTERS)
    assert (found["method"], found["clusters"]) == ("clustered t", 4)
    assert found["stderr_clustered"] == stderr
    assert found["effective_n"] == pytest.approx(8 * (np.var(VALUES, ddof=1) / 8) / stderr**2)
    expected = stats.t.interval(0.95, 3, np.mean(VALUES), stderr)
    assert found["interval"] == pytest.approx([max(0, expected[0]), min(1, expected[1])])


def test_clusters_do_not_change_the_row() -> None:
    made = output("t", {KEY: VALUES}, aggregations={"score": mean})
    plain = collect({"t": made}, {})["results"]
    made.clusters[KEY] = CLUSTERS
    assert collect({"t": made}, {})["results"] == plain


def test_clusters_of_functions_of_a_mean() -> None:
    found = entry(perplexity, [-1.0, -1.1, -3.0, -3.3], clusters="aabb")
    assert (found["method"], "stderr_clustered" in found, found["effective_n"] < 4) == ("clustered t", False, True)


def test_resamples_consist_of_complete_clusters() -> None:
    values = [(0, 0), (0, 0), (1, 1), (1, 1), (1, 0), (1, 0), (0, 1), (0, 1)] * 5
    alone, together = entry(f1_score, values), entry(f1_score, values, clusters=[i // 2 for i in range(40)])
    widths = [found["interval"][1] - found["interval"][0] for found in (alone, together)]
    assert widths[1] > 1.2 * widths[0]


def test_a_median_of_clusters_has_no_interval() -> None:
    assert entry(median, [1.0, 2.0, 3.0], clusters="aab") == {"n": 3, "lost": 0, "clusters": 2}


def grouped(members: dict[str, TaskOutput], **metric: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the row and the statistics of the score of a group."""
    made = group("g", *(member.task for member in members.values()), metrics=[{"metric": "acc", **metric}])
    results = collect(members, {"g": made})
    return results["results"]["g"], results["statistics"]["g"]["acc,none"]


ACC = ("acc", "none")


def test_the_interval_of_a_group_follows_from_its_standard_error() -> None:
    members = {"a": output("a", {ACC: [1, 0, 1, 0, 1]}), "b": output("b", {ACC: [0, 0, 1]}, errors={"timeout": 2})}
    row, found = grouped(members)
    expected = stats.t.interval(0.95, 8 - 2, row["acc,none"], row["acc_stderr,none"])
    assert (found["n"], found["lost"], found["method"]) == (8, 2, "t")
    assert found["interval"] == pytest.approx([max(0.0, expected[0]), min(1.0, expected[1])])


def test_an_unweighted_group_has_satterthwaite_degrees_of_freedom() -> None:
    a, b = [0.1, 0.9, 0.4, 0.4, 0.6], [0.2, 0.25, 0.3]
    row, found = grouped({"a": output("a", {ACC: a}), "b": output("b", {ACC: b})}, weight_by_size=False)
    welch = stats.ttest_ind(a, b, equal_var=False).df
    expected = stats.t.interval(0.95, welch, row["acc,none"], row["acc_stderr,none"])
    assert found["interval"] == pytest.approx(expected)


def test_a_group_with_only_right_docs_has_the_wilson_interval() -> None:
    _, found = grouped({"a": output("a", {ACC: [1, 1]}), "b": output("b", {ACC: [1, 1, 1]})})
    assert (found["method"], found["interval"]) == ("wilson", list(wilson(5, 5)))


def test_a_group_allows_for_the_clusters_of_its_tasks() -> None:
    members = {"a": output("a", {ACC: VALUES * 3}), "b": output("b", {ACC: [0.0, 1.0] * 10})}
    _, plain = grouped(members)
    members["a"].clusters[ACC] = CLUSTERS * 3
    _, found = grouped(members)
    assert (plain["method"], found["method"]) == ("t", "clustered t")
    assert found["interval"][0] < plain["interval"][0]


def test_a_group_with_a_task_of_one_cluster_has_no_interval() -> None:
    members = {"a": output("a", {ACC: [1, 0, 1]}), "b": output("b", {ACC: [0.0, 1.0] * 10})}
    members["a"].clusters[ACC] = ["x"] * 3
    _, found = grouped(members)
    assert found == {"n": 23, "lost": 0}


def test_a_group_without_a_standard_error_has_no_interval() -> None:
    _, found = grouped({"a": output("a", {ACC: [1]}), "b": output("b", {ACC: [1, 0]})})
    assert found == {"n": 3, "lost": 0}
