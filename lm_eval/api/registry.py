"""Registries of models, filters, metrics and aggregations, and the decorators that add to them.

An entry is an object, or a ``"module:attribute"`` string that is imported when it is first needed, so that the names
that ship are known without importing their modules. Other packages add names with the decorators, or through the entry
point groups ``lm_eval.models``, ``lm_eval.tasks``, ``lm_eval.filters`` and ``lm_eval.metrics``.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from lm_eval.api.evaluate_metrics import of_scikit_learn
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
    "aggregation_registry",
    "filter_registry",
    "freeze_all",
    "get_aggregation",
    "get_filter",
    "get_metric",
    "get_metric_aggregation",
    "get_model",
    "higher_is_better_registry",
    "is_higher_better",
    "metric_agg_registry",
    "metric_registry",
    "model_registry",
    "register_aggregation",
    "register_filter",
    "register_metric",
    "register_model",
]

eval_logger = logging.getLogger("lm_eval")
T = TypeVar("T")
D = TypeVar("D")
F = TypeVar("F", bound=Callable[..., object])
Aggregation = Callable[[Any], Any]
"""Turns the values of all documents into one number."""
_MISSING = object()


class Registry(Mapping[str, T], Generic[T]):
    """A mapping from names to objects, some of which are imported only when they are needed."""

    def __init__(
        self,
        kind: str,
        builtin: Mapping[str, str] | None = None,
        *,
        home: str | None = None,
        entry_points: str | None = None,
    ) -> None:
        """Start with the names that ship.

        Args:
            kind: What the names stand for, used in messages.
            builtin: Name to ``"module:attribute"``.
            home: A module whose import registers more names; imported when a name is first looked up.
            entry_points: The entry point group where other packages add names.
        """
        self.kind = kind
        self._entries: dict[str, object] = dict(builtin or {})
        self._home, self._group = home, entry_points
        self._registered: set[str] = set()
        self._frozen = False

    def load(self) -> None:
        """Import the ``home`` module, once."""
        home, self._home = self._home, None
        if home is not None:
            importlib.import_module(home)
            self._registered.clear()

    def _find(self, name: object = None) -> bool:
        """Whether a name is registered; looks in the home module, and among the entry points."""
        self.load()
        self._add_entry_points()
        return name in self._entries

    def _add_entry_points(self) -> None:
        """Add what other packages register, once: it wins over what ships, and loses to what the caller registers."""
        group, self._group = self._group, None
        if group is None:
            return
        from importlib.metadata import entry_points

        for point in entry_points(group=group):
            if point.name in self._registered:
                continue
            if point.name in self._entries:
                self._say_twice(point.name)
            self._entries[point.name] = point.value

    def _say_twice(self, name: str) -> None:
        eval_logger.warning("%s %r is registered twice; the later one is used", self.kind, name)

    def register(self, *names: str, target: object = None) -> Callable[[F], F]:
        """Return a decorator that registers its object under the names.

        Args:
            *names: The names; without one, the object's own. A later registration of the same name wins, with a
                warning.
            target: An object to register at once, or ``"module:attribute"``; the decorator is then of no use.

        Returns:
            The decorator, which returns its object unchanged.

        Raises:
            TypeError: The registry is frozen.
        """
        self.load()  # First, so that an entry that ships never replaces the caller's.
        if target is not None:
            self._add(names, target)

        def add(target: F) -> F:
            self._add(names or (getattr(target, "__name__", str(target)),), target)
            return target

        return add

    def _add(self, names: Iterable[str], target: object) -> None:
        if self._frozen:
            raise TypeError(f"The registry of {self.kind}s is frozen: nothing can be registered.")
        for name in names:
            known = self._entries.get(name)
            spelled = f"{getattr(target, '__module__', '')}:{getattr(target, '__qualname__', '')}"
            if known is not None and known is not target and known != spelled:
                self._say_twice(name)
            self._entries[name] = target
            self._registered.add(name)

    def freeze(self) -> None:
        """Refuse what is registered from now on."""
        self._frozen = True

    def __getitem__(self, name: str) -> T:
        if not self._find(name):
            raise UnknownNameError(self.kind, name, self._entries)
        entry = self._entries[name]
        if isinstance(entry, str):
            module, _, attribute = entry.partition(":")
            try:
                entry = importlib.import_module(module)
            except ImportError as error:
                raise MissingPackageError(f"{self.kind} {name!r} needs a package that is missing: {error}") from error
            for part in attribute.split("."):
                entry = getattr(entry, part)
            self._entries[name] = entry
        return cast("T", entry)

    @overload
    def get(self, name: str) -> T: ...
    @overload
    def get(self, name: str, default: T | D) -> T | D: ...
    def get(self, name: str, default: object = _MISSING) -> object:
        """Return what is registered under a name.

        Args:
            name: The name.
            default: The result for a name that is not registered.

        Raises:
            UnknownNameError: The name is not registered, and there is no default.
        """
        return self[name] if default is _MISSING or name in self else default

    def __iter__(self) -> Iterator[str]:
        self._find()
        return iter(self._entries)

    def __len__(self) -> int:
        self._find()
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return self._find(name)


_OPENAI = "lm_eval.models.openai_completions"
_METRICS = "lm_eval.api.metrics"
_EXTRACTION, _SELECTION, _TRANSFORMATION = (
    f"lm_eval.filters.{module}" for module in ("extraction", "selection", "transformation")
)

MODELS = {
    "local-completions": f"{_OPENAI}:LocalCompletionsAPI",
    "openai-completions": f"{_OPENAI}:OpenAICompletionsAPI",
    "local-chat-completions": f"{_OPENAI}:LocalChatCompletion",
    "openai-chat-completions": f"{_OPENAI}:OpenAIChatCompletion",
    "local-responses": "lm_eval.models.openai_responses:LocalResponses",
    "openai-responses": "lm_eval.models.openai_responses:OpenAIResponses",
    "dummy": "lm_eval.models.dummy:DummyLM",
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
METRIC_REGISTRY: Registry[Callable[..., Any]] = Registry("metric", home=_METRICS, entry_points="lm_eval.metrics")
AGGREGATION_REGISTRY: Registry[Aggregation] = Registry("aggregation", home=_METRICS)
METRIC_AGGREGATION_REGISTRY: dict[str, str | Aggregation] = {}
HIGHER_IS_BETTER_REGISTRY: dict[str, bool] = {}
DEFAULT_METRIC_REGISTRY: dict[str, list[str]] = {
    "loglikelihood": ["perplexity", "acc"],
    "loglikelihood_rolling": ["word_perplexity", "byte_perplexity", "bits_per_byte"],
    "multiple_choice": ["acc", "acc_norm"],
    "generate_until": ["exact_match"],
}

# The names that newer code imports.
model_registry = MODEL_REGISTRY
filter_registry = FILTER_REGISTRY
metric_registry = METRIC_REGISTRY
aggregation_registry = AGGREGATION_REGISTRY
metric_agg_registry = METRIC_AGGREGATION_REGISTRY
higher_is_better_registry = HIGHER_IS_BETTER_REGISTRY


def freeze_all() -> None:
    """Refuse models, filters, metrics and aggregations that are registered from now on."""
    for registry in (MODEL_REGISTRY, FILTER_REGISTRY, METRIC_REGISTRY, AGGREGATION_REGISTRY):
        registry.freeze()


def register_model(*names: str) -> Callable[[F], F]:
    """Register a subclass of ``LM``.

    Args:
        *names: The names that ``--model`` accepts for it.

    Returns:
        A class decorator.
    """
    return MODEL_REGISTRY.register(*names)


def get_model(model_name: str) -> type[LM]:
    """Look up a model class.

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
    """Register a subclass of ``Filter``.

    Args:
        name: Its name in the ``filter_list`` of a task file.

    Returns:
        A class decorator.
    """
    return FILTER_REGISTRY.register(name)


