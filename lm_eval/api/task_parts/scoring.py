"""The metrics of a task: looked up in the registry, and applied to the filtered responses of a document."""

from __future__ import annotations

import inspect
import logging
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, SupportsFloat

from lm_eval.api.registry import (
    DEFAULT_METRIC_REGISTRY,
    Aggregation,
    get_aggregation,
    get_metric,
    get_metric_aggregation,
    is_higher_better,
)
from lm_eval.api.result_keys import MUTUAL_INFORMATION
from lm_eval.config.scorer import JudgeMetric, ScorerSpec
from lm_eval.config.task import TaskConfig, compiled
from lm_eval.errors import ConfigError, TaskFileError, did_you_mean
from lm_eval.statistics.repeats import OverRepeats

__all__ = ["MetricSpec", "Metrics", "text_sizes"]

eval_logger = logging.getLogger("lm_eval")

# Metrics that an output type computes by itself; the registered function is not called for these.
_COMPUTED: dict[str, frozenset[str]] = {
    "multiple_choice": frozenset(
        ["acc", "acc_norm", "acc_bytes", "acc_mutual_info", "exact_match", "f1", "mcc", "brier_score", "likelihood"]
    ),
    "loglikelihood": frozenset({"perplexity", "acc"}),
    "loglikelihood_rolling": frozenset({"word_perplexity", "byte_perplexity", "bits_per_byte"}),
}
_NOT_OPTIONS = ("metric", "aggregation", "higher_is_better", "hf_evaluate", "over_repeats")


@dataclass(slots=True)
class MetricSpec:
    """A metric of a task.

    Attributes:
        name: Name in the results.
        function: Computes the value of one document; None when the output type or ``process_results`` does.
        aggregation: Turns the values of all documents into one number.
        higher_is_better: Which way is better; None when unknown.
        options: Keyword arguments of the function.
        takes_items: Whether the function takes one list ``[target, response]`` instead of ``references`` and
            ``predictions``.
        over_repeats: How the values of the repeats of a document are combined, each under a separate name.
    """

    name: str
    function: Callable[..., object] | None = None
    aggregation: Aggregation | None = None
    higher_is_better: bool | None = None
    options: dict[str, object] = field(default_factory=dict)
    takes_items: bool = False
    over_repeats: tuple[OverRepeats, ...] = ()


