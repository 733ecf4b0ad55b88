"""The config of a task: the content of a task file, with defaults filled in."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass
from functools import lru_cache, partial
from typing import Any, ClassVar, Literal, get_args

from lm_eval.config.generation import check_settings
from lm_eval.config.scorer import ScorerSpec
from lm_eval.errors import ConfigError, did_you_mean
from lm_eval.text import shorten

__all__ = [
    "FEWSHOT_KEYS",
    "OUTPUT_TYPES",
    "TASK_KEYS",
    "FewshotConfig",
    "OutputType",
    "TaskConfig",
    "compiled",
    "plain_value",
]

OutputType = Literal["loglikelihood", "multiple_choice", "loglikelihood_rolling", "generate_until"]
OUTPUT_TYPES: tuple[OutputType, ...] = get_args(OutputType)
DEFAULT_MAX_GEN_TOKS = 256

DocFunction = Callable[..., Any]
"""A function of a task file, for example of a document."""
_SHARED_WITH_FEWSHOT = (
    "process_docs",
    "doc_to_text",
    "doc_to_choice",
    "doc_to_target",
    "gen_prefix",
    "fewshot_delimiter",
    "target_delimiter",
)


@lru_cache(maxsize=4096)
def _source(function: Callable[..., object]) -> str:
    """Return the source text of a function, or its name when there is none; the same in every run."""
    if isinstance(function, partial):
        given = [repr(value) for value in function.args] + [f"{k}={v!r}" for k, v in function.keywords.items()]
        return f"partial({', '.join([getattr(function.func, '__qualname__', repr(function.func)), *given])})"
    if not inspect.isclass(function):
        try:
            return inspect.getsource(function)
        except (OSError, TypeError):
            pass
    return f"{function.__module__}.{getattr(function, '__qualname__', type(function).__qualname__)}"


def plain_value(value: object, keep_callable: bool) -> Any:
    """Copy a config value.

    Args:
        value: The value.
        keep_callable: Keep functions; otherwise their source text replaces them.
    """
    if isinstance(value, dict):
        return {key: plain_value(item, keep_callable) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_value(item, keep_callable) for item in value]
    if callable(value) and not keep_callable:
        return _source(value)
    return value


_KINDS: dict[str, tuple[Any, str]] = {
    **dict.fromkeys(("repeats", "num_fewshot"), (int, "a whole number")),
    **dict.fromkeys(("metric_list", "filter_list"), (list, "a list")),
    **dict.fromkeys(("generation_kwargs", "dataset_kwargs", "fewshot_config", "metadata"), (Mapping, "a mapping")),
    **dict.fromkeys(
        ("training_split", "validation_split", "test_split", "fewshot_split"), (str, "the name of a split")
    ),
    **dict.fromkeys(("target_delimiter", "fewshot_delimiter"), (str, "a text")),
    **dict.fromkeys(("unsafe_code", "should_decontaminate", "fewshot_exclude_self"), (bool, "true or false")),
    **dict.fromkeys(("custom_dataset", "process_docs", "process_results"), (Callable, "a function")),
}
"""Keys of a task file whose value has one type."""


class _Keys(Mapping[str, Any]):
    """A dataclass whose fields can also be read and set as in a dict."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __getitem__(self, key: str) -> Any:
        if key not in self.__dataclass_fields__:
            raise KeyError(key)
        return getattr(self, key)

    def __setitem__(self, key: str, value: object) -> None:
        setattr(self, key, value)

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dataclass_fields__)

    def __len__(self) -> int:
        return len(self.__dataclass_fields__)


@dataclass
class FewshotConfig(_Keys):
    """Where few-shot examples come from and how they are written; an absent key takes the task's value."""

    sampler: str | type[Any] = "default"
    """``default`` (random), ``first_n``, or a subclass of ``ContextSampler``. Default: ``default``."""
    split: str | None = None
    """The split that holds the pool."""
    process_docs: DocFunction | None = None
    """Function that transforms a split."""
    fewshot_indices: list[int] | None = None
    """Indices of the only rows of the pool that may be examples. Default: all."""
    samples: list[dict[str, Any]] | Callable[[], list[dict[str, Any]]] | None = None
    """The pool, or a function that returns it; then no split is read."""
    doc_to_text: str | DocFunction | None = None
    """Question of an example."""
    doc_to_choice: str | DocFunction | dict[str, str] | list[str] | None = None
    """Choices of an example."""
    doc_to_target: str | int | list[object] | DocFunction | None = None
    """Answer of an example."""
    gen_prefix: str | None = None
    """Start of the answer of an example."""
    fewshot_delimiter: str | None = None
    """Text after an example."""
    target_delimiter: str | None = None
    """Text between question and answer of an example."""

    @classmethod
    def from_dict(cls, cfg: Mapping[str, Any], *, fewshot_split: str | None = None, **fallbacks: Any) -> FewshotConfig:
        """Build from the ``fewshot_config`` of a task file.

        Args:
            cfg: The mapping in the file.
            fewshot_split: The ``fewshot_split`` of the task.
            **fallbacks: The values of the task, for keys that are not in ``cfg``. A key that is there with null stays
                null: the pool is then not processed, for example, or has no ``gen_prefix``.

        Raises:
            ConfigError: A key is unknown.
        """
        unknown = [key for key in cfg if key not in FEWSHOT_KEYS]
        if unknown:
            raise ConfigError(f"Unknown key {unknown[0]!r} in fewshot_config.{did_you_mean(unknown[0], FEWSHOT_KEYS)}")
        return cls(**{"split": fewshot_split, **fallbacks, **cfg})


