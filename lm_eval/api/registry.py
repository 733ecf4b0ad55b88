"""Names for models, filters, metrics and aggregations, and how to add yours.

An entry is an object or a ``"module:attribute"`` string that is imported when it is first asked for;
so everything that ships has a name without being imported. Packages add theirs with the decorators,
or, without being imported first, through the entry point groups ``lm_eval.models``, ``lm_eval.tasks``,
``lm_eval.filters`` and ``lm_eval.metrics``.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from lm_eval.errors import MissingPackageError, UnknownNameError

if TYPE_CHECKING:
    from lm_eval.api.filter import Filter
    from lm_eval.api.model import LM

__all__ = [
    "AGGREGATION_REGISTRY",
    "DEFAULT_METRIC_REGISTRY",
    "FILTER_REGISTRY",
    "HIGHER_IS_BETTER_REGISTRY",
    "METRIC_AGGREGATION_REGISTRY",
    "METRIC_REGISTRY",
    "MODELS",
    "MODEL_REGISTRY",
    "Registry",
    "get_aggregation",
    "get_filter",
    "get_metric",
    "get_metric_aggregation",
    "get_model",
    "is_higher_better",
    "register_aggregation",
    "register_filter",
    "register_metric",
    "register_model",
]

eval_logger = logging.getLogger("lm_eval")
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class Registry(Mapping[str, T], Generic[T]):
    """A mapping from names to objects, some of which are imported only when asked for."""

    def __init__(self, kind: str, builtin: Mapping[str, str] | None = None, entry_points: str | None = None) -> None:
        """Start with the names that ship.

        Args:
            kind: What the names stand for, used in messages.
            builtin: Name to ``"module:attribute"``.
            entry_points: The entry point group other packages add names in.
        """
        self.kind = kind
        self._entries: dict[str, Any] = dict(builtin or {})
        self._group = entry_points

    def _scan(self) -> None:
        """Learn the names other packages declare, once."""
        group, self._group = self._group, None
        if group is None:
            return
        from importlib.metadata import entry_points

        for point in entry_points(group=group):
            self._entries.setdefault(point.name, point.value)

    def register(self, *names: str) -> Callable[[F], F]:
        """Return a decorator that registers its object under the names.

        Args:
            *names: The names; a later registration of the same name wins, with a warning.

        Returns:
            The decorator, which returns its object unchanged.
        """

        def add(target: F) -> F:
            for name in names:
                known = self._entries.get(name)
                spelled = f"{getattr(target, '__module__', '')}:{getattr(target, '__qualname__', '')}"
                if known is not None and known is not target and known != spelled:
                    eval_logger.warning("%s %r is registered twice; the later one is used", self.kind, name)
                self._entries[name] = target
            return target

        return add

    def __getitem__(self, name: str) -> T:
        if name not in self._entries:
            self._scan()
        try:
            entry = self._entries[name]
        except KeyError:
            raise UnknownNameError(self.kind, name, self._entries) from None
        if isinstance(entry, str):
            module, _, attribute = entry.partition(":")
            try:
                loaded: Any = importlib.import_module(module)
            except ImportError as error:
                raise MissingPackageError(f"{self.kind} {name!r} needs a package that is missing: {error}") from error
            for part in attribute.split("."):
                loaded = getattr(loaded, part)
            entry = self._entries[name] = loaded
        return cast("T", entry)

    def __iter__(self) -> Iterator[str]:
        self._scan()
        return iter(self._entries)

    def __len__(self) -> int:
        self._scan()
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        if name not in self._entries:
            self._scan()
        return name in self._entries


_EXTRACTION, _SELECTION, _TRANSFORMATION = (
    f"lm_eval.filters.{module}" for module in ("extraction", "selection", "transformation")
)
_OPENAI = "lm_eval.models.openai_completions"

MODELS = {
    "local-completions": f"{_OPENAI}:LocalCompletionsAPI",
    "openai-completions": f"{_OPENAI}:OpenAICompletionsAPI",
    "local-chat-completions": f"{_OPENAI}:LocalChatCompletion",
    "openai-chat-completions": f"{_OPENAI}:OpenAIChatCompletion",
}
"""Name to ``module:class`` of every model that ships."""

MODEL_REGISTRY: Registry[type[LM]] = Registry("model", MODELS, entry_points="lm_eval.models")
FILTER_REGISTRY: Registry[type[Filter]] = Registry(
    "filter",
    {
        "regex": f"{_EXTRACTION}:RegexFilter",
        "regex_pos": f"{_EXTRACTION}:POSFilter",
        "multi_choice_regex": f"{_EXTRACTION}:MultiChoiceRegexFilter",
        "remove_whitespace": f"{_EXTRACTION}:WhitespaceFilter",
        "take_first": f"{_SELECTION}:TakeFirstFilter",
        "take_first_k": f"{_SELECTION}:TakeKFilter",
        "majority_vote": f"{_SELECTION}:MajorityVoteFilter",
        "lowercase": f"{_TRANSFORMATION}:LowercaseFilter",
        "uppercase": f"{_TRANSFORMATION}:UppercaseFilter",
        "map": f"{_TRANSFORMATION}:MapFilter",
        "format_span": f"{_TRANSFORMATION}:SPANFilter",
        "custom": "lm_eval.filters.custom:CustomFilter",
    },
    entry_points="lm_eval.filters",
)
METRIC_REGISTRY: Registry[Callable[..., Any]] = Registry("metric", entry_points="lm_eval.metrics")
AGGREGATION_REGISTRY: Registry[Callable[[Any], Any]] = Registry("aggregation")
METRIC_AGGREGATION_REGISTRY: dict[str, str | Callable[..., Any]] = {}
HIGHER_IS_BETTER_REGISTRY: dict[str, bool] = {}
DEFAULT_METRIC_REGISTRY: dict[str, list[str]] = {
    "loglikelihood": ["perplexity", "acc"],
    "loglikelihood_rolling": ["word_perplexity", "byte_perplexity", "bits_per_byte"],
    "multiple_choice": ["acc", "acc_norm"],
    "generate_until": ["exact_match"],
}


def register_model(*names: str) -> Callable[[F], F]:
    """Register an ``LM`` subclass.

    Args:
        *names: The names ``--model`` accepts for it.

    Returns:
        A class decorator.
    """
    return MODEL_REGISTRY.register(*names)


def get_model(model_name: str) -> type[LM]:
    """Look a model class up.

    Args:
        model_name: A registered name.

    Returns:
        The class.

    Raises:
        UnknownNameError: No model has that name.
    """
    if model_name not in MODEL_REGISTRY:
        hint = "Models run behind an API here: serve yours, then use local-completions or local-chat-completions."
        raise UnknownNameError("model", model_name, MODEL_REGISTRY, hint)
    return MODEL_REGISTRY[model_name]


def register_filter(name: str) -> Callable[[F], F]:
    """Register a ``Filter`` subclass.

    Args:
        name: What a task's ``filter_list`` calls it.

    Returns:
        A class decorator.
    """
    return FILTER_REGISTRY.register(name)


def get_filter(filter_name: str | Callable[..., Filter]) -> Callable[..., Filter]:
    """Look a filter up; a class or function is returned as it is.

    Args:
        filter_name: A registered name, or the filter itself.

    Returns:
        What makes the filter.

    Raises:
        UnknownNameError: No filter has that name.
    """
    return filter_name if callable(filter_name) else FILTER_REGISTRY[filter_name]


def register_metric(
    *,
    metric: str,
    higher_is_better: bool | None = None,
    output_type: str | list[str] | None = None,
    aggregation: str | Callable[..., Any] | None = None,
) -> Callable[[F], F]:
    """Register a per-doc metric.

    Args:
        metric: Its name.
        higher_is_better: Which way is better.
        output_type: The output types it suits; kept for the reader.
        aggregation: How its values become one number: a registered name or a function.

    Returns:
        A function decorator.
    """

    def add(function: F) -> F:
        METRIC_REGISTRY.register(metric)(function)
        if higher_is_better is not None:
            HIGHER_IS_BETTER_REGISTRY[metric] = higher_is_better
        if aggregation is not None:
            METRIC_AGGREGATION_REGISTRY[metric] = aggregation
        return function

    return add


def register_aggregation(name: str) -> Callable[[F], F]:
    """Register an aggregation: a list of per-doc values to one number.

    Args:
        name: Its name.

    Returns:
        A function decorator.
    """
    return AGGREGATION_REGISTRY.register(name)


def _with_builtin_metrics() -> None:
    importlib.import_module("lm_eval.api.metrics")


def get_metric(name: str, hf_evaluate_metric: bool = False) -> Callable[..., Any]:
    """Look a metric up, in the registry and then in Hugging Face ``evaluate`` when that is installed.

    Args:
        name: The metric's name.
        hf_evaluate_metric: Skip the registry.

    Returns:
        The metric's function; an ``evaluate`` metric's ``compute``.

    Raises:
        UnknownNameError: Neither knows it.
        MissingPackageError: It is asked of ``evaluate``, which is not installed.
    """
    _with_builtin_metrics()
    if not hf_evaluate_metric and name in METRIC_REGISTRY:
        return METRIC_REGISTRY[name]
    try:
        evaluate = importlib.import_module("evaluate")
    except ImportError as error:
        if not hf_evaluate_metric:
            hint = "Metrics of Hugging Face 'evaluate' need that package: pip install evaluate."
            raise UnknownNameError("metric", name, METRIC_REGISTRY, hint) from None
        raise MissingPackageError(f"Metric {name!r} is one of the package 'evaluate': pip install evaluate") from error
    try:
        return cast("Callable[..., Any]", evaluate.load(name).compute)
    except Exception as error:
        hint = f"Hugging Face 'evaluate' has none either: {' '.join(str(error).split())[:160]}"
        raise UnknownNameError("metric", name, METRIC_REGISTRY, hint) from error


def get_aggregation(name: str) -> Callable[[Any], Any]:
    """Look an aggregation up.

    Args:
        name: Its name.

    Returns:
        The function.

    Raises:
        UnknownNameError: No aggregation has that name.
    """
    _with_builtin_metrics()
    return AGGREGATION_REGISTRY[name]


def get_metric_aggregation(name: str) -> Callable[[Any], Any] | None:
    """Return a metric's own aggregation.

    Args:
        name: The metric's name.

    Returns:
        The function, or None when the metric has none registered.
    """
    _with_builtin_metrics()
    aggregation = METRIC_AGGREGATION_REGISTRY.get(name)
    return AGGREGATION_REGISTRY[aggregation] if isinstance(aggregation, str) else aggregation


def is_higher_better(metric_name: str) -> bool | None:
    """Tell which way a metric is better.

    Args:
        metric_name: The metric's name.

    Returns:
        True, False, or None when it is not registered.
    """
    _with_builtin_metrics()
    return HIGHER_IS_BETTER_REGISTRY.get(metric_name)