class Metrics(dict[str, MetricSpec]):
    """The metrics of one task by name, with the scoring of each output type.

    Attributes:
        parts: The values that metrics gave in addition to their own: name to the metric's name.
        partial: Metric to the first value other than 0 and 1 that it gave where only 0 and 1 count.
    """

    def __init__(self, specs: Mapping[str, MetricSpec]) -> None:
        """Set the metrics.

        Args:
            specs: Name to metric.
        """
        super().__init__(specs)
        self.parts: dict[str, str] = {}
        self.partial: dict[str, float] = {}

    def notes(self) -> list[str]:
        """Return a sentence for each metric that gave a value other than 0 and 1 where only 0 and 1 count."""
        return [
            f"{name} gave {value:.4g} for one of several targets, which counts as 1: with several targets, any value"
            " but 0 does, as in the reference harness"
            for name, value in self.partial.items()
        ]

    def add_part(self, part: str, spec: MetricSpec) -> None:
        """Add a value that a metric gives in addition to its own, as a metric with the same aggregation.

        Args:
            part: The name of the value.
            spec: The metric.
        """
        if part not in self:
            self[part] = MetricSpec(part, None, spec.aggregation, spec.higher_is_better)
            self.parts[part] = spec.name

    @classmethod
    def named(cls, *names: str) -> Metrics:
        """Return metrics that an output type computes by itself.

        Args:
            *names: Their names.
        """
        return cls(
            {name: MetricSpec(name, None, get_metric_aggregation(name), is_higher_better(name)) for name in names}
        )

    @classmethod
    def of_task(cls, config: TaskConfig) -> Metrics:
        """Look up the metrics that a config names, or the default ones of its output type.

        Args:
            config: The config of the task.

        Returns:
            The metrics in order. Each combination over repeats is a metric too, after the one it combines.

        Raises:
            ConfigError: ``over_repeats`` is not possible.
            UnknownNameError: A metric or an aggregation is not registered.
            TaskFileError: An entry names no metric.
        """
        listed = [] if config.metric_list is None and config.scorer is not None else config.metric_list
        specs: list[MetricSpec] = []
        for item in DEFAULT_METRIC_REGISTRY[config.output_type] if listed is None else listed:
            entry: Mapping[str, Any] = item if isinstance(item, Mapping) else {"metric": item}
            if "metric" not in entry:
                raise TaskFileError(
                    f"task {config.task}: an entry without 'metric': {dict(entry)!r}", key="metric_list"
                )
            spec = _look_up(entry, config)
            specs.append(spec)
            if entry.get("over_repeats"):
                specs += _combined(spec, entry["over_repeats"], config)
        if config.scorer is not None:
            specs += [_judged(metric) for metric in ScorerSpec.parse(config.scorer).metrics]
        return cls({spec.name: spec for spec in specs})

    def aggregation(self) -> dict[str, Aggregation]:
        """Return the aggregation of each metric."""
        return {name: spec.aggregation for name, spec in self.items() if spec.aggregation is not None}

    def higher_is_better(self) -> dict[str, bool | None]:
        """Return for each metric whether higher is better."""
        return {name: spec.higher_is_better for name, spec in self.items()}

    def over_repeats(self) -> dict[str, tuple[OverRepeats, ...]]:
        """Return how the repeats of a document are combined, for each metric that combines them."""
        return {name: spec.over_repeats for name, spec in self.items() if spec.over_repeats}

    def _wanted(self, values: Mapping[str, object]) -> dict[str, object]:
        return {name: value for name, value in values.items() if name in self}

    def score_loglikelihood(self, result: tuple[float, bool]) -> dict[str, object]:
        """Score the log-likelihood of a target.

        Args:
            result: The log-likelihood in nats, and whether greedy decoding gives the target.
        """
        loglikelihood, greedy = result
        return self._wanted({"perplexity": loglikelihood, "acc": int(greedy)})

    def score_rolling(self, loglikelihood: float, text: str) -> dict[str, object]:
        """Score the log-likelihood of a complete text, with the number of words or bytes to divide by.

        Args:
            loglikelihood: Log-likelihood of the text in nats.
            text: The text.
        """
        words, size = text_sizes(text)
        by_byte = (loglikelihood, size)
        return self._wanted(
            {"word_perplexity": (loglikelihood, words), "byte_perplexity": by_byte, "bits_per_byte": by_byte}
        )

    def score_choices(
        self,
        results: Sequence[tuple[float, bool]],
        choices: Sequence[str],
        gold: object,
        unconditional: Sequence[float] | None = None,
    ) -> dict[str, object]:
        """Score a multiple choice document.

        Args:
            results: Log-likelihood in nats and greediness of each choice.
            choices: Text of each choice.
            gold: The gold choice: its index, its text, or a list of either, any of which counts.
            unconditional: Log-likelihood of each choice without the prompt, for ``acc_mutual_info``.

        Returns:
            Metric name to value.
        """
        lls = [result[0] for result in results]
        golds = _gold_indices(gold, choices)
        if all(index == -100 for index in golds):
            eval_logger.warning("A doc's gold %r is none of its %d choices; it scores 0", gold, len(choices))
        first = golds if isinstance(gold, (list, tuple)) else golds[0]
        chosen = _first_max(lls)
        values: dict[str, object] = {}
        if "acc" in self:
            values["acc"] = float(chosen in golds)
        if "f1" in self:
            values["f1"] = (first, chosen)
        if "mcc" in self:
            values["mcc"] = (first, chosen)
        if "acc_norm" in self:
            values["acc_norm"] = float(_first_max(_per_size(lls, [len(choice) for choice in choices])) in golds)
        if "acc_bytes" in self:
            sizes = [len(choice.encode("utf-8")) for choice in choices]
            values["acc_bytes"] = float(_first_max(_per_size(lls, sizes)) in golds)
        if "exact_match" in self:
            values["exact_match"] = int(any(index != -100 and bool(results[index][1]) for index in golds))
        if "brier_score" in self:
            values["brier_score"] = (first, _softmax(lls))
        if "likelihood" in self:
            values["likelihood"] = (first, lls)
        if MUTUAL_INFORMATION in self and unconditional is not None:
            gains = [ll - alone for ll, alone in zip(lls, unconditional, strict=True)]
            values[MUTUAL_INFORMATION] = float(_first_max(gains) in golds)
        return values

    def score_calls(
        self, response: object, gold: object, tools: Sequence[Mapping[str, Any]] | None
    ) -> dict[str, object]:
        """Score an answer that may call tools.

        Args:
            response: ``{"content", "tool_calls"}``, or what the filters made of it.
            gold: The calls that are asked for.
            tools: The tools of the document; a metric gets them when its signature has ``tools``.

        Returns:
            Metric name to value, as of ``score_generation``.
        """
        return self._collected(lambda spec: _call(spec, gold, response, tools))

    def _against_any(self, spec: MetricSpec, response: object, golds: object) -> float:
        """Return 1.0 when the metric holds for any target."""
        for gold in golds if isinstance(golds, (list, tuple)) else [golds]:
            result = _call(spec, gold, response)
            if isinstance(result, Mapping):
                result = result.get(spec.name, 0.0)
            if result:
                if isinstance(result, SupportsFloat) and float(result) != 1.0:
                    self.partial.setdefault(spec.name, float(result))
                return 1.0
        return 0.0

    def score_generation(self, response: object, gold: object, multiple: bool) -> dict[str, object]:
        """Score a generated text.

        Args:
            response: The result of the filters: a text, or a list when repeats are kept.
            gold: The target, or the targets.
            multiple: Whether ``gold`` is a list of targets, any of which counts.

        Returns:
            Metric name to value. A metric that returns a dict gives several; each new name becomes a metric of the
            task, with the same aggregation.
        """
        return self._collected(
            lambda spec: self._against_any(spec, response, gold) if multiple else _call(spec, gold, response)
        )

    def _collected(self, value_of: Callable[[MetricSpec], object]) -> dict[str, object]:
        """Collect the values of all metrics that are functions, and take over the names that they add."""
        values: dict[str, object] = {}
        for name, spec in list(self.items()):
            if spec.function is None:
                continue
            result = value_of(spec)
            if not isinstance(result, Mapping):
                values[name] = result
                continue
            for part, value in result.items():
                values[part] = value
                self.add_part(part, spec)
        return values


