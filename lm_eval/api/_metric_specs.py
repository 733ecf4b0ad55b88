"""The metrics a task names, looked up."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lm_eval.api.registry import get_aggregation, get_metric, get_metric_aggregation, is_higher_better
from lm_eval.errors import ConfigError, TaskFileError
from lm_eval.statistics.repeats import OverRepeats

__all__ = ["CHOICE_METRICS", "MetricSpec", "resolve_metrics"]

eval_logger = logging.getLogger("lm_eval")

CHOICE_METRICS = frozenset(
    {
        "acc",
        "acc_norm",
        "acc_bytes",
        "acc_mutual_info",
        "exact_match",
        "f1",
        "mcc",
        "brier_score",
        "likelihood",
    }
)
# What an output type computes by itself; the metric's function is not called then.
_COMPUTED: dict[str, frozenset[str]] = {
    "multiple_choice": CHOICE_METRICS,
    "loglikelihood": frozenset({"perplexity", "acc"}),
    "loglikelihood_rolling": frozenset({"word_perplexity", "byte_perplexity", "bits_per_byte"}),
}
_NOT_OPTIONS = ("metric", "aggregation", "higher_is_better", "hf_evaluate", "over_repeats")


@dataclass(slots=True)
class MetricSpec:
    """A metric of a task.

    Attributes:
        name: Its name.
        function: Computes it for a doc; None when the output type or the task's ``process_results`` does.
        aggregation: Makes one number of the values.
        higher_is_better: Which way is better; None when nobody says.
        options: Arguments of the function.
        takes_items: The function takes one list ``[target, response]``, not ``references`` and ``predictions``.
        over_repeats: How the values of a doc's repeats are combined, each under a name of its own.
    """

    name: str
    function: Callable[..., Any] | None
    aggregation: Callable[[Any], Any] | None
    higher_is_better: bool | None = None
    options: dict[str, Any] = field(default_factory=dict)
    takes_items: bool = False
    over_repeats: tuple[OverRepeats, ...] = ()


def resolve_metrics(
    metric_list: Sequence[Any], *, task: str, output_type: str, computed_by_task: bool, repeats: int = 1
) -> list[MetricSpec]:
    """Look up the metrics a task names.

    Args:
        metric_list: Names, or mappings as in a task file.
        task: The task's name, for messages.
        output_type: The task's output type.
        computed_by_task: Whether ``process_results`` gives the values, so that only aggregations are needed.
        repeats: How often each request is asked.

    Returns:
        The metrics, in order; each combination over repeats is one, after the metric it is of.

    Raises:
        ConfigError: ``over_repeats`` cannot be done.
        UnknownNameError: A metric or an aggregation is not registered.
        TaskFileError: An entry names no metric.
    """
    computed = _COMPUTED.get(output_type, frozenset())
    specs = []
    for item in metric_list:
        entry = item if isinstance(item, Mapping) else {"metric": item}
        if "metric" not in entry:
            raise TaskFileError(f"task {task}: an entry without 'metric': {dict(entry)!r}", key="metric_list")
        metric = entry["metric"]
        if callable(metric):
            specs.append(_specify(metric.__name__, metric, entry, task))
        elif computed_by_task or metric in computed:
            specs.append(_specify(str(metric), None, entry, task))
        else:
            function = get_metric(str(metric), bool(entry.get("hf_evaluate", False)))
            specs.append(_specify(str(metric), function, entry, task))
        if entry.get("over_repeats"):
            specs += _over_repeats(specs[-1], entry["over_repeats"], task, output_type, repeats)
    return specs


def _over_repeats(spec: MetricSpec, written: Any, task: str, output_type: str, repeats: int) -> list[MetricSpec]:
    """Tell a metric how the repeats are combined, and make the metrics that result."""
    if output_type != "generate_until":
        raise ConfigError(f"Task {task}, {spec.name}: over_repeats is for generated answers, not for {output_type}.")
    if spec.aggregation is not get_aggregation("mean"):
        raise ConfigError(f"Task {task}, {spec.name}: over_repeats needs a metric that is aggregated by mean.")
    try:
        found = [
            OverRepeats.parse(item, repeats) for item in (written if isinstance(written, (list, tuple)) else [written])
        ]
    except ConfigError as error:
        raise ConfigError(f"Task {task}, {spec.name}, {error}") from None
    spec.over_repeats = tuple(dict.fromkeys(found))
    return [
        MetricSpec(f"{spec.name}_{how.name}", None, spec.aggregation, spec.higher_is_better)
        for how in spec.over_repeats
    ]


def _specify(name: str, function: Callable[..., Any] | None, entry: Mapping[str, Any], task: str) -> MetricSpec:
    aggregation = entry.get("aggregation")
    if isinstance(aggregation, str):
        aggregation = get_aggregation(aggregation)
    elif aggregation is None:
        aggregation = get_metric_aggregation(name)
        if aggregation is None:
            eval_logger.warning("Task %s: metric %s has no aggregation; its values are averaged", task, name)
            aggregation = get_aggregation("mean")
    better = entry.get("higher_is_better")
    if better is None:
        better = is_higher_better(name)
    options = {key: value for key, value in entry.items() if key not in _NOT_OPTIONS}
    return MetricSpec(name, function, aggregation, better, options, _takes_items(function, options))


def _takes_items(function: Callable[..., Any] | None, options: Mapping[str, Any]) -> bool:
    """Tell by a metric's signature whether it takes one list of target and response."""
    if function is None:
        return False
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return False
    try:
        signature.bind(references=None, predictions=None, **options)
    except TypeError:
        # With both names there, it is an option that does not fit: calling it says which.
        return not {"references", "predictions"} <= set(signature.parameters)
    return False
