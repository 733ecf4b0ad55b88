"""The key ``scorer`` of a task file: how another model, the judge, scores the answers of a task."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from lm_eval.errors import ConfigError, did_you_mean

__all__ = ["Condition", "Criterion", "JudgeMetric", "ScorerSpec", "VerdictSpec", "read_criteria"]

Kind = Literal["labels", "scale", "boolean", "rubric", "pairwise"]
Read = Literal["auto", "text", "json", "choice"]
Reduce = Literal["mean", "median", "majority"]

AI_JUDGE = "ai_judge"
_KINDS: tuple[Kind, ...] = get_args(Kind)
_YES_NO = {"yes": 1.0, "no": 0.0}
_PAIRWISE = ("baseline", "labels", "weights")
_WINNERS = {"A": 1.0, "B": 0.0, "tie": 0.5}
_SHOWS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "rubric": (("answer", "conversation"), ("criterion",)),
    "pairwise": (("answer_a",), ("answer_b",)),
}
"""Kind of verdict to what its prompt must show: one name of each group."""
_VALUES = ("score", "label", "flip", "lengths", "weighted", "custom")
_CONDITION = re.compile(r"\s*([^\s<>=!]+)\s*(<=|>=|==|!=|<|>)\s*(-?\d+(?:\.\d+)?)\s*")
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """When a document is judged: if another metric of the task says so.

    Attributes:
        metric: The metric.
        sign: ``<``, ``<=``, ``>``, ``>=``, ``==`` or ``!=``.
        bound: The number that the value of the metric is compared with.
    """

    metric: str
    sign: str
    bound: float

    @classmethod
    def parse(cls, given: object) -> Condition:
        """Read a condition such as ``exact_match < 1``.

        Args:
            given: The text.

        Raises:
            ConfigError: It is no condition.
        """
        found = _CONDITION.fullmatch(given) if isinstance(given, str) else None
        if found is None:
            raise ConfigError(f"only_if is METRIC, a sign such as < and a number: exact_match < 1; not {given!r}.")
        return cls(found[1], found[2], float(found[3]))

    def holds(self, value: float) -> bool:
        """Whether a document with a value of the metric is judged.

        Args:
            value: The value.
        """
        return _OPERATORS[self.sign](value, self.bound)

    def __str__(self) -> str:
        return f"{self.metric} {self.sign} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion of a rubric.

    Attributes:
        text: What the judge decides on.
        points: What it counts if it is met; below 0 for something that the answer should not do.
        tags: Names to group criteria by.
    """

    text: str
    points: float = 1.0
    tags: tuple[str, ...] = ()


def read_criteria(given: object) -> list[Criterion]:
    """Read the criteria of a rubric, from a task file or a column of a document.

    Args:
        given: A list of texts, or of mappings with ``criterion``, ``points`` and ``tags``.

    Raises:
        ConfigError: It is no such list, it is empty, or no criterion has points above 0.
    """
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise ConfigError(f"a rubric is a list of criteria, not {str(given)[:60]!r}.")
    found = [_criterion(item) for item in given]
    if not any(criterion.points > 0 for criterion in found):
        raise ConfigError("a rubric needs a criterion with points above 0.")
    return found


def _criterion(given: object) -> Criterion:
    if isinstance(given, str):
        return Criterion(given)
    if not isinstance(given, Mapping) or not isinstance(given.get("criterion"), str):
        raise ConfigError(f"a criterion is a text, or a mapping with criterion and points, not {str(given)[:60]!r}.")
    points, tags = given.get("points", 1), given.get("tags") or ()
    tags = (tags,) if isinstance(tags, str) else tags
    return Criterion(given["criterion"], _number("points", points), tuple(map(str, tags)))