def _judged(metric: JudgeMetric) -> MetricSpec:
    """Return a metric whose values come from a judge."""
    given = metric.aggregation
    aggregation = get_aggregation(given) if isinstance(given, str) else given
    return MetricSpec(metric.metric, None, aggregation, metric.higher_is_better)


def _look_up(entry: Mapping[str, Any], config: TaskConfig) -> MetricSpec:
    """Look up one entry of ``metric_list``."""
    metric = entry["metric"]
    name = metric.__name__ if callable(metric) else str(metric)
    function: Callable[..., object] | None = None
    if callable(metric):
        function = metric
    elif not callable(config.process_results) and metric not in _COMPUTED.get(config.output_type, ()):
        function = get_metric(name, bool(entry.get("hf_evaluate", False)))
    aggregation = entry.get("aggregation")
    if isinstance(aggregation, str):
        aggregation = get_aggregation(aggregation)
    elif aggregation is None:
        aggregation = get_metric_aggregation(name)
        if aggregation is None:
            eval_logger.warning("Task %s: metric %s has no aggregation; its values are averaged", config.task, name)
            aggregation = get_aggregation("mean")
    better = entry.get("higher_is_better")
    if better is None:
        better = is_higher_better(name)
    options = {key: value for key, value in entry.items() if key not in _NOT_OPTIONS}
    if not isinstance(better, bool | None):
        raise TaskFileError(
            f"task {config.task}, metric {name!r}: higher_is_better is true or false", key="metric_list"
        )
    spec = MetricSpec(name, function, aggregation, better, options, _takes_items(function, options))
    _check_options(spec, config)
    return spec


