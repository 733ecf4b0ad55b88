"""The config of a task: what a task file says, with the defaults filled in."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache, partial
from typing import Any, Literal, cast, get_args

from lm_eval.errors import ConfigError, did_you_mean

__all__ = ["FEWSHOT_KEYS", "OUTPUT_TYPES", "TASK_KEYS", "FewshotConfig", "OutputType", "TaskConfig", "plain_value"]

OutputType = Literal["loglikelihood", "multiple_choice", "loglikelihood_rolling", "generate_until"]
OUTPUT_TYPES: tuple[OutputType, ...] = get_args(OutputType)
DEFAULT_MAX_GEN_TOKS = 256

DocFunction = Callable[..., Any]
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
def _source(function: Callable[..., Any]) -> str:
    """Return a function's source text, or its name when there is none; the same in every run."""
    if isinstance(function, partial):
        given = [repr(value) for value in function.args] + [f"{k}={v!r}" for k, v in function.keywords.items()]
        return f"partial({', '.join([getattr(function.func, '__qualname__', repr(function.func)), *given])})"
    if not inspect.isclass(function):
        try:
            return inspect.getsource(function)
        except (OSError, TypeError):
            pass
    return f"{function.__module__}.{getattr(function, '__qualname__', type(function).__qualname__)}"


def plain_value(value: Any, keep_callable: bool) -> Any:
    """Copy a config value with its functions as source text, unless they are kept."""
    if isinstance(value, dict):
        return {key: plain_value(item, keep_callable) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_value(item, keep_callable) for item in value]
    if callable(value) and not keep_callable:
        return _source(value)
    return value


class _Keys:
    """Dict-like access to a dataclass's fields."""

    def __getitem__(self, key: str) -> Any:
        if key not in self.keys():
            raise KeyError(key)
        return getattr(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self, key, value)

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def get(self, key: str, default: Any = None) -> Any:
        """Return a field's value.

        Args:
            key: The field's name.
            default: What to return when there is no such field.
        """
        return getattr(self, key) if key in self.keys() else default

    def keys(self) -> tuple[str, ...]:
        """Return the fields' names."""
        return tuple(item.name for item in fields(cast("Any", self)))

    def items(self) -> list[tuple[str, Any]]:
        """Return the fields' names and values."""
        return [(key, getattr(self, key)) for key in self.keys()]


@dataclass
class FewshotConfig(_Keys):
    """Where the shots of a prompt come from and how they are written; what is None falls back to the task's own."""

    sampler: str | type[Any] = "default"
    """``default`` (random), ``first_n``, or a ``ContextSampler`` subclass."""
    split: str | None = None
    """The split that holds the pool."""
    process_docs: DocFunction | None = None
    """Function from split to split."""
    fewshot_indices: list[int] | None = None
    """The only rows of the pool that may be shots."""
    samples: list[dict[str, Any]] | Callable[[], list[dict[str, Any]]] | None = None
    """The pool itself, or a function that returns it; no split is read then."""
    doc_to_text: str | DocFunction | None = None
    """A shot's question."""
    doc_to_choice: str | DocFunction | dict[str, str] | list[str] | None = None
    """A shot's choices."""
    doc_to_target: str | int | list[Any] | DocFunction | None = None
    """A shot's answer."""
    gen_prefix: str | None = None
    """The start of a shot's answer."""
    fewshot_delimiter: str | None = None
    """What stands after a shot."""
    target_delimiter: str | None = None
    """What stands between a shot's question and its answer."""

    @classmethod
    def from_dict(cls, cfg: Mapping[str, Any], *, fewshot_split: str | None = None, **fallbacks: Any) -> FewshotConfig:
        """Build from a task file's ``fewshot_config``.

        Args:
            cfg: The mapping in the file.
            fewshot_split: The task's ``fewshot_split``.
            **fallbacks: The task's own values, for what ``cfg`` leaves out.

        Returns:
            The config.

        Raises:
            ConfigError: A key is not known.
        """
        unknown = [key for key in cfg if key not in FEWSHOT_KEYS]
        if unknown:
            raise ConfigError(f"Unknown key {unknown[0]!r} in fewshot_config.{did_you_mean(unknown[0], FEWSHOT_KEYS)}")
        merged = dict(cfg)
        if merged.get("split") is None:
            merged["split"] = fewshot_split
        for key, value in fallbacks.items():
            if merged.get(key) is None:
                merged[key] = value
        return cls(**merged)