def get_filter(filter_name: str | Callable[..., Filter]) -> Callable[..., Filter]:
    """Look up a filter; a class or function is returned unchanged.

    Args:
        filter_name: A registered name, or the filter itself.

    Returns:
        The class, or a function that returns a filter.

    Raises:
        UnknownNameError: No filter has that name.
    """
    return filter_name if callable(filter_name) else FILTER_REGISTRY[filter_name]


def register_metric(
    *,
    metric: str,
    higher_is_better: bool | None = None,
    output_type: str | list[str] | None = None,
    aggregation: str | Aggregation | None = None,
) -> Callable[[F], F]:
    """Register a metric that scores one document.

    Args:
        metric: Its name.
        higher_is_better: Which way is better.
        output_type: The output types it is for; for information only.
        aggregation: Turns its values into one number: a registered name or a function.

    Returns:
        A function decorator.
    """

    def add(function: F) -> F:
        METRIC_REGISTRY.register(metric)(function)
        if _metrics_are_being_imported():  # What the caller has set in these mappings before stays.
            if higher_is_better is not None:
                HIGHER_IS_BETTER_REGISTRY.setdefault(metric, higher_is_better)
            if aggregation is not None:
                METRIC_AGGREGATION_REGISTRY.setdefault(metric, aggregation)
            return function
        if higher_is_better is not None:
            HIGHER_IS_BETTER_REGISTRY[metric] = higher_is_better
        if aggregation is not None:
            METRIC_AGGREGATION_REGISTRY[metric] = aggregation
        return function

    return add