def _combined(spec: MetricSpec, written: object, config: TaskConfig) -> list[MetricSpec]:
    """Set how the repeats of a metric are combined, and return one metric for each combination."""
    where = f"Task {config.task}, {spec.name}"
    if config.output_type != "generate_until":
        raise ConfigError(f"{where}: over_repeats is for generated answers, not for {config.output_type}.")
    if spec.aggregation is not get_aggregation("mean"):
        raise ConfigError(f"{where}: over_repeats needs a metric that is aggregated by mean.")
    items = written if isinstance(written, (list, tuple)) else [written]
    try:
        spec.over_repeats = tuple(dict.fromkeys(OverRepeats.parse(item, config.repeats) for item in items))
    except ConfigError as error:
        raise ConfigError(f"{where}, {error}") from None
    return [
        MetricSpec(f"{spec.name}_{how.name}", None, spec.aggregation, spec.higher_is_better)
        for how in spec.over_repeats
    ]


def _takes_items(function: Callable[..., object] | None, options: Mapping[str, object]) -> bool:
    """Whether the signature of a metric takes one list of target and response."""
    if function is None:
        return False
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return False
    try:
        signature.bind(references=None, predictions=None, **options)
    except TypeError:
        return not {"references", "predictions"} <= set(signature.parameters)
    return False


def _check_options(spec: MetricSpec, config: TaskConfig) -> None:
    """Refuse options that a metric does not take, and patterns that are no regular expressions."""
    where = f"task {config.task}, metric {spec.name!r}"
    if spec.function is None or spec.takes_items:
        return
    try:
        parameters = inspect.signature(spec.function).parameters
    except (TypeError, ValueError):
        return
    unknown = [key for key in spec.options if key not in parameters]
    if unknown and not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        near = did_you_mean(unknown[0], parameters)
        raise TaskFileError(f"{where}: unknown option {unknown[0]!r}.{near}", key="metric_list")
    patterns = spec.options.get("regexes_to_ignore")
    try:
        for pattern in patterns if isinstance(patterns, list) else [patterns] if patterns else []:
            compiled("regexes_to_ignore", pattern)
    except ConfigError as error:
        raise TaskFileError(f"{where}: {error}", key="metric_list") from None


def as_type_of(response: object, gold: object) -> object:
    """Cast a target to the type of a response: a template gives a text, and a filter may map responses to numbers.

    Args:
        response: The result of the filters; a list, when repeats are kept, casts nothing.
        gold: The target.

    Returns:
        The target with the type of the response.

    Raises:
        ValueError: The target is not written as a value of that type.
    """
    if type(gold) is type(response) or isinstance(response, list):
        return gold
    make: Callable[[object], object] = type(response)
    return make(gold)


def _call(
    spec: MetricSpec, reference: object, prediction: object, tools: Sequence[Mapping[str, Any]] | None = None
) -> object:
    """Call a metric with the arguments that its signature takes."""
    assert spec.function is not None
    if spec.takes_items:
        return spec.function([reference, prediction])
    more: dict[str, object] = {}
    if tools is not None and "tools" in inspect.signature(spec.function).parameters:
        more["tools"] = tools
    return spec.function(references=[reference], predictions=[prediction], **spec.options, **more)


def text_sizes(text: str) -> tuple[int, int]:
    r"""Count the words and the UTF-8 bytes of a text.

    Args:
        text: The text.

    Returns:
        ``len(re.split(r"\s+", text))`` and the number of bytes.
    """
    return len(re.split(r"\s+", text)), len(text.encode("utf-8"))


def _first_max(values: Sequence[float]) -> int:
    """Return the index of the first greatest value; NaN counts as greatest, as in numpy."""
    best = 0
    for index, value in enumerate(values):
        if math.isnan(value):
            return index
        if value > values[best]:
            best = index
    return best


def _gold_indices(gold: object, choices: Sequence[str]) -> list[int]:
    """Return the index of each gold choice; -100 for a value that is none of the choices."""
    if isinstance(gold, (list, tuple)):
        return [index for item in gold for index in _gold_indices(item, choices)]
    index = gold
    if isinstance(gold, str):
        index = choices.index(gold) if gold in choices else -100
    return [index if isinstance(index, int) and index < len(choices) else -100]


def _per_size(lls: Sequence[float], sizes: Sequence[int]) -> list[float]:
    """Divide log-likelihoods by sizes; an empty choice gets minus infinity, so that it never wins."""
    return [ll / size if size else -math.inf for ll, size in zip(lls, sizes, strict=True)]


def _softmax(lls: Sequence[float]) -> list[float]:
    top = max(lls)
    powers = [math.exp(ll - top) for ll in lls]
    total = sum(powers)
    return [power / total for power in powers]