@dataclass(frozen=True, slots=True)
class VerdictSpec:
    """What a judge decides between.

    Attributes:
        kind: ``labels``, ``scale``, ``boolean``, ``rubric`` or ``pairwise``.
        labels: Label to score, in the order of the task file; empty for a scale. The labels of a rubric are about one
            criterion; those of ``pairwise`` score the answer that is shown first.
        low: The lowest number of a scale.
        high: The highest number of a scale.
        rubric: The criteria, or the name of the column that holds those of a document.
        baseline: Column or template of the answer to compare with; None when a run with saved answers is given.
        weights: Label to how often a verdict with it counts in the value ``weighted``, of ``pairwise``. Default: 1.
    """

    kind: Kind
    labels: Mapping[str, float] = field(default_factory=dict)
    low: float = 0.0
    high: float = 1.0
    rubric: str | tuple[Criterion, ...] | None = None
    baseline: str | None = None
    weights: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def parse(cls, given: object) -> VerdictSpec:
        """Read ``verdict``.

        Args:
            given: ``boolean``; labels with scores; or a mapping of ``scale``, ``labels``, ``rubric`` or ``pairwise``
                to its value.

        Raises:
            ConfigError: It is none of these.
        """
        if given == "boolean":
            return cls("boolean", _YES_NO)
        if not isinstance(given, Mapping) or not given:
            near = did_you_mean(str(given), _KINDS)
            raise ConfigError(f"verdict is boolean, labels with scores, or a mapping, not {str(given)[:60]!r}.{near}")
        kind = next(iter(given))
        if len(given) == 1 and kind in _KINDS:
            return cls._of_kind(kind, given[kind])
        if len(given) == 1:
            near = did_you_mean(str(kind), _KINDS)
            raise ConfigError(f"verdict has one label only, {kind!r}; a judge decides between two at least.{near}")
        return cls("labels", _labels(given))

    @classmethod
    def _of_kind(cls, kind: Kind, value: object) -> VerdictSpec:
        if kind == "labels":
            return cls("labels", _labels(value))
        if kind == "boolean":
            return cls("boolean", _YES_NO)
        if kind == "scale":
            if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
                raise ConfigError(f"verdict: scale is two numbers, such as [1, 10], not {value!r}.")
            low, high = (_number("scale", end) for end in value)
            if low >= high:
                raise ConfigError(f"verdict: scale [{low:g}, {high:g}] does not rise.")
            return cls("scale", low=low, high=high)
        if kind == "rubric":
            column = isinstance(value, str) and bool(value)
            return cls("rubric", _YES_NO, rubric=str(value) if column else tuple(read_criteria(value)))
        return cls._pairwise(value)

    @classmethod
    def _pairwise(cls, value: object) -> VerdictSpec:
        options = {"baseline": value} if isinstance(value, str) else value
        if value is None or value is True:
            options = {}
        if not isinstance(options, Mapping):
            raise ConfigError(f"verdict: pairwise is a column, a template or a mapping, not {value!r}.")
        for key in options:
            if key not in _PAIRWISE:
                near = did_you_mean(str(key), _PAIRWISE)
                raise ConfigError(f"verdict: pairwise has no key {key!r}.{near}")
        labels = _labels(options["labels"]) if "labels" in options else _WINNERS
        if any(not 0 <= score <= 1 for score in labels.values()):
            raise ConfigError("verdict: labels of pairwise are scores of the first answer, from 0 (lost) to 1 (won).")
        baseline = options.get("baseline")
        if baseline is not None and not isinstance(baseline, str):
            raise ConfigError(f"verdict: baseline is a column or a template, not {baseline!r}.")
        weights = {str(label): _number(str(label), weight) for label, weight in (options.get("weights") or {}).items()}
        for label, weight in weights.items():
            if label not in labels:
                near = did_you_mean(label, labels)
                raise ConfigError(f"verdict: weights has the label {label!r}, which no verdict has.{near}")
            if weight <= 0:
                raise ConfigError(f"verdict: the weight of {label!r} is above 0, not {weight:g}.")
        return cls("pairwise", labels, baseline=baseline, weights=weights)

    @property
    def range(self) -> tuple[float, float] | None:
        """The lowest and the highest score of a document; None for a rubric, where it depends on the document."""
        if self.kind == "rubric":
            return None
        return (min(self.labels.values()), max(self.labels.values())) if self.labels else (self.low, self.high)