@dataclass
class TaskConfig(_Keys):
    """Everything a task file can say about a task."""

    task: str | None = None
    """The task's name."""
    task_alias: str | None = None
    """The name shown in tables."""
    tag: str | list[str] | None = None
    """Names under which this task is selected together with others."""
    custom_dataset: Callable[..., Any] | None = None
    """Function of the metadata and ``dataset_kwargs`` that returns ``{split: rows}``."""
    dataset_path: str | None = None
    """The dataset's id on the Hub, a folder, or a format such as ``json``."""
    dataset_name: str | None = None
    """The dataset's config."""
    dataset_kwargs: dict[str, Any] | None = None
    """Further arguments of ``datasets.load_dataset``."""
    training_split: str | None = None
    """Split that may serve as the few-shot pool."""
    validation_split: str | None = None
    """Split that is evaluated when there is no test split."""
    test_split: str | None = None
    """Split that is evaluated."""
    fewshot_split: str | None = None
    """Split that is the few-shot pool."""
    process_docs: DocFunction | None = None
    """Function from split to split, applied before anything else."""
    doc_to_text: str | int | DocFunction | None = None
    """The question: a column, a template or a function."""
    doc_to_target: str | int | list[Any] | DocFunction | None = None
    """The answer: a column, a template, an index, a list or a function."""
    doc_to_image: str | list[Any] | DocFunction | None = None
    """The images of a doc."""
    doc_to_audio: str | list[Any] | DocFunction | None = None
    """The sounds of a doc."""
    unsafe_code: bool = False
    """Whether scoring runs code a model wrote."""
    doc_to_choice: str | DocFunction | dict[str, str] | list[str] | None = None
    """The choices of a multiple choice doc."""
    process_results: DocFunction | None = None
    """Function of a doc and its filtered responses that returns its metrics."""
    use_prompt: str | None = None
    """A promptsource prompt."""
    description: str = ""
    """Template of the text that opens the prompt."""
    target_delimiter: str = " "
    """What stands between question and answer."""
    fewshot_delimiter: str = "\n\n"
    """What stands between shots."""
    fewshot_config: dict[str, Any] | FewshotConfig | None = None
    """Where shots come from and how they are written."""
    num_fewshot: int | None = None
    """The number of shots."""
    metric_list: list[Any] | None = None
    """The metrics; None means those of the output type."""
    output_type: OutputType = "generate_until"
    """What is asked of the model."""
    generation_kwargs: dict[str, Any] | None = None
    """Generation settings."""
    repeats: int = 1
    """How often each Instance is asked."""
    filter_list: list[Any] | None = None
    """The filter pipelines."""
    should_decontaminate: bool = False
    """Carried along; nothing is decontaminated."""
    doc_to_decontamination_query: str | None = None
    """Carried along, as ``should_decontaminate``."""
    gen_prefix: str | None = None
    """The start of the answer, put in front of generation."""
    cluster_key: str | DocFunction | None = None
    """What docs of one cluster share, such as a passage: a column, a template or a function."""
    metadata: dict[str, Any] | None = None
    """Free; ``version`` is the task's version."""

    def __post_init__(self) -> None:
        """Fill in what depends on other fields.

        Raises:
            ConfigError: A value cannot be used.
        """
        if self.output_type not in OUTPUT_TYPES:
            near = did_you_mean(str(self.output_type), OUTPUT_TYPES)
            raise ConfigError(
                f"Task {self.task}: unknown output_type {self.output_type!r}; it is one of {', '.join(OUTPUT_TYPES)}."
                f"{near}"
            )
        if self.output_type == "generate_until":
            self.generation_kwargs = self._generation_kwargs(self.generation_kwargs)
        if not isinstance(self.fewshot_config, FewshotConfig):
            own = {key: getattr(self, key) for key in _SHARED_WITH_FEWSHOT}
            self.fewshot_config = FewshotConfig.from_dict(
                self.fewshot_config or {}, fewshot_split=self.fewshot_split, **own
            )

    def _generation_kwargs(self, given: dict[str, Any] | None) -> dict[str, Any]:
        """Complete generation settings: all the defaults when none are given, else only the stop strings."""
        if given is None:
            return {
                "temperature": 0.0,
                "do_sample": False,
                "max_gen_toks": DEFAULT_MAX_GEN_TOKS,
                "until": [self.fewshot_delimiter],
            }
        kwargs = dict(given)
        if "temperature" in kwargs:
            kwargs["temperature"] = float(kwargs["temperature"])
        if "until" not in kwargs:
            kwargs["until"] = [self.fewshot_delimiter]
        return kwargs

    def to_dict(self, keep_callable: bool = False) -> dict[str, Any]:
        """Return the fields that are set, for results and logs.

        Args:
            keep_callable: Keep functions as they are; else their source text stands for them.

        Returns:
            A plain dict.
        """
        shown: dict[str, Any] = {}
        for key, value in self.items():
            if isinstance(value, FewshotConfig):
                shown[key] = {name: plain_value(item, keep_callable) for name, item in value.items()}
            elif value is not None:
                shown[key] = plain_value(value, keep_callable)
        return shown

    def serialize_function(self, value: Any, keep_callable: bool = False) -> Any:
        """Return a function's source text.

        Args:
            value: A function, or anything else, which is returned as it is.
            keep_callable: Return a function as it is too.
        """
        return plain_value(value, keep_callable)


FEWSHOT_KEYS: frozenset[str] = frozenset(item.name for item in fields(FewshotConfig))
TASK_KEYS: frozenset[str] = frozenset(item.name for item in fields(TaskConfig)) | {"class"}
"""The keys a task file may have, beside ``include``."""