def _metrics_are_being_imported() -> bool:
    spec = getattr(sys.modules.get(_METRICS), "__spec__", None)
    return bool(getattr(spec, "_initializing", False))


def register_aggregation(name: str) -> Callable[[F], F]:
    """Register an aggregation, which turns the values of all documents into one number.

    Args:
        name: Its name.

    Returns:
        A function decorator.
    """
    return AGGREGATION_REGISTRY.register(name)


def get_metric(name: str, hf_evaluate_metric: bool = False) -> Callable[..., Any]:
    """Look up a metric, in the registry and then in Hugging Face ``evaluate`` when that is installed.

    Args:
        name: Name of the metric.
        hf_evaluate_metric: Skip the registry.

    Returns:
        The function of the metric; ``compute`` of an ``evaluate`` metric, or the same of scikit-learn.

    Raises:
        UnknownNameError: The metric is in neither.
        MissingPackageError: ``hf_evaluate_metric`` is set, and neither scikit-learn nor ``evaluate`` gives it.
    """
    if not hf_evaluate_metric and name in METRIC_REGISTRY:
        return METRIC_REGISTRY[name]
    if hf_evaluate_metric and (own := of_scikit_learn(name)):
        return own
    try:
        evaluate = importlib.import_module("evaluate")
    except ImportError as error:
        if not hf_evaluate_metric:
            hint = "Metrics of Hugging Face 'evaluate' need that package: pip install evaluate."
            raise UnknownNameError("metric", name, METRIC_REGISTRY, hint) from None
        raise MissingPackageError(f"Metric {name!r} is one of the package 'evaluate': pip install evaluate") from error
    try:
        compute: Callable[..., Any] = evaluate.load(name).compute
        return compute
    except Exception as error:
        reason = " ".join(str(error).split())[:160]
        if hf_evaluate_metric:
            raise UnknownNameError("metric of Hugging Face 'evaluate'", name, (), f"It says: {reason}") from error
        hint = f"Hugging Face 'evaluate' has none either: {reason}"
        raise UnknownNameError("metric", name, METRIC_REGISTRY, hint) from error


def get_aggregation(name: str) -> Aggregation:
    """Look up an aggregation.

    Args:
        name: Its name.

    Returns:
        The function.

    Raises:
        UnknownNameError: No aggregation has that name.
    """
    return AGGREGATION_REGISTRY[name]


def get_metric_aggregation(name: str) -> Aggregation | None:
    """Return the aggregation that is registered for a metric.

    Args:
        name: Name of the metric.

    Returns:
        The function; None when none is registered.
    """
    METRIC_REGISTRY.load()
    aggregation = METRIC_AGGREGATION_REGISTRY.get(name)
    return AGGREGATION_REGISTRY[aggregation] if isinstance(aggregation, str) else aggregation


def is_higher_better(metric_name: str) -> bool | None:
    """Return whether higher values of a metric are better.

    Args:
        metric_name: Name of the metric.

    Returns:
        True, False, or None when it is not registered.
    """
    METRIC_REGISTRY.load()
    return HIGHER_IS_BETTER_REGISTRY.get(metric_name)
