from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from lm_eval.api.metrics import (
    acc_all,
    acc_all_stderr,
    bits_per_byte,
    bleu,
    bootstrap_stderr,
    combined_sample_stderr,
    f1_score,
    matthews_corrcoef,
    mean,
    mean_stderr,
    median,
    nanmean,
    perplexity,
    pooled_sample_stderr,
    stderr_for_metric,
    unweighted_mean_stderr,
    weighted_mean,
    weighted_perplexity,
)

RNG = random.Random(3)
LOGPROBS = [-abs(RNG.gauss(1, 1.5)) for _ in range(60)]
PAIRS = [(gold, gold if RNG.random() < 0.8 else 1 - gold) for gold in (int(RNG.random() < 0.4) for _ in range(60))]


def test_mean_stderr() -> None:
    assert mean_stderr([1, 2, 3, 4]) == pytest.approx(0.6454972243679028)


def test_group_standard_errors() -> None:
    assert pooled_sample_stderr([0.1, 0.2], [10, 20]) == pytest.approx(0.13844373104863458)
    assert unweighted_mean_stderr([0.1, 0.2]) == pytest.approx(0.1118033988749895)
    assert combined_sample_stderr([0.1, 0.2, 0.3], [10, 20, 7], [0.5, 0.6, 0.1]) == pytest.approx(0.26414719527455705)


@pytest.mark.parametrize("metric", [weighted_perplexity, bits_per_byte, len])
def test_some_scores_have_no_standard_error(metric: Callable[..., Any]) -> None:
    assert stderr_for_metric(metric, 100) is None


@pytest.mark.parametrize("metric", [mean, acc_all, median, f1_score, perplexity, bleu])
@pytest.mark.parametrize("iters", [0, None, -1])
def test_no_resamples_means_no_standard_errors(metric: Callable[..., Any], iters: int | None) -> None:
    assert stderr_for_metric(metric, iters) is None


def test_means_have_a_closed_form() -> None:
    assert stderr_for_metric(mean, 100) is mean_stderr
    assert stderr_for_metric(acc_all, 100) is acc_all_stderr


def _resampled(f: Callable[[Sequence[Any]], float], values: Sequence[Any], iters: int = 20_000) -> float:
    """Resample item by item, as the definition says."""
    rng = random.Random(1)
    scores = [f(rng.choices(values, k=len(values))) for _ in range(iters)]
    centre = sum(scores) / iters
    return math.sqrt(sum((score - centre) ** 2 for score in scores) / (iters - 1))


@pytest.mark.parametrize(
    ("f", "values"),
    [
        (perplexity, LOGPROBS),
        (median, LOGPROBS),
        (median, [1, 1, 2, 3, 8]),
        (nanmean, LOGPROBS),
        (nanmean, [value if place % 3 else math.nan for place, value in enumerate(LOGPROBS)]),
    ],
)
def test_fast_estimates_equal_the_limit_of_resampling(f: Callable[..., float], values: list[float]) -> None:
    assert bootstrap_stderr(f, values, 100_000) == pytest.approx(_resampled(f, values), rel=0.025)


@pytest.mark.parametrize("f", [f1_score, matthews_corrcoef])
def test_counts_are_resampled_as_items_are(f: Callable[..., float]) -> None:
    assert bootstrap_stderr(f, PAIRS, 50_000) == pytest.approx(_resampled(f, PAIRS, 4_000), rel=0.06)


def test_any_other_function_is_called_once_per_resample() -> None:
    calls = []

    def spread(values: Sequence[float]) -> float:
        calls.append(len(values))
        return max(values) - min(values)

    assert bootstrap_stderr(spread, LOGPROBS, 50) > 0
    assert calls == [60] * 50


@pytest.mark.parametrize("f", [f1_score, median])
def test_estimates_are_reproducible(f: Callable[..., float]) -> None:
    values: list[Any] = PAIRS if f is f1_score else LOGPROBS
    assert bootstrap_stderr(f, values, 1000) == bootstrap_stderr(f, values, 1000)


def test_an_f1_of_10000_docs_is_resampled_100000_times_within_5_seconds() -> None:
    rng = random.Random(1)
    pairs = [(rng.randrange(2), rng.randrange(2)) for _ in range(10_000)]
    started = time.perf_counter()
    bootstrap_stderr(f1_score, pairs, 100_000)
    assert time.perf_counter() - started < 5


def test_perplexities_no_float_can_hold_do_not_crash() -> None:
    assert bootstrap_stderr(perplexity, [-1e5, -2e5], 100) == math.inf


def test_the_error_of_a_weighted_mean_is_that_of_the_bootstrap() -> None:
    rng = random.Random(5)
    items = [[(weight := rng.choice([2, 4, 6])) * rng.choice([0, 0.5, 1]), weight] for _ in range(150)]
    compute = stderr_for_metric(weighted_mean, 1000)
    assert compute is not None
    assert compute(items) == pytest.approx(bootstrap_stderr(weighted_mean, items, 1000), rel=0.1)
