"""The metrics and aggregations that ship, registered by name; the numbers are computed in ``lm_eval.statistics``.

A metric gives one value per document, and an aggregation turns the values of a task into one number. Many metrics only
pass on the values that a task computes, such as ``(gold, predicted)``, for their aggregation to work on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from lm_eval.api.registry import register_aggregation, register_metric
from lm_eval.api.task_parts.tools import calls_are_right
from lm_eval.statistics.aggregations import (
    acc_all,
    aggregate_subtask_metrics,
    bits_per_byte,
    mean,
    median,
    nanmean,
    perplexity,
    pop_stddev,
    sample_stddev,
    weighted_mean,
    weighted_perplexity,
)
from lm_eval.statistics.classification import brier_score, f1_score, matthews_corrcoef
from lm_eval.statistics.corpus import bleu, chrf, chrfpp, ter
from lm_eval.statistics.exact_match import exact_match_hf_evaluate
from lm_eval.statistics.pairwise import length_controlled_rate
from lm_eval.statistics.stderr import (
    acc_all_stderr,
    bootstrap_stderr,
    combined_sample_stderr,
    mean_stderr,
    pooled_sample_stderr,
    stderr_for_metric,
    unweighted_mean_stderr,
)

__all__ = [
    "acc_all",
    "acc_all_stderr",
    "acc_bytes_fn",
    "acc_fn",
    "acc_mutual_info_fn",
    "acc_norm_fn",
    "aggregate_subtask_metrics",
    "bits_per_byte",
    "bits_per_byte_fn",
    "bleu",
    "bleu_fn",
    "bootstrap_stderr",
    "brier_score",
    "brier_score_fn",
    "bypass",
    "bypass_agg",
    "byte_perplexity_fn",
    "chrf",
    "chrf_fn",
    "chrfpp",
    "chrfpp_fn",
    "combined_sample_stderr",
    "exact_match_fn",
    "exact_match_hf_evaluate",
    "f1_fn",
    "f1_score",
    "is_non_str_iterable",
    "likelihood_fn",
    "matthews_corrcoef",
    "mcc_fn",
    "mean",
    "mean_stderr",
    "median",
    "metric_max_over_ground_truths",
    "nanmean",
    "perplexity",
    "perplexity_fn",
    "pooled_sample_stderr",
    "pop_stddev",
    "sample_stddev",
    "stderr_for_metric",
    "ter",
    "ter_fn",
    "unweighted_mean_stderr",
    "weighted_mean",
    "weighted_perplexity",
    "word_perplexity_fn",
]

T = TypeVar("T")
R = TypeVar("R")


@register_aggregation("bypass")
def bypass_agg(arr: object) -> int:
    """Return 999: the aggregation of runs that score nothing.

    Args:
        arr: Ignored.
    """
    return 999


_AGGREGATIONS: dict[str, Callable[..., object]] = {
    "mean": mean,
    "nanmean": nanmean,
    "median": median,
    "perplexity": perplexity,
    "weighted_perplexity": weighted_perplexity,
    "bits_per_byte": bits_per_byte,
    "f1": f1_score,
    "matthews_corrcoef": matthews_corrcoef,
    "brier_score": brier_score,
    "bleu": bleu,
    "chrf": chrf,
    "chrf++": chrfpp,
    "ter": ter,
    "length_controlled": length_controlled_rate,
    "weighted_mean": weighted_mean,
}
for _name, _function in _AGGREGATIONS.items():
    register_aggregation(_name)(_function)


def _pass_on(
    metric: str, aggregation: str, output_type: str | list[str], *, higher_is_better: bool = True
) -> Callable[[T], T]:
    """Register a metric whose values the task computes."""

    def metric_fn(items: T) -> T:
        return items

    metric_fn.__name__ = metric_fn.__qualname__ = f"{metric.replace('++', 'pp')}_fn"
    metric_fn.__doc__ = f"Return the value that a task computed for the metric {metric!r}."
    register_metric(metric=metric, aggregation=aggregation, output_type=output_type, higher_is_better=higher_is_better)(
        metric_fn
    )
    return metric_fn


_CHOICE = "multiple_choice"
_SCORED = ["loglikelihood", "multiple_choice"]
_ROLLING = "loglikelihood_rolling"
_GENERATED = "generate_until"

acc_fn = _pass_on("acc", "mean", _SCORED)
acc_norm_fn = _pass_on("acc_norm", "mean", _SCORED)
acc_bytes_fn = _pass_on("acc_bytes", "mean", _SCORED)
acc_mutual_info_fn = _pass_on("acc_mutual_info", "mean", _CHOICE)
likelihood_fn = _pass_on("likelihood", "mean", _CHOICE)
brier_score_fn = _pass_on("brier_score", "brier_score", _CHOICE, higher_is_better=False)
mcc_fn = _pass_on("mcc", "matthews_corrcoef", _CHOICE)
f1_fn = _pass_on("f1", "f1", _CHOICE)
perplexity_fn = _pass_on("perplexity", "perplexity", "loglikelihood", higher_is_better=False)
word_perplexity_fn = _pass_on("word_perplexity", "weighted_perplexity", _ROLLING, higher_is_better=False)
byte_perplexity_fn = _pass_on("byte_perplexity", "weighted_perplexity", _ROLLING, higher_is_better=False)
bits_per_byte_fn = _pass_on("bits_per_byte", "bits_per_byte", _ROLLING, higher_is_better=False)
bleu_fn = _pass_on("bleu", "bleu", _GENERATED)
chrf_fn = _pass_on("chrf", "chrf", _GENERATED)
chrfpp_fn = _pass_on("chrf++", "chrf++", _GENERATED)
ter_fn = _pass_on("ter", "ter", _GENERATED, higher_is_better=False)

register_metric(metric="acc_all", higher_is_better=True, output_type="loglikelihood", aggregation="mean")(acc_all)


exact_match_fn = register_metric(
    metric="exact_match", higher_is_better=True, output_type=_GENERATED, aggregation="mean"
)(exact_match_hf_evaluate)


@register_metric(
    metric="bypass",
    higher_is_better=True,
    output_type=["loglikelihood", "multiple_choice", "loglikelihood_rolling", "generate_until"],
    aggregation="bypass",
)
def bypass(items: object) -> None:
    """Score nothing, for runs that only collect responses.

    Args:
        items: Ignored.
    """


@register_metric(metric="tool_calls", higher_is_better=True, output_type=_GENERATED, aggregation="mean")
def tool_calls(
    references: Sequence[object],
    predictions: Sequence[object],
    tools: Sequence[Mapping[str, Any]] | None = None,
    ordered: bool = False,
) -> float:
    """Say whether a response calls exactly the tools that are asked for.

    Args:
        references: The list of calls that are asked for; ``"any"`` accepts any call.
        predictions: The response.
        tools: The tools of the document, whose parameters say the types of arguments.
        ordered: Whether the order of the calls counts.

    Returns:
        1.0 or 0.0; with several repeats, the mean over them.
    """
    gold, response = references[0], predictions[0]
    answers = response if isinstance(response, list) else [response]
    if not answers:
        return math.nan
    return math.fsum(calls_are_right(answer, gold, tools or (), ordered=ordered) for answer in answers) / len(answers)


def metric_max_over_ground_truths(
    metric_fn: Callable[[T, R], float], prediction: T, ground_truths: Iterable[R]
) -> float:
    """Score a prediction against each of several references and keep the best.

    Args:
        metric_fn: Called with (prediction, reference).
        prediction: The prediction.
        ground_truths: The references, at least one.

    Returns:
        The largest of the scores.
    """
    return max(metric_fn(prediction, ground_truth) for ground_truth in ground_truths)


def is_non_str_iterable(obj: object) -> bool:
    """Whether an object is a collection and not one text.

    Args:
        obj: The object.

    Returns:
        True for lists, tuples, arrays, …; False for text and for objects that cannot be iterated.
    """
    return isinstance(obj, Iterable) and not isinstance(obj, str)