@dataclass(frozen=True)
class JudgeMetric:
    """A metric that comes from verdicts.

    Attributes:
        metric: Its name in results.
        value: What a document counts: ``score``; ``label``, the text, for an aggregation of the task's own; ``flip``, 1
            where the order of two answers changed the verdict; ``lengths``, of ``pairwise`` the score and the lengths
            of both answers, for the aggregation ``length_controlled``; ``weighted``, of ``pairwise`` the scores of the
            verdicts times their weights and the weights, for the aggregation ``weighted_mean``; ``custom``, what
            ``process_verdict`` returns under the metric's name; or a mapping ``{label: NAME}``, the share of verdicts
            with that label.
        aggregation: Name of an aggregation, or a function of the values of all documents.
        higher_is_better: Whether more is better; None where neither is.
    """

    metric: str
    value: str | Mapping[str, str] = "score"
    aggregation: str | Callable[[Sequence[Any]], Any] = "mean"
    higher_is_better: bool | None = True

    @classmethod
    def parse(cls, given: object, verdict: VerdictSpec, custom: bool) -> JudgeMetric:
        """Read an entry of ``metrics``.

        Args:
            given: A name, or a mapping with the fields of this class.
            verdict: What the judge decides between.
            custom: Whether the task has ``process_verdict``.

        Raises:
            ConfigError: It is neither, or a field does not fit.
        """
        options = {"metric": given} if isinstance(given, str) else given
        if not isinstance(options, Mapping) or not isinstance(options.get("metric"), str):
            raise ConfigError(f"metrics: an entry is a name, or a mapping with metric, not {str(given)[:60]!r}.")
        _check_keys("metrics", options, [item.name for item in fields(cls)])
        found = cls(**{"value": "custom" if custom else "score", **options})
        label = found.value.get("label") if isinstance(found.value, Mapping) else None
        if label is not None and label not in verdict.labels:
            near = did_you_mean(str(label), verdict.labels)
            raise ConfigError(f"metrics: {found.metric} counts the label {label!r}, which no verdict has.{near}")
        if label is None and found.value not in _VALUES:
            raise ConfigError(f"metrics: value is {', '.join(_VALUES)} or {{label: NAME}}, not {found.value!r}.")
        if found.value in ("lengths", "weighted") and verdict.kind != "pairwise":
            raise ConfigError(f"metrics: {found.metric} compares two answers, so verdict must be pairwise.")
        if found.value == "custom" and not custom:
            raise ConfigError(f"metrics: {found.metric} is custom, and there is no process_verdict.")
        return found


@dataclass(frozen=True)
class ScorerSpec:
    """How a judge scores a task: the key ``scorer`` of a task file, checked."""

    verdict: VerdictSpec
    """What the judge decides between."""
    prompt: str | None = None
    """Template of the judge's prompt."""
    judge_template: str | None = None
    """A file with the template, instead of ``prompt``."""
    system: str | None = None
    """The judge's system message. Default: none but what fences need."""
    read: Read = "auto"
    """How a verdict is asked for and read: ``text``, ``json``, ``choice``, or ``auto``. Default: ``auto``."""
    pattern: str | None = None
    """Regular expression whose last match is the verdict, in its first group. Default: as the kind of verdict needs."""
    repeats: int = 1
    """Number of times that each judge is asked. Default: 1."""
    reduce: Reduce = "mean"
    """How repeats, and then judges, are combined: ``mean``, ``median`` or ``majority``. Default: ``mean``."""
    only_if: Condition | None = None
    """Judge only documents for which another metric says so. Default: judge all."""
    generation_kwargs: Mapping[str, object] = field(default_factory=dict)
    """Generation settings of the judge. Default: at most 2048 tokens; temperature 0, or 1 with several repeats."""
    metrics: tuple[JudgeMetric, ...] = (JudgeMetric("judge_score"),)
    """The metrics. Default: ``judge_score``, the mean of the scores."""
    process_verdict: Callable[..., Mapping[str, Any]] | None = None
    """Function of a document and its ``Judgement`` that returns the values of metrics."""

    @classmethod
    def parse(cls, given: object) -> ScorerSpec:
        """Read ``scorer`` of a task file.

        Args:
            given: Its value.

        Raises:
            ConfigError: A key is unknown or missing, or a value cannot be used.
        """
        if not isinstance(given, Mapping):
            raise ConfigError(f"scorer is a mapping, not {str(given)[:60]!r}.")
        known = ["type", *(item.name for item in fields(cls))]
        _check_keys("scorer", given, known)
        if given.get("type") != AI_JUDGE:
            near = did_you_mean(str(given.get("type")), (AI_JUDGE,))
            raise ConfigError(f"scorer: type is {AI_JUDGE}, not {given.get('type')!r}.{near}")
        if "verdict" not in given:
            raise ConfigError(f"scorer has no verdict; it is boolean, labels with scores, or one of {_KINDS}.")
        found = {key: value for key, value in given.items() if key != "type" and value is not None}
        found["verdict"] = verdict = VerdictSpec.parse(given["verdict"])
        _check_values(found)
        if "only_if" in found:
            found["only_if"] = Condition.parse(found["only_if"])
        custom = "process_verdict" in found
        listed = found.get("metrics", ["judge_score"])
        if not isinstance(listed, Sequence) or isinstance(listed, str) or not listed:
            raise ConfigError(f"scorer: metrics is a list, not {listed!r}.")
        found["metrics"] = tuple(JudgeMetric.parse(item, verdict, custom) for item in listed)
        spec = cls(**found)
        if (spec.prompt is None) == (spec.judge_template is None):
            raise ConfigError("scorer has one of prompt and judge_template.")
        if spec.prompt is not None:
            spec.check_prompt(spec.prompt)
        return spec

    def check_prompt(self, prompt: str) -> None:
        """Refuse a template that does not show what is judged.

        Args:
            prompt: The template.

        Raises:
            ConfigError: A name is missing.
        """
        for names in _SHOWS.get(self.verdict.kind, (("answer", "conversation"),)):
            if not any(re.search(rf"\b{name}\b", prompt) for name in names):
                wanted = " nor ".join(f"{{{{{name}}}}}" for name in names)
                raise ConfigError(f"scorer: the judge's prompt does not show {wanted}.")


