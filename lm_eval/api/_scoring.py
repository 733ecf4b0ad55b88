"""From a doc's filtered responses to its metric values, for each output type."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval.api._metric_specs import MetricSpec

__all__ = [
    "score_choices",
    "score_generation",
    "score_loglikelihood",
    "score_rolling",
    "text_sizes",
]

eval_logger = logging.getLogger("lm_eval")


def text_sizes(text: str) -> tuple[int, int]:
    r"""Count the words and the UTF-8 bytes of a text.

    Args:
        text: The text.

    Returns:
        ``len(re.split(r"\s+", text))`` and the number of bytes.
    """
    return len(re.split(r"\s+", text)), len(text.encode("utf-8"))


def score_loglikelihood(wanted: Mapping[str, MetricSpec], result: tuple[float, bool]) -> dict[str, Any]:
    """Score the log-likelihood of a target.

    Args:
        wanted: The task's metrics by name.
        result: The log-likelihood, and whether greedy decoding gives the target.
    """
    loglikelihood, greedy = result
    values = {"perplexity": loglikelihood, "acc": int(greedy)}
    return {name: value for name, value in values.items() if name in wanted}


def score_rolling(wanted: Mapping[str, MetricSpec], loglikelihood: float, text: str) -> dict[str, Any]:
    """Score the log-likelihood of a whole text, with the size it is to be divided by.

    Args:
        wanted: The task's metrics by name.
        loglikelihood: Of the text.
        text: The text.
    """
    words, size = text_sizes(text)
    values = {
        "word_perplexity": (loglikelihood, words),
        "byte_perplexity": (loglikelihood, size),
        "bits_per_byte": (loglikelihood, size),
    }
    return {name: value for name, value in values.items() if name in wanted}


def _first_max(values: Sequence[float]) -> int:
    """Return the place of the greatest value, the first of equal ones; NaN counts as greatest, as in numpy."""
    best = 0
    for index, value in enumerate(values):
        if math.isnan(value):
            return index
        if value > values[best]:
            best = index
    return best


def _gold_indices(gold: Any, choices: Sequence[Any]) -> list[int]:
    """Return the places of the gold choices; what is none of them becomes -100."""
    if isinstance(gold, (list, tuple)):
        return [index for item in gold for index in _gold_indices(item, choices)]
    index = gold
    if isinstance(gold, str):
        index = choices.index(gold) if gold in choices else -100
    return [index if isinstance(index, int) and index < len(choices) else -100]


def score_choices(
    wanted: Mapping[str, MetricSpec],
    results: Sequence[tuple[float, bool]],
    choices: Sequence[str],
    gold: Any,
    unconditional: Sequence[float] | None = None,
) -> dict[str, Any]:
    """Score a multiple choice doc.

    Args:
        wanted: The task's metrics by name.
        results: Log-likelihood and greediness of each choice.
        choices: The choices' texts.
        gold: The gold choice: its place, its text, or a list of either, any of which counts.
        unconditional: Log-likelihood of each choice without the prompt, for ``acc_mutual_info``.

    Returns:
        Metric name to value.
    """
    lls = [result[0] for result in results]
    golds = _gold_indices(gold, choices)
    several = isinstance(gold, (list, tuple))
    if not golds or all(index == -100 for index in golds):
        eval_logger.warning("A doc's gold %r is none of its %d choices; it scores 0", gold, len(choices))
    first = golds if several else golds[0]
    chosen = _first_max(lls)
    values: dict[str, Any] = {}
    if "acc" in wanted:
        values["acc"] = float(chosen in golds)
    if "f1" in wanted:
        values["f1"] = (first, chosen)
    if "mcc" in wanted:
        values["mcc"] = (first, chosen)
    if "acc_norm" in wanted:
        values["acc_norm"] = float(_first_max(_per_size(lls, [len(choice) for choice in choices])) in golds)
    if "acc_bytes" in wanted:
        sizes = [len(choice.encode("utf-8")) for choice in choices]
        values["acc_bytes"] = float(_first_max(_per_size(lls, sizes)) in golds)
    if "exact_match" in wanted:
        values["exact_match"] = int(any(index != -100 and bool(results[index][1]) for index in golds))
    if "brier_score" in wanted:
        values["brier_score"] = (first, _softmax(lls))
    if "likelihood" in wanted:
        values["likelihood"] = (first, lls)
    if "acc_mutual_info" in wanted and unconditional is not None:
        gains = [ll - alone for ll, alone in zip(lls, unconditional, strict=True)]
        values["acc_mutual_info"] = float(_first_max(gains) in golds)
    return values


def _per_size(lls: Sequence[float], sizes: Sequence[int]) -> list[float]:
    """Divide log-likelihoods by sizes; an empty choice can never win."""
    return [ll / size if size else -math.inf for ll, size in zip(lls, sizes, strict=True)]


def _softmax(lls: Sequence[float]) -> list[float]:
    top = max(lls)
    powers = [math.exp(ll - top) for ll in lls]
    total = sum(powers)
    return [power / total for power in powers]


def score_generation(wanted: dict[str, MetricSpec], response: Any, gold: Any, several: bool) -> dict[str, Any]:
    """Score a generated text.

    Args:
        wanted: The task's metrics by name; one that gives several adds them, with its own aggregation.
        response: What the filters left: a text, or a list when repeats are kept.
        gold: The target, or the targets.
        several: Whether ``gold`` is a list of targets, any of which counts.

    Returns:
        Metric name to value; a metric that returns a dict gives several.
    """
    values: dict[str, Any] = {}
    if not several and isinstance(response, str) and not isinstance(gold, str):
        gold = str(gold)
    for name, spec in list(wanted.items()):
        if spec.function is None:
            continue
        result = _against_any(spec, response, gold) if several else _call(spec, [gold], [response])
        if not isinstance(result, Mapping):
            values[name] = result
            continue
        for part, value in result.items():
            values[part] = value
            if part not in wanted:
                wanted[part] = MetricSpec(part, None, spec.aggregation, spec.higher_is_better)
    return values


def _call(spec: MetricSpec, references: list[Any], predictions: list[Any]) -> Any:
    """Call a metric as it wants to be called."""
    assert spec.function is not None
    if spec.takes_items:
        return spec.function([references[0], predictions[0]])
    return spec.function(references=references, predictions=predictions, **spec.options)


def _against_any(spec: MetricSpec, response: Any, golds: Any) -> float:
    """Score 1.0 when the metric holds for any target."""
    for gold in golds if isinstance(golds, (list, tuple)) else [golds]:
        result = _call(spec, [gold], [response])
        if isinstance(result, Mapping):
            result = result.get(spec.name, 0.0)
        if result:
            return 1.0
    return 0.0