@dataclass
class TaskConfig(_Keys):
    """All keys of a task file, with their defaults."""

    task: str | None = None
    """Name of the task."""
    task_alias: str | None = None
    """Name in tables."""
    tag: str | list[str] | None = None
    """Names that select this task together with others."""
    custom_dataset: DocFunction | None = None
    """Function of the metadata and ``dataset_kwargs`` that returns ``{split: rows}``."""
    dataset_path: str | None = None
    """Id of the dataset on the Hub, a folder, or a format such as ``json``."""
    dataset_name: str | None = None
    """Config of the dataset."""
    dataset_kwargs: dict[str, Any] | None = None
    """Further arguments of ``datasets.load_dataset``."""
    training_split: str | None = None
    """Training split, a possible few-shot pool."""
    validation_split: str | None = None
    """Split to evaluate when there is no test split."""
    test_split: str | None = None
    """Split to evaluate."""
    fewshot_split: str | None = None
    """Split with the few-shot pool."""
    process_docs: DocFunction | None = None
    """Function that transforms a split, applied first."""
    doc_to_text: str | int | DocFunction | None = None
    """Question: a column, a template or a function."""
    doc_to_target: str | int | list[object] | DocFunction | None = None
    """Answer: a column, a template, an index, a list or a function."""
    doc_to_image: str | list[str] | DocFunction | None = None
    """Images of a document."""
    doc_to_audio: str | list[str] | DocFunction | None = None
    """Sounds of a document."""
    doc_to_video: str | list[str] | DocFunction | None = None
    """Videos of a document."""
    tools: str | list[Any] | DocFunction | None = None
    """Tools that the model may call: a column, a list or a function."""
    unsafe_code: bool = False
    """Whether scoring runs code that a model wrote. Default: false."""
    doc_to_choice: str | DocFunction | dict[str, str] | list[str] | None = None
    """Choices of a multiple choice document."""
    question: str | DocFunction | None = None
    """Question of a document without its choices, for prompt formats."""
    choices: str | DocFunction | list[str] | None = None
    """Texts of the choices of a document, for prompt formats."""
    gold: str | int | DocFunction | None = None
    """Index or indices of the right ones of ``choices``, for prompt formats. Default: what ``doc_to_target`` says."""
    formats: str | dict[str, Any] | None = None
    """Prompt format of the task: ``mcqa``, ``cloze``, ``generate`` or ``cot``, or a mapping with its fields."""
    process_results: DocFunction | None = None
    """Function of a document and its filtered responses that returns the values of the metrics."""
    scoring: Literal["processes"] | None = None
    """``processes``: filters and scoring treat each document alone, and run in several processes while the model
    answers. Default: in one process, once the model has answered."""
    use_prompt: str | None = None
    """Name of a promptsource prompt; not supported."""
    description: str = ""
    """Template of the text at the start of the prompt. Default: empty."""
    target_delimiter: str = " "
    """Text between question and answer. Default: a space."""
    fewshot_delimiter: str = "\n\n"
    """Text between few-shot examples. Default: an empty line."""
    fewshot_config: dict[str, Any] | FewshotConfig | None = None
    """Where few-shot examples come from and how they are written."""
    fewshot_exclude_self: bool | None = None
    """Whether the document that is asked about is never one of its examples; the task's name then ends in
    ``_exclude_self``. Default: only where the reference harness does so."""
    num_fewshot: int | None = None
    """Number of few-shot examples. Default: 0."""
    metric_list: list[object] | None = None
    """Metrics. Default: those of the output type; none for a task with ``scorer``."""
    scorer: dict[str, Any] | None = None
    """How another model, the judge, scores the answers."""
    output_type: OutputType = "generate_until"
    """Kind of request. Default: ``generate_until``."""
    generation_kwargs: dict[str, Any] | None = None
    """Generation settings. Default: greedy, at most 256 tokens, stop at ``fewshot_delimiter``."""
    repeats: int = 1
    """Number of times each Instance is asked. Default: 1."""
    filter_list: list[dict[str, Any]] | None = None
    """Filter pipelines. Default: take the first response."""
    should_decontaminate: bool = False
    """Stored in the results; nothing is decontaminated."""
    doc_to_decontamination_query: str | None = None
    """Stored in the results, like ``should_decontaminate``."""
    gen_prefix: str | None = None
    """Start of the answer, which the model continues."""
    cluster_key: str | DocFunction | None = None
    """Cluster of a document, such as its passage: a column, a template or a function."""
    metadata: dict[str, Any] | None = None
    """Free mapping; ``version`` is the version of the task."""

    def __post_init__(self) -> None:
        """Fill in the fields that depend on other fields.

        Raises:
            ConfigError: A value cannot be used.
        """
        for key, (kind, what) in _KINDS.items():
            value = getattr(self, key)
            if value is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
                raise ConfigError(f"Task {self.task}: {key} is {what}, not {str(value)[:60]!r}.")
        if self.repeats is None or self.repeats < 1:
            raise ConfigError(f"Task {self.task}: repeats is at least 1, not {self.repeats}.")
        if self.num_fewshot is not None and self.num_fewshot < 0:
            raise ConfigError(f"Task {self.task}: num_fewshot must not be negative, it is {self.num_fewshot}.")
        if self.output_type not in OUTPUT_TYPES:
            near = did_you_mean(str(self.output_type), OUTPUT_TYPES)
            raise ConfigError(
                f"Task {self.task}: unknown output_type {self.output_type!r}; it is one of {', '.join(OUTPUT_TYPES)}."
                f"{near}"
            )
        if self.scoring not in (None, "processes"):
            raise ConfigError(f"Task {self.task}: scoring is 'processes' or left out, not {self.scoring!r}.")
        if self.output_type == "generate_until":
            self.generation_kwargs = self._generation_kwargs(self.generation_kwargs)
        self._check_scorer()
        if not isinstance(self.fewshot_config, FewshotConfig):
            own = {key: getattr(self, key) for key in _SHARED_WITH_FEWSHOT}
            self.fewshot_config = FewshotConfig.from_dict(
                self.fewshot_config or {}, fewshot_split=self.fewshot_split, **own
            )

    def _check_scorer(self) -> None:
        if self.scorer is None:
            return
        try:
            ScorerSpec.parse(self.scorer)
        except ConfigError as error:
            raise ConfigError(f"Task {self.task}: {error}") from None
        if self.output_type != "generate_until":
            raise ConfigError(f"Task {self.task}: a judge reads texts, so scorer needs output_type generate_until.")

    def _generation_kwargs(self, given: dict[str, Any] | None) -> dict[str, Any]:
        """Complete generation settings: with all defaults when none are given, else only with stop strings."""
        if given is None:
            return {
                "temperature": 0.0,
                "do_sample": False,
                "max_gen_toks": DEFAULT_MAX_GEN_TOKS,
                "until": self._default_stops(),
            }
        try:
            kwargs: dict[str, Any] = check_settings(given)
        except ConfigError as error:
            raise ConfigError(f"Task {self.task}: generation_kwargs: {error}") from None
        if isinstance(kwargs.get("temperature"), int):
            kwargs["temperature"] = float(kwargs["temperature"])
        if "until" not in kwargs:
            kwargs["until"] = self._default_stops()
        return kwargs

    def _default_stops(self) -> list[str]:
        """Return the stop strings of a task that names none; one could cut the arguments of a tool call."""
        return [self.fewshot_delimiter] if self.tools is None else []

    def to_dict(self, keep_callable: bool = False) -> dict[str, Any]:
        """Return the fields that are set as a plain dict, for results and logs.

        Args:
            keep_callable: Keep functions; otherwise their source text replaces them.
        """
        shown: dict[str, object] = {}
        for key, value in self.items():
            if isinstance(value, FewshotConfig):
                shown[key] = {name: plain_value(item, keep_callable) for name, item in value.items()}
            elif value is not None:
                shown[key] = plain_value(value, keep_callable)
        return shown

    def serialize_function(self, value: object, keep_callable: bool = False) -> object:
        """Return the source text of a function.

        Args:
            value: A function; any other value is returned unchanged.
            keep_callable: Return a function unchanged too.
        """
        return plain_value(value, keep_callable)


def compiled(key: str, pattern: object) -> re.Pattern[str]:
    """Compile a regular expression of a task file.

    Args:
        key: The key that has it, for the message.
        pattern: The pattern.

    Raises:
        ConfigError: The pattern is no text, or no regular expression.
    """
    if isinstance(pattern, re.Pattern):
        return pattern
    if not isinstance(pattern, str):
        raise ConfigError(f"{key} is a regular expression, not {pattern!r}.")
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ConfigError(f"{key} {shorten(repr(pattern), 80)} is no regular expression: {error}.") from None


FEWSHOT_KEYS: frozenset[str] = frozenset(FewshotConfig.__dataclass_fields__)
TASK_KEYS: frozenset[str] = frozenset(TaskConfig.__dataclass_fields__) | {"class"}
"""The keys that a task file may have, in addition to ``include``."""