def _check_keys(where: str, given: Mapping[str, object], known: Sequence[str]) -> None:
    for key in given:
        if key not in known:
            raise ConfigError(f"{where} has no key {key!r}.{did_you_mean(str(key), known)}")


def _check_values(given: Mapping[str, Any]) -> None:
    """Refuse values of a wrong kind."""
    for key in ("prompt", "judge_template", "system", "pattern"):
        if key in given and not isinstance(given[key], str):
            raise ConfigError(f"scorer: {key} is a text, not {given[key]!r}.")
    for key, options in (("read", get_args(Read)), ("reduce", get_args(Reduce))):
        if key in given and given[key] not in options:
            near = did_you_mean(str(given[key]), options)
            raise ConfigError(f"scorer: {key} is one of {', '.join(options)}, not {given[key]!r}.{near}")
    repeats = given.get("repeats", 1)
    if not isinstance(repeats, int) or isinstance(repeats, bool) or repeats < 1:
        raise ConfigError(f"scorer: repeats is a whole number from 1, not {repeats!r}.")
    if not isinstance(given.get("generation_kwargs", {}), Mapping):
        raise ConfigError(f"scorer: generation_kwargs is a mapping, not {given['generation_kwargs']!r}.")
    if "process_verdict" in given and not callable(given["process_verdict"]):
        raise ConfigError(f"scorer: process_verdict is a function, not {given['process_verdict']!r}.")
    if "pattern" in given:
        _check_pattern(given["pattern"])


def _check_pattern(pattern: str) -> None:
    try:
        groups = re.compile(pattern).groups
    except (re.error, OverflowError, RecursionError) as error:
        raise ConfigError(f"scorer: pattern {pattern!r} is no regular expression: {error}.") from None
    if groups != 1:
        raise ConfigError(f"scorer: pattern {pattern!r} needs one group, which holds the verdict; it has {groups}.")


def _labels(given: object) -> dict[str, float]:
    if not isinstance(given, Mapping) or len(given) < 2:
        raise ConfigError(f"verdict: labels are two labels with scores at least, not {given!r}.")
    if any(isinstance(label, bool) for label in given):
        raise ConfigError("verdict: YAML reads yes and no without quotes as true and false; use verdict: boolean.")
    return {str(label): _number(str(label), score) for label, score in given.items()}


def _number(name: str, given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise ConfigError(f"verdict: {name} is a number, not {given!r}.")
    return float(given)
